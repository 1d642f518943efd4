"""Which rows of a table differ by more than noise: that of their seeds, and that of the test images.

A row has few seeds, so its own variance over them is a poor estimate: with three seeds the normal law finds a
false difference in 41 to 71 % of tables. The variances of all rows are therefore moderated towards a common
prior (Smyth 2004, "Linear models and empirical Bayes methods", section 6.2), and the difference of two means
is judged by the Behrens-Fisher law of two unequal variances, each known with its own degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.05
"""The chance that a table claims any difference that is not there."""

MOST_PRIOR_DEGREES = 30.0
"""Of freedom: beyond it, all rows have in effect the same variance."""

FEWEST_ROWS = 8
"""Trained rows that a table needs to have a prior of its own; `DEFAULT_PRIOR` stands in below. Above, its
degrees of freedom count as so many further rows."""

LEAST_MEAN = 0.05
"""Rows whose mean is lower say nothing of the seeds: a method that has learnt nothing repeats its zero."""

LEAST_VARIANCE = 1e-10
"""Variances over seeds that are lower come from rounding, not from seeds: records keep five decimals."""

NODES = 24
"""Gauss-Legendre nodes of each of the two integrals over an unknown variance."""

AT_ONCE = 4096
"""Pairs whose integrals are computed at once, in about 20 MB an array; 500 rows have 124,750 pairs."""


@dataclass(frozen=True)
class Prior:
    """What the variances over seeds of a table's rows have in common: a scaled inverse chi-squared law.

    Attributes:
        degrees: of freedom; so many seeds the prior is worth.
        variance: its location, that of a row which has one seed.
        rows: the number of rows it was fitted to; 0 for the default.
    """

    degrees: float
    variance: float
    rows: int = 0


DEFAULT_PRIOR = Prior(2.78, 0.072**2)
"""That of 27 trained rows on the phantom under protocol version 1; for tables of fewer than `FEWEST_ROWS`."""


@dataclass(frozen=True)
class Estimate:
    """One metric of one row.

    Attributes:
        values: ``(n,)`` of its seeds, in the order of ``trainings``.
        draws: ``(B,)`` mean over seeds in each bootstrap draw; NaN where it does not exist. Draw b is the
            same draw of images for every row.
        deterministic: whether the method does the same for every seed, as it declares.
        trainings: a key of the training behind each seed; two rows that share all of them are compared
            seed by seed. Empty where it is unknown.
        edge_variance: what the draws cannot show of a value at the edge of its range, where every draw is
            equal; see `wsbench.scoring.intervals.edge_variance`.
    """

    values: np.ndarray
    draws: np.ndarray
    deterministic: bool = False
    trainings: tuple[str, ...] = ()
    edge_variance: float = 0.0

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(self.values.mean())

    @property
    def seed_variance(self) -> float:
        """Of one seed, as the sample estimates it; 0 for a single seed."""
        return float(np.var(self.values, ddof=1)) if len(self.values) > 1 else 0.0


@dataclass(frozen=True)
class Moderated:
    """A variance over seeds, moderated by the prior.

    Attributes:
        variance: of one seed.
        degrees: of freedom it is known with.
        seeds: the number of seeds that a mean is taken over.
    """

    variance: float
    degrees: float
    seeds: int

    def of_mean(self) -> np.ndarray:
        """``(NODES,)`` variances of the mean at the quadrature nodes of the law of the true variance."""
        if self.variance == 0:
            return np.zeros(NODES)
        return self.degrees * self.variance / _chi_squared_nodes(self.degrees) / self.seeds


def fit_prior(variances: Sequence[float], seeds: Sequence[int], borrowed: int = 0) -> Prior:
    """Degrees of freedom and location of the prior, by the moments of log variances (Smyth 2004, section
    6.2).

    Args:
        variances: over seeds, of at least two rows; each above 0.
        seeds: the number of seeds of each row; at least 2.
        borrowed: so many further rows are taken to spread as under `DEFAULT_PRIOR`. A few rows whose
            variances happen to be alike would else be taken for proof that all variances are equal, and 7 %
            of tables of eight rows with three seeds erred.
    """
    from scipy.special import digamma, polygamma

    half = (np.asarray(seeds) - 1) / 2
    logs = np.log(variances) - digamma(half) + np.log(half)
    excess = float(np.var(logs, ddof=1) - polygamma(1, half).mean())
    expected = float(polygamma(1, DEFAULT_PRIOR.degrees / 2))
    excess = (len(logs) * excess + borrowed * expected) / (len(logs) + borrowed)
    degrees = MOST_PRIOR_DEGREES
    if excess > 0:
        degrees = min(MOST_PRIOR_DEGREES, 2 * _inverse_trigamma(excess))
    location = np.exp(logs.mean() + digamma(degrees / 2) - np.log(degrees / 2))
    return Prior(degrees, float(location), len(logs))


def prior_of(rows: Sequence[Estimate]) -> Prior:
    """The prior of a table's trained rows, those that share a training included, or the default where there
    are fewer than `FEWEST_ROWS`."""
    several = [row for row in rows if not row.deterministic and len(row.values) > 1]
    trained = [row for row in several if row.mean > LEAST_MEAN and row.seed_variance > LEAST_VARIANCE]
    if len(trained) < FEWEST_ROWS:
        return DEFAULT_PRIOR
    variances, seeds = [row.seed_variance for row in trained], [len(row.values) for row in trained]
    return fit_prior(variances, seeds, borrowed=FEWEST_ROWS)


def moderate(row: Estimate, prior: Prior) -> Moderated:
    """The variance over seeds of a row: its own and the prior's, weighted by their degrees of freedom.

    A single seed has none of its own and pays the prior's. Only a method that declares itself deterministic
    has no variance.
    """
    seeds = len(row.values)
    if row.deterministic:
        return Moderated(0.0, np.inf, seeds)
    return moderated_by(prior, row.seed_variance, seeds)


def moderated_by(prior: Prior, variance: float, seeds: int) -> Moderated:
    """A sample variance over some seeds and the prior's, weighted by their degrees of freedom; ``variance``
    counts for nothing where there is one seed."""
    own = seeds - 1
    degrees = prior.degrees + own
    return Moderated((prior.degrees * prior.variance + own * variance) / degrees, degrees, seeds)


def of_pairs(prior: Prior) -> Prior:
    """The prior of paired differences: without a pair's own history, the variance of two independent
    seeds."""
    return Prior(prior.degrees, 2 * prior.variance, prior.rows)


def p_value(difference: float, variance: float, first: Moderated, second: Moderated | None = None) -> float:
    """Two-sided p of a difference of two means (Behrens-Fisher): the chance under the normal law, averaged
    over what the variances over seeds may be.

    Args:
        difference: of the means.
        variance: of the difference over draws of the images.
        first, second: the variances over seeds of both rows; without ``second``, ``first`` is that of paired
            differences.
    """
    of_second = np.zeros(NODES) if second is None else second.of_mean()
    return float(p_values(np.array([difference]), np.array([variance]), [first.of_mean()], [of_second])[0])


def p_values(
    differences: np.ndarray, variances: np.ndarray, first: ArrayLike, second: ArrayLike
) -> np.ndarray:
    """``(P,)`` `p_value` of P differences.

    Args:
        differences, variances: ``(P,)``.
        first, second: ``(P, NODES)`` variances over seeds of the means of both rows, at the quadrature nodes
            of the laws of the true variances (`Moderated.of_mean`).
    """
    from scipy.special import ndtr

    weights, first, second = _weights(), np.asarray(first), np.asarray(second)
    result = np.empty(len(differences))
    for start in range(0, len(differences), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        difference = differences[part, None, None]
        total = variances[part, None, None] + first[part, :, None] + second[part, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            tails = 2 * ndtr(-np.abs(difference) / np.sqrt(total))
        tails = np.where(total > 0, tails, difference == 0)
        result[part] = np.einsum("i,pij,j->p", weights, tails, weights, optimize=True)
    return result


def p_of(first: Estimate, second: Estimate, prior: Prior) -> float:
    """Two-sided p of the difference of two rows, paired seed by seed where they share every training."""
    return p_value(first.mean - second.mean, *noise_of(first, second, prior))


def noise_of(first: Estimate, second: Estimate, prior: Prior) -> tuple[float, Moderated, Moderated | None]:
    """What `p_value` needs of a difference: its variance over draws, and the variances over seeds of both
    rows, or that of paired differences alone."""
    both = first.draws - second.draws
    variance = float(np.nanvar(both, ddof=1)) + first.edge_variance + second.edge_variance
    if share_trainings(first, second):
        return variance, paired(first, second, prior), None
    return variance, moderate(first, prior), moderate(second, prior)


def paired(first: Estimate, second: Estimate, prior: Prior) -> Moderated:
    """The variance over seeds of the paired differences of two rows that share every training."""
    variance = float(np.var(first.values - second.values, ddof=1))
    return moderated_by(of_pairs(prior), variance, len(first.values))


def share_trainings(first: Estimate, second: Estimate) -> bool:
    """Whether every seed of two rows has the same training behind it; it takes two seeds to see a spread."""
    return len(first.trainings) > 1 and first.trainings == second.trainings


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's adjustment: what is below a level errs, all together, with at most that chance."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, which falls from infinity to 0."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    return float(brentq(lambda x: polygamma(1, x) - value, 1e-8, 1e8, xtol=1e-14, rtol=1e-14))


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights of (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


def _weights() -> np.ndarray:
    """``(NODES,)`` of the substitution u ** 3, which sets nodes densely where the variance is large."""
    nodes, weights = _nodes()
    result: np.ndarray = weights * 3 * nodes**2
    return result


@cache
def _chi_squared_nodes(degrees: float) -> np.ndarray:
    from scipy.stats import chi2

    nodes: np.ndarray = chi2.ppf(_nodes()[0] ** 3, degrees)
    return nodes
