"""Tests whether a group is hit as often as the rest. The test is valid for small groups and rare hits."""

from __future__ import annotations

import numpy as np

from wsbench.scoring.bootstrap import ratio

MIN_SKEWNESS = 1e-4
"""Smaller skewness is raised to this value, at which the gamma law is practically the normal law."""


def gaps(hit: np.ndarray, members: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare the shares of hits of strata with those of their rests.

    The hypothesis is that all K targets have the same share of hits. Under it, the variance and the skewness
    of a hit are estimated from all hits, and the correlation of hits of one patient from the pairs within
    patients (method of moments). The difference then follows a Pearson type III law with these moments, which
    approximates the permutation law (Mielke and Berry 1976). The variance of the bootstrap cannot be used: a
    small stratum whose targets are all hit does not vary in any draw.

    Args:
        hit: ``(..., K)`` floats in [0, 1], whether, or how often, each target is hit.
        members: ``(G, K)`` bool, which targets belong to each stratum.
        unit: ``(K,)`` the patient of each target.

    Returns:
        Three arrays ``(..., G)``: the differences between stratum and rest, their standard errors under the
        hypothesis, and two-sided p values. p is 1 where all hits are equal.
    """
    weights = members / members.sum(axis=1, keepdims=True)
    weights = weights - ~members / (~members).sum(axis=1, keepdims=True)
    rest = hit - hit.mean(axis=-1, keepdims=True)
    second, third = (rest**2).mean(axis=-1), (rest**3).mean(axis=-1)
    squares = (weights**2).sum(axis=1)
    variance = second[..., None] * len(unit) / (len(unit) - 1)
    variance = variance * (squares + _within_patients(rest, weights, unit))
    skewness = ratio(third, second**1.5)[..., None] * (weights**3).sum(axis=1) / squares**1.5
    differences = hit @ weights.T
    errors = np.sqrt(np.maximum(variance, 0.0))
    standard = np.divide(differences, errors, out=np.zeros_like(differences), where=errors > 0)
    return differences, errors, np.where(errors > 0, _two_sided(standard, np.nan_to_num(skewness)), 1.0)


def _within_patients(rest: np.ndarray, weights: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Compute what the correlation within patients adds to the variance of a weighted sum.

    Args:
        rest: ``(..., K)`` hits minus their mean.
        weights: ``(G, K)`` weights of the sum.
        unit: ``(K,)`` the patient of each target.

    Returns:
        ``(..., G)`` in units of the variance of a hit; negative for a stratum that shares its patients with
        its rest.
    """
    patients, patient = np.unique(unit, return_inverse=True)
    belongs = np.zeros((len(unit), len(patients)))
    belongs[np.arange(len(unit)), patient] = 1.0
    sizes, squares = belongs.sum(axis=0), (rest**2).sum(axis=-1)
    products = ((rest @ belongs) ** 2).sum(axis=-1) - squares
    pairs = squares / len(unit) * (sizes * (sizes - 1)).sum()
    # Undefined where no patient has two targets, or all hits are equal.
    correlation = np.clip(np.nan_to_num(ratio(products, pairs)), 0.0, 1.0)
    within = ((weights @ belongs) ** 2).sum(axis=1) - (weights**2).sum(axis=1)
    result: np.ndarray = correlation[..., None] * within
    return result


def _two_sided(standard: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """Compute twice the smaller tail of the Pearson type III law of mean 0 and variance 1.

    It is the law of a shifted gamma variable, and approaches the normal law as the skewness approaches 0.
    """
    from scipy.special import gammainc, gammaincc

    skewness = np.where(np.abs(skewness) < MIN_SKEWNESS, MIN_SKEWNESS, skewness)
    shape = 4 / skewness**2
    gamma = np.maximum(shape + 2 * standard / skewness, 0.0)
    # A negative skewness mirrors the law, which swaps its tails; the smaller one is the same.
    result: np.ndarray = np.minimum(2 * np.minimum(gammainc(shape, gamma), gammaincc(shape, gamma)), 1.0)
    return result
