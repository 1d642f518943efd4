"""Tests whether rows of a table differ by more than the noise of their seeds and of the test images.

A row has few seeds, so that its own variance over them is a poor estimate. With three seeds the normal law
finds a false difference in 41 to 71 % of tables. The variances of all rows are therefore moderated towards a
common prior (Smyth 2004, "Linear models and empirical Bayes methods", section 6.2). The difference of two
means is tested under the Behrens-Fisher law of two unequal variances, each known with its own degrees of
freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.05
"""The chance that a table claims any difference that is not there."""

MAX_PRIOR_DEGREES = 30.0
"""The largest degrees of freedom of a prior. Beyond it, all rows have nearly the same variance."""

MIN_ROWS_FOR_PRIOR = 8
"""The number of trained rows from which a table has a prior of its own; with fewer, `DEFAULT_PRIOR` is used.
A table's own prior is pulled towards the default as if it had this number of further rows."""

MIN_SEEDS_FOR_PRIOR = 3
"""Rows with fewer seeds are left out of the prior. The variance of two seeds says so little that the fit
takes variances for equal that are not: 8 to 12 % of sweeps of 9 to 20 rows claimed a false difference."""

MIN_MEAN = 0.05
"""Rows with a lower mean are left out of the prior. A method that has learnt nothing scores 0 with every
seed, which says nothing about the noise of seeds."""

MIN_VARIANCE = 1e-10
"""Rows with a lower variance over seeds are left out of the prior. It comes from rounding: records keep five
decimals."""

NODES = 24
"""Gauss-Legendre nodes of each of the two integrals over an unknown variance."""

PAIRS_PER_BATCH = 4096
"""Pairs of rows whose integrals are computed together, in arrays of about 20 MB. 500 rows have 124,750
pairs."""


@dataclass(frozen=True)
class Prior:
    """The law of the variances over seeds of a table's rows: a scaled inverse chi-squared law.

    Attributes:
        degrees: its degrees of freedom. The prior is worth this number of seeds.
        variance: its location, which is the moderated variance of a row with a single seed.
        rows: the number of rows that it was fitted to; 0 for the default.
    """

    degrees: float
    variance: float
    rows: int = 0


DEFAULT_PRIOR = Prior(2.78, 0.072**2)
"""The prior of 27 trained rows on the phantom under protocol version 1, for tables with few rows."""


@dataclass(frozen=True)
class Estimate:
    """The estimate of one metric of one row.

    Attributes:
        values: ``(n,)`` values of the seeds, in the order of ``trainings``.
        draws: ``(B,)`` means over seeds in each bootstrap draw; NaN where the metric does not exist. Draw b
            is the same draw of images for every row.
        deterministic: whether the method declares that its predictions do not depend on the seed.
        trainings: a key of the training behind each seed; empty where trainings are unknown. Two rows with
            the same trainings are compared seed by seed.
        edge_variance: a variance that stands in for that of the draws at the edge of the metric's range,
            where all draws are equal; see `wsbench.scoring.intervals.edge_variance`.
    """

    values: np.ndarray
    draws: np.ndarray
    deterministic: bool = False
    trainings: tuple[str, ...] = ()
    edge_variance: float = 0.0

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @property
    def seed_variance(self) -> float:
        """The sample variance over seeds; 0 for a single seed."""
        return float(np.var(self.values, ddof=1)) if len(self.values) > 1 else 0.0


@dataclass(frozen=True)
class Moderated:
    """A variance over seeds, moderated by the prior.

    Attributes:
        variance: the variance of a value over seeds.
        degrees: the degrees of freedom that the variance is known with.
        seeds: the number of seeds that a mean is taken over.
    """

    variance: float
    degrees: float
    seeds: int

    def of_mean(self) -> np.ndarray:
        """Return ``(NODES,)`` variances of the mean at the quadrature nodes of the true variance's law."""
        if self.variance == 0:
            return np.zeros(NODES)
        return self.degrees * self.variance / _chi_squared_nodes(self.degrees) / self.seeds


def fit_prior(variances: Sequence[float], seeds: Sequence[int], borrowed: int = 0) -> Prior:
    """Fit the prior by the moments of log variances (Smyth 2004, section 6.2).

    Args:
        variances: the variances over seeds of at least two rows; each above 0.
        seeds: the number of seeds of each row; each at least 2.
        borrowed: the number of further rows that are assumed to spread as under `DEFAULT_PRIOR`. Without
            them, a few rows that happen to have similar variances would suggest that all variances are
            equal, and 7 % of tables of eight rows with three seeds claimed a false difference.
    """
    from scipy.special import digamma, polygamma

    half = (np.asarray(seeds) - 1) / 2
    logs = np.log(variances) - digamma(half) + np.log(half)
    excess = float(np.var(logs, ddof=1) - polygamma(1, half).mean())
    expected = float(polygamma(1, DEFAULT_PRIOR.degrees / 2))
    excess = (len(logs) * excess + borrowed * expected) / (len(logs) + borrowed)
    degrees = MAX_PRIOR_DEGREES
    if excess > 0:
        degrees = min(MAX_PRIOR_DEGREES, 2 * _inverse_trigamma(excess))
    location = np.exp(logs.mean() + digamma(degrees / 2) - np.log(degrees / 2))
    return Prior(degrees, float(location), len(logs))


def prior_of(rows: Sequence[Estimate]) -> Prior:
    """Return the prior of a table's trained rows with at least `MIN_SEEDS_FOR_PRIOR` seeds, or the default
    for fewer than `MIN_ROWS_FOR_PRIOR` such rows.

    Rows that share a training count as well.
    """
    several = [row for row in rows if not row.deterministic and len(row.values) >= MIN_SEEDS_FOR_PRIOR]
    trained = [row for row in several if row.mean > MIN_MEAN and row.seed_variance > MIN_VARIANCE]
    if len(trained) < MIN_ROWS_FOR_PRIOR:
        return DEFAULT_PRIOR
    variances, seeds = [row.seed_variance for row in trained], [len(row.values) for row in trained]
    return fit_prior(variances, seeds, borrowed=MIN_ROWS_FOR_PRIOR)


def moderate(row: Estimate, prior: Prior) -> Moderated:
    """Moderate the variance over seeds of a row by the prior.

    A row with a single seed gets the variance of the prior. Only a method that declares itself deterministic
    has no variance.
    """
    seeds = len(row.values)
    if row.deterministic:
        return Moderated(0.0, np.inf, seeds)
    return moderated_by(prior, row.seed_variance, seeds)


def moderated_by(prior: Prior, variance: float, seeds: int) -> Moderated:
    """Return the mean of a sample variance and the prior's variance, weighted by their degrees of freedom.

    Args:
        prior: the prior.
        variance: the sample variance; it has no weight for a single seed.
        seeds: the number of seeds.
    """
    sample_degrees = seeds - 1
    degrees = prior.degrees + sample_degrees
    return Moderated((prior.degrees * prior.variance + sample_degrees * variance) / degrees, degrees, seeds)


def of_pairs(prior: Prior) -> Prior:
    """Return the prior of paired differences: the variance of the difference of two independent seeds."""
    return Prior(prior.degrees, 2 * prior.variance, prior.rows)


def p_value(difference: float, variance: float, first: Moderated, second: Moderated | None = None) -> float:
    """Compute the two-sided p of a difference of two means (Behrens-Fisher).

    It is the p of the normal law, averaged over the laws of the unknown variances over seeds.

    Args:
        difference: the difference of the means.
        variance: the variance of the difference over draws of the images.
        first, second: the variances over seeds of both rows. Without ``second``, ``first`` is the variance of
            paired differences.
    """
    of_second = np.zeros(NODES) if second is None else second.of_mean()
    return float(p_values(np.array([difference]), np.array([variance]), [first.of_mean()], [of_second])[0])


def p_values(
    differences: np.ndarray, variances: np.ndarray, first: ArrayLike, second: ArrayLike
) -> np.ndarray:
    """Compute the `p_value` of P differences.

    Args:
        differences: ``(P,)`` differences of means.
        variances: ``(P,)`` variances of the differences over draws of the images.
        first, second: ``(P, NODES)`` variances over seeds of the means of both rows, at the quadrature nodes
            of the laws of the true variances (`Moderated.of_mean`).

    Returns:
        ``(P,)`` floats in [0, 1].
    """
    from scipy.special import ndtr

    weights, first, second = _weights(), np.asarray(first), np.asarray(second)
    result = np.empty(len(differences))
    for start in range(0, len(differences), PAIRS_PER_BATCH):
        batch = slice(start, start + PAIRS_PER_BATCH)
        difference = differences[batch, None, None]
        total = variances[batch, None, None] + first[batch, :, None] + second[batch, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            tails = 2 * ndtr(-np.abs(difference) / np.sqrt(total))
        # Without any variance, only equal means have p = 1.
        tails = np.where(total > 0, tails, difference == 0)
        result[batch] = np.einsum("i,pij,j->p", weights, tails, weights, optimize=True)
    return result


def p_of(first: Estimate, second: Estimate, prior: Prior) -> float:
    """Compute the two-sided p of two rows, paired seed by seed where they share every training."""
    return p_value(first.mean - second.mean, *noise_of(first, second, prior))


def noise_of(first: Estimate, second: Estimate, prior: Prior) -> tuple[float, Moderated, Moderated | None]:
    """Compute what `p_value` needs of two rows.

    Returns:
        The variance of their difference over draws, and the variances over seeds of both rows; where they
        share every training, the variance of paired differences, and None.
    """
    drawn = first.draws - second.draws
    variance = float(np.nanvar(drawn, ddof=1)) + first.edge_variance + second.edge_variance
    if share_trainings(first, second):
        return variance, paired(first, second, prior), None
    return variance, moderate(first, prior), moderate(second, prior)


def paired(first: Estimate, second: Estimate, prior: Prior) -> Moderated:
    """Moderate the variance over seeds of the paired differences of two rows that share every training."""
    variance = float(np.var(first.values - second.values, ddof=1))
    return moderated_by(of_pairs(prior), variance, len(first.values))


def share_trainings(first: Estimate, second: Estimate) -> bool:
    """Return whether two rows have the same training behind every seed. Rows of one seed are not paired,
    because a single difference has no spread."""
    return len(first.trainings) > 1 and first.trainings == second.trainings


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjust p values for multiple tests (Holm 1979).

    If all hypotheses are rejected whose adjusted p is below a level, the chance of any false rejection is at
    most that level.

    Args:
        p_values: ``(K,)`` p values of K tests.

    Returns:
        ``(K,)`` adjusted p values, at most 1, in the same order.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted


def _inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value for x. Trigamma falls from infinity to 0."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    return float(brentq(lambda x: polygamma(1, x) - value, 1e-8, 1e8, xtol=1e-14, rtol=1e-14))


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights on the interval (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


def _weights() -> np.ndarray:
    """Return ``(NODES,)`` weights after the substitution u ** 3, which places nodes densely where the
    variance is large."""
    nodes, weights = _nodes()
    result: np.ndarray = weights * 3 * nodes**2
    return result


@cache
def _chi_squared_nodes(degrees: float) -> np.ndarray:
    from scipy.stats import chi2

    nodes: np.ndarray = chi2.ppf(_nodes()[0] ** 3, degrees)
    return nodes
