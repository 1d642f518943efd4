"""The order of a table's rows, and what noise leaves open of it."""

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
    """What a table may say of the order of its rows, which stand in the order of their means.

    Attributes:
        best, worst: ``(K,)`` the ends of each row's rank interval: one more than the rows that are better by
            more than noise, and the number of rows less those that are worse by more than noise.
        likely_best, likely_worst: ``(K,)`` the ends of each row's marginal 95 % interval, which holds for one
            row looked at alone and is narrower.
        winner: ``(K,)`` bool: no row is better by more than noise when the best alone is asked for.
        prior: what the variances over seeds were moderated by.
    """

    best: np.ndarray
    worst: np.ndarray
    likely_best: np.ndarray
    likely_worst: np.ndarray
    winner: np.ndarray
    prior: Prior


def rank(rows: Sequence[Estimate], *, higher_is_better: bool = True) -> Ranking:
    """Rank intervals, the winner set and marginal intervals of rows.

    Every pair is compared with Holm's correction, so that the table as a whole claims a difference that
    is not there with a chance of at most `LEVEL`. The winner set holds every row that no other one beats,
    one-sided, at ``LEVEL / (K - 1)``.
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
    """``(P,)`` `p_of` of P pairs of rows, by their places."""
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
    """``(P,)`` variances over draws of the differences of pairs, over the draws that both rows have."""
    draws = np.array([row.draws for row in rows])
    there = ~np.isnan(draws)
    edges = np.array([row.edge_variance for row in rows])
    # About its own mean: a sum of squares would lose the small variance of a difference to the large values.
    centred = np.where(there, draws - np.nanmean(draws, axis=1, keepdims=True), 0.0)
    known = there.astype(np.float64)
    count, sums, squares = known @ known.T, centred @ known.T, centred**2 @ known.T
    products = squares + squares.T - 2 * centred @ centred.T
    differences = sums - sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        variances = (products - differences**2 / count) / (count - 1)
    result: np.ndarray = np.maximum(variances[first, second], 0.0) + edges[first] + edges[second]
    return result


def _marginal(rows: Sequence[Estimate], prior: Prior, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % of the ranks that a row has when test images, seeds and the variances over seeds are drawn again:
    ``(K,)`` lowest and highest."""
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
