"""Ranks the rows of a table, and says which ranks noise leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.scoring.significance import (
    LEVEL,
    NODES,
    Estimate,
    Moderated,
    Prior,
    holm,
    moderate,
    p_values,
    paired,
    prior_of,
    share_trainings,
)


@dataclass(frozen=True)
class Ranking:
    """The ranks of K rows.

    Attributes:
        best, worst: ``(K,)`` integers, the ends of each row's rank interval. The best rank is one more than
            the number of rows that are better by more than noise. The worst rank is K minus the number of
            rows that are worse by more than noise.
        likely_best, likely_worst: ``(K,)`` integers, the ends of each row's marginal 95 % interval. It holds
            for one row that is looked at alone, and is narrower.
        winner: ``(K,)`` bool, whether the row may be the best: no other row is better by more than noise, in
            a test of that question alone.
        prior: the prior by which the variances over seeds were moderated.
    """

    best: np.ndarray
    worst: np.ndarray
    likely_best: np.ndarray
    likely_worst: np.ndarray
    winner: np.ndarray
    prior: Prior


def rank(rows: Sequence[Estimate], *, higher_is_better: bool = True) -> Ranking:
    """Compute rank intervals, the set of possible winners and marginal intervals of rows.

    Every pair of rows is compared with Holm's correction, so that the whole table claims any false difference
    with a chance of at most `LEVEL`. A row may be the winner if no other row is better in a one-sided test at
    the level ``LEVEL / (K - 1)``.

    Args:
        rows: K estimates of one metric.
        higher_is_better: False ranks the lowest mean first.
    """
    count, prior = len(rows), prior_of(rows)
    sign = 1 if higher_is_better else -1
    means = sign * np.array([row.mean for row in rows])
    first, second = np.triu_indices(count, 1)
    p = _p_of_pairs(rows, first, second, prior)
    ahead = np.where(means[first] > means[second], first, second)
    behind = first + second - ahead
    told_apart = holm(p) < LEVEL
    better = np.bincount(behind[told_apart], minlength=count)
    worse = np.bincount(ahead[told_apart], minlength=count)
    winner = np.ones(count, dtype=bool)
    winner[behind[p / 2 <= LEVEL / max(count - 1, 1)]] = False
    low, high = _marginal(rows, prior, sign)
    return Ranking(1 + better, count - worse, low, high, winner, prior)


def _p_of_pairs(rows: Sequence[Estimate], first: np.ndarray, second: np.ndarray, prior: Prior) -> np.ndarray:
    """Compute `p_of` of P pairs of rows.

    Args:
        rows: the rows.
        first, second: ``(P,)`` the numbers of the rows of each pair.
        prior: the prior of the variances over seeds.
    """
    means = np.array([row.mean for row in rows])
    of_mean = np.array([moderate(row, prior).of_mean() for row in rows]).reshape(-1, NODES)
    seeds_of_first, seeds_of_second = of_mean[first], of_mean[second]
    trainings = np.unique([" ".join(row.trainings) for row in rows], return_inverse=True)[1]
    for pair in np.flatnonzero(trainings[first] == trainings[second]):
        both = rows[first[pair]], rows[second[pair]]
        if share_trainings(*both):
            seeds_of_first[pair] = paired(*both, prior).of_mean()
            seeds_of_second[pair] = 0.0
    variances = _variances_of_pairs(rows, first, second)
    return p_values(means[first] - means[second], variances, seeds_of_first, seeds_of_second)


def _variances_of_pairs(rows: Sequence[Estimate], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute ``(P,)`` variances over draws of the differences of pairs, over the draws that both rows have.

    Matrix products give the sums of all pairs at once.
    """
    draws = np.array([row.draws for row in rows])
    exists = ~np.isnan(draws)
    edges = np.array([row.edge_variance for row in rows])
    # Values are centred, because the sum of squares of large values would lose a small variance by rounding.
    centred = np.where(exists, draws - np.nanmean(draws, axis=1, keepdims=True), 0.0)
    known = exists.astype(np.float64)
    count, sums, squares = known @ known.T, centred @ known.T, centred**2 @ known.T
    products = squares + squares.T - 2 * centred @ centred.T
    differences = sums - sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        variances = (products - differences**2 / count) / (count - 1)
    result: np.ndarray = np.maximum(variances[first, second], 0.0) + edges[first] + edges[second]
    return result


def _marginal(rows: Sequence[Estimate], prior: Prior, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Simulate the ranks of every row, with new test images, seeds and variances over seeds.

    Returns:
        ``(K,)`` the lowest and ``(K,)`` the highest of the middle 95 % of a row's ranks.
    """
    from scipy.stats import rankdata

    draws = np.stack([row.draws for row in rows], axis=1)
    draws = draws[~np.isnan(draws).any(axis=1)]
    means = np.array([row.mean for row in rows])
    generator = np.random.default_rng(0)
    noise = np.stack([_seed_noise(moderate(row, prior), len(draws), generator) for row in rows], axis=1)
    simulated = sign * (2 * means - draws + noise)
    ranks = rankdata(-simulated, method="min", axis=1)
    low, high = np.quantile(ranks, [LEVEL / 2, 1 - LEVEL / 2], axis=0, method="nearest")
    return low.astype(int), high.astype(int)


def _seed_noise(moderated: Moderated, draws: int, generator: np.random.Generator) -> np.ndarray:
    if moderated.variance == 0:
        return np.zeros(draws)
    variances = moderated.degrees * moderated.variance / generator.chisquare(moderated.degrees, draws)
    return generator.normal(size=draws) * np.sqrt(variances / moderated.seeds)
