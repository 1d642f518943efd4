"""Whether a group is hit as often as all others are: a test that holds for small groups and rare hits."""

from __future__ import annotations

import numpy as np

from wsbench.scoring.bootstrap import ratio

LEAST_SKEWNESS = 1e-4
"""Of a law that counts as skewed at all; a gamma law of so large a shape is the normal law."""


def gaps(hit: np.ndarray, members: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Differences between strata and their rests, their standard errors where there is no gap, and p.

    Under the hypothesis that all K targets have one share of hits, the variance and the skewness of a hit are
    those of all hits, hits of one patient correlate as pairs within patients do (method of moments), and the
    difference has the Pearson type III law of these moments, which stands for the permutation's (Mielke and
    Berry 1976). The bootstrap's variance would not do: a small stratum that is hit throughout varies in no
    draw.

    Args:
        hit: ``(..., K)`` in [0, 1].
        members: ``(G, K)`` bool.
        unit: ``(K,)`` the patient of each target.

    Returns:
        All ``(..., G)``; p is two-sided, and 1 where all hits are equal.
    """
    weights = members / members.sum(axis=1, keepdims=True)
    weights = weights - ~members / (~members).sum(axis=1, keepdims=True)
    rest = hit - hit.mean(axis=-1, keepdims=True)
    second, third = (rest**2).mean(axis=-1), (rest**3).mean(axis=-1)
    own = (weights**2).sum(axis=1)
    variance = second[..., None] * len(unit) / (len(unit) - 1)
    variance = variance * (own + _shared(rest, weights, unit))
    skewness = ratio(third, second**1.5)[..., None] * (weights**3).sum(axis=1) / own**1.5
    differences = hit @ weights.T
    errors = np.sqrt(np.maximum(variance, 0.0))
    standard = np.divide(differences, errors, out=np.zeros_like(differences), where=errors > 0)
    return differences, errors, np.where(errors > 0, _two_sided(standard, np.nan_to_num(skewness)), 1.0)


def _shared(rest: np.ndarray, weights: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """``(..., G)`` what correlation within patients adds to the variance of a weighted sum, in units of the
    variance of a hit; below 0 for a stratum that is compared with its rest within patients.

    Args:
        rest: ``(..., K)`` hits less their mean.
        weights: ``(G, K)``.
        unit: ``(K,)``.
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
    """Twice the smaller tail of the Pearson type III law of mean 0 and variance 1: that of a shifted gamma
    law, and the normal law where the skewness is 0."""
    from scipy.special import gammainc, gammaincc

    skewness = np.where(np.abs(skewness) < LEAST_SKEWNESS, LEAST_SKEWNESS, skewness)
    shape = 4 / skewness**2
    place = np.maximum(shape + 2 * standard / skewness, 0.0)
    result: np.ndarray = np.minimum(2 * np.minimum(gammainc(shape, place), gammaincc(shape, place)), 1.0)
    return result
