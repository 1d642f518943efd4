"""The power of a comparison of two rows, given the numbers of seeds and test images.

The test is the one that tables use (`wsbench.scoring.significance.p_value`). The sample variances over
seeds, and with them the smallest significant difference, are random. The power is the numerical average over
their distribution. No normal approximation replaces a variance with few degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from wsbench.scoring.significance import (
    LEVEL,
    MIN_MEAN,
    Estimate,
    Moderated,
    Prior,
    moderate,
    moderated_by,
    of_pairs,
    p_value,
    share_trainings,
)

if TYPE_CHECKING:
    from wsbench.reports.board import Board

POWER = 0.8
"""The probability with which a detectable difference is found."""

MOST_SEEDS = 1000
"""Largest number of seeds that `seeds_needed` considers."""

NODES = 10
"""Number of Gauss-Legendre nodes of each integral over a sample variance."""


@dataclass(frozen=True)
class Comparison:
    """The variances of a comparison of two rows.

    Attributes:
        seed_variances: the true variance over seeds of either row; for rows that share their trainings, the
            variance of paired differences alone. It is 0 for a deterministic method.
        image_variance: variance of the difference over draws of the test images.
        images: number of test images that `image_variance` belongs to. For other numbers it is scaled by the
            ratio.
        prior: the prior of the table's variances over seeds, or of paired differences.
    """

    seed_variances: tuple[float, ...]
    image_variance: float
    images: int
    prior: Prior

    def over_images(self, images: int) -> float:
        """The variance of the difference over draws of another number of test images."""
        return self.image_variance * self.images / images


def comparison_of(first: Estimate, second: Estimate, prior: Prior, images: int) -> Comparison:
    """The comparison of two rows, with their moderated variances over seeds as true variances.

    Args:
        first: estimate of the first row.
        second: estimate of the second row.
        prior: the prior of their table.
        images: number of test images.
    """
    variance = _image_variance(first, second)
    if share_trainings(first, second):
        paired = float(np.var(first.values - second.values, ddof=1))
        expected = of_pairs(prior)
        moderated = moderated_by(expected, paired, len(first.values))
        return Comparison((moderated.variance,), variance, images, expected)
    both = (moderate(first, prior).variance, moderate(second, prior).variance)
    return Comparison(both, variance, images, prior)


def holm_level(rows: int) -> float:
    """The level at which Holm's procedure finds the first difference in a table with this number of rows.
    Later differences have a higher level, so their power is at least the power at this level."""
    return LEVEL / max(rows * (rows - 1) / 2, 1)


def power_of(
    comparison: Comparison, difference: float, seeds: int, images: int, level: float = LEVEL
) -> float:
    """The probability that a difference is found, in its true direction.

    Args:
        comparison: the variances of the two rows.
        difference: true difference of their means.
        seeds: number of seeds of each row; at least 1.
        images: number of images of the test role.
        level: level of the two-sided test.

    Returns:
        A probability, from 0 to 1.
    """
    bounds, weights = _critical(comparison, seeds, images, level)
    return _power(difference, bounds, weights, _deviation(comparison, seeds, images))


def smallest_difference(comparison: Comparison, seeds: int, images: int, level: float = LEVEL) -> float:
    """The true difference that is found with probability `POWER`. The arguments are those of `power_of`."""
    from scipy.optimize import brentq

    bounds, weights = _critical(comparison, seeds, images, level)
    deviation = _deviation(comparison, seeds, images)
    if deviation == 0:
        return 0.0
    highest = float(bounds.max()) + 10 * deviation
    return float(
        brentq(lambda apart: _power(apart, bounds, weights, deviation) - POWER, 0.0, highest, xtol=1e-6)
    )


def seeds_needed(comparison: Comparison, difference: float, images: int, level: float = LEVEL) -> int | None:
    """The smallest number of seeds of each row that finds a difference with probability `POWER`; None where
    `MOST_SEEDS` are not enough, because there are too few test images. The arguments are those of
    `power_of`."""
    few, many = 1, 1
    while power_of(comparison, difference, many, images, level) < POWER:
        if many >= MOST_SEEDS:
            return None
        few, many = many + 1, min(2 * many, MOST_SEEDS)
    while few < many:
        middle = (few + many) // 2
        if power_of(comparison, difference, middle, images, level) < POWER:
            few = middle + 1
        else:
            many = middle
    return many


def typical(board: Board) -> tuple[Comparison, int] | None:
    """A comparison of two typical trained rows of a table, and their number of seeds.

    It holds medians of the moderated variances over seeds, of the variances of differences over the test
    images, and of the numbers of seeds. None if fewer than two rows were trained and learnt something.
    """
    estimates = [row.estimate(board.ranked_by) for row in board.rows if not row.apart and not row.unconverged]
    rows = [row for row in estimates if row and not row.deterministic and row.mean > MIN_MEAN]
    if len(rows) < 2:
        return None
    prior = board.prior(board.ranked_by)
    of_seeds = float(np.median([moderate(row, prior).variance for row in rows]))
    of_images = float(np.median([_image_variance(*pair) for pair in combinations(rows, 2)]))
    images = board.rows[0].first.dataset["images"]["test"]
    seeds = round(float(np.median([len(row.values) for row in rows])))
    return Comparison((of_seeds, of_seeds), of_images, images, prior), seeds


def sentence(board: Board) -> str:
    """A sentence for the page: the smallest differences that its table can find; empty without trained
    rows."""
    known = typical(board)
    if known is None:
        return ""
    comparison, seeds = known
    images, count = comparison.images, len(board.standings)
    single = smallest_difference(comparison, seeds, images)
    among_all = smallest_difference(comparison, seeds, images, holm_level(count))
    return (
        f"With {seeds} seed{'' if seeds == 1 else 's'} a row and {images} test images, differences of "
        f"`{board.ranked_by}` below about {single:.2f} cannot be told apart in one comparison, and below "
        f"about {among_all:.2f} not among all {count} rows (`wsbench power`).\n"
    )


def _image_variance(first: Estimate, second: Estimate) -> float:
    over_draws = float(np.nanvar(first.draws - second.draws, ddof=1))
    return over_draws + first.edge_variance + second.edge_variance


def _deviation(comparison: Comparison, seeds: int, images: int) -> float:
    """Standard deviation of the difference of both means."""
    of_seeds = sum(comparison.seed_variances) / seeds
    return float(np.sqrt(comparison.over_images(images) + of_seeds))


def _power(difference: float, bounds: np.ndarray, weights: np.ndarray, deviation: float) -> float:
    from scipy.special import ndtr

    if deviation == 0:
        return float(difference > 0)
    return float(weights @ ndtr((difference - bounds) / deviation))


def _critical(comparison: Comparison, seeds: int, images: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """``(M,)`` the smallest significant differences at the nodes of the distributions of both sample
    variances, and ``(M,)`` the weights of the nodes."""
    variance = comparison.over_images(images)
    nodes = [_moderated_nodes(of_row, comparison.prior, seeds) for of_row in comparison.seed_variances]
    pairs = list(product(*nodes))
    bounds = [_least_significant(variance, [moderated for moderated, _ in pair], level) for pair in pairs]
    return np.array(bounds), np.array([np.prod([weight for _, weight in pair]) for pair in pairs])


def _moderated_nodes(variance: float, prior: Prior, seeds: int) -> list[tuple[Moderated, float]]:
    """Possible values of the moderated variance of a row, with their weights."""
    from scipy.stats import chi2

    if variance == 0:
        return [(Moderated(0.0, np.inf, seeds), 1.0)]
    if seeds == 1:
        return [(moderated_by(prior, 0.0, seeds), 1.0)]
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    sampled = variance * chi2.ppf((nodes + 1) / 2, seeds - 1) / (seeds - 1)
    return [
        (moderated_by(prior, float(sample), seeds), float(weight) / 2)
        for sample, weight in zip(sampled, weights, strict=True)
    ]


def _least_significant(variance: float, moderated: Sequence[Moderated], level: float) -> float:
    """The difference whose p-value equals the level."""
    from scipy.optimize import brentq

    if variance == 0 and all(row.variance == 0 for row in moderated):
        return 0.0
    highest = np.sqrt(variance + sum(row.variance / row.seeds for row in moderated))
    while p_value(highest, variance, *moderated) > level:
        highest *= 2
    return float(brentq(lambda apart: p_value(apart, variance, *moderated) - level, 0.0, highest, rtol=1e-6))
