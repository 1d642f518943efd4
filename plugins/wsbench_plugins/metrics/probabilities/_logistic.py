"""Logistic regression of labels on one number of each image, for all draws of a bootstrap at once.

Newton's method runs on all draws together: each has its own intercept and slope, and an iteration evaluates
the B draws on blocks of images. Where a large set has many distinct numbers, neighbours are grouped first:
the fit to 1,024 groups is cheap, and so near to that of the images that one iteration on these is enough as
a rule. What is returned has converged on the images themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

import wsbench

GROUPS = 1024
"""Number of groups. They have equal width: with groups of equal size, rare positives in the tail would share
a wide group."""

BLOCK = 2**16
"""Pairs of an image and a draw that are evaluated together: half a megabyte an array stays in the cache."""

STEP = 2e-5
"""Relative to the estimates of standardised numbers. The error after a step is of the order of its square, so
a step below this is the last. Errors were at most 1e-5 of an estimate, and mostly below 1e-8."""

SLACK = 1e-12
"""Relative rounding of the sums whose difference is a log-likelihood: it must not look like a decrease."""

LONGEST_INTERCEPT_STEP = 4.0
"""Longest step of an intercept that is estimated alone. Where all scores are near 0 or 1, the likelihood is
almost linear, and Newton's step would leave the range of at most 28 that holds the estimate."""

SINGULAR = 1e-100
"""Information below this counts as none: the probability of every image is 0 or 1 to hundreds of digits."""

MOST_ITERATIONS = 100


def fit(
    numbers: np.ndarray,
    positive: np.ndarray,
    resamples: wsbench.metrics.Resamples,
    *,
    fixed_slope: float | None,
) -> np.ndarray:
    """The maximum likelihood estimates of ``P(positive) = 1 / (1 + exp(-(intercept + slope * number)))``.

    Args:
        numbers: ``(N,)`` one of each image.
        positive: ``(N,)`` bool, its label.
        resamples: B draws of the images.
        fixed_slope: the slope that is held; None estimates it too.

    Returns:
        ``(B, 2)`` intercept and slope. NaN where the estimate does not exist: in a draw of one label and,
        where the slope is estimated, in one whose labels the numbers separate. NaN too where rounding hides
        it: of labels that overlap by less than about 1e-6 of the numbers' spread.
    """
    if fixed_slope is None:
        exists = overlapping(numbers, positive, resamples)
        centre, scale = float(numbers.mean()), float(numbers.std()) or 1.0
    else:
        exists = _with_both_labels(positive, resamples)
        centre, scale = 0.0, 1.0
    result = np.full((len(resamples), 2), np.nan)
    if exists.any():
        drawn = wsbench.metrics.Resamples(resamples.counts[exists], resamples.unit)
        intercept, slope = _estimates((numbers - centre) / scale, positive, drawn, fixed_slope).T
        result[exists] = np.stack([intercept - slope * centre / scale, slope / scale], axis=1)
    return result


def overlapping(
    numbers: np.ndarray, positive: np.ndarray, resamples: wsbench.metrics.Resamples
) -> np.ndarray:
    """``(B,)`` bool: both labels were drawn, and no number has all positives at or to one side of it and all
    negatives at or to the other: the condition for finite estimates (Albert and Anderson 1984, "On the
    existence of maximum likelihood estimates in logistic regression models")."""
    lowest, highest = (
        [sign * _lowest(sign * numbers, kind, resamples) for kind in (positive, ~positive)]
        for sign in (1, -1)
    )
    return (lowest[0] < highest[1]) & (lowest[1] < highest[0])


def _lowest(numbers: np.ndarray, kind: np.ndarray, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B,)`` the lowest number of the images of a kind in each draw; infinite where none was drawn."""
    lowest = np.full(resamples.counts.shape[1], np.inf)
    np.minimum.at(lowest, resamples.unit[kind], numbers[kind])
    order = np.argsort(lowest)
    drawn: np.ndarray = lowest[order[(resamples.counts[:, order] > 0).argmax(axis=1)]]
    return drawn


def _with_both_labels(positive: np.ndarray, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    return (resamples.sum(positive) > 0) & (resamples.sum(~positive) > 0)


def _estimates(
    numbers: np.ndarray, positive: np.ndarray, resamples: wsbench.metrics.Resamples, fixed_slope: float | None
) -> np.ndarray:
    """``(B, 2)`` estimates, which exist."""
    observed = resamples.sum(np.stack([positive, positive * numbers], axis=1))
    start = np.zeros((len(resamples), 2))
    start[:, 1] = fixed_slope or 0.0
    order = np.argsort(numbers, kind="stable")
    ends = np.flatnonzero(np.diff(numbers[order], append=np.inf)) + 1  # of runs of equal numbers
    if len(ends) <= GROUPS:
        return _newton(_groups(numbers, order, ends, resamples), observed, start, fixed_slope)
    grid = np.linspace(numbers.min(), numbers.max(), GROUPS)
    ends = np.unique(np.searchsorted(numbers[order], grid, side="right"))
    near = _newton(_groups(numbers, order, ends, resamples), observed, start, fixed_slope)
    near = np.where(np.isnan(near), start, near)  # groups may be separable where their images are not
    return _newton(_Images(numbers, resamples), observed, near, fixed_slope)


class _Table(Protocol):
    def blocks(self, draws: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """``(K,)`` numbers and ``(K, draws)`` how often each counts in some draws, part by part."""


@dataclass(frozen=True)
class _Groups:
    numbers: np.ndarray
    counts: np.ndarray

    def blocks(self, draws: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        counts = self.counts if len(draws) == self.counts.shape[1] else self.counts[:, draws]
        for block in _blocks(len(self.numbers), len(draws)):
            yield self.numbers[block], counts[block]


@dataclass(frozen=True)
class _Images:
    numbers: np.ndarray
    resamples: wsbench.metrics.Resamples

    def blocks(self, draws: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        drawn = self.resamples
        if len(draws) < len(drawn):
            drawn = wsbench.metrics.Resamples(drawn.counts[draws], drawn.unit)
        images = np.arange(len(self.numbers))
        for block in _blocks(len(images), len(draws)):
            yield self.numbers[block], drawn.counts_at(images[block]).T


def _blocks(length: int, draws: int) -> Iterator[slice]:
    size = max(1, BLOCK // draws)
    return (slice(first, first + size) for first in range(0, length, size))


def _groups(
    numbers: np.ndarray, order: np.ndarray, ends: np.ndarray, resamples: wsbench.metrics.Resamples
) -> _Groups:
    """Images that are neighbours in some order, each group at the mean of its numbers."""
    counts = np.diff(resamples.cumulative_counts(order, ends), axis=1, prepend=0).T
    sums = np.diff(np.cumsum(numbers[order])[ends - 1], prepend=0)
    return _Groups(sums / np.diff(ends, prepend=0), np.ascontiguousarray(counts))


@dataclass(frozen=True)
class _Likelihood:
    """The likelihood at the estimates of R draws.

    Attributes:
        value: ``(R,)`` log-likelihoods.
        rounding: ``(R,)`` their largest rounding errors.
        step: ``(R, 2)`` Newton steps from the estimates.
    """

    value: np.ndarray
    rounding: np.ndarray
    step: np.ndarray


def _newton(table: _Table, observed: np.ndarray, start: np.ndarray, fixed_slope: float | None) -> np.ndarray:
    """``(B, 2)`` estimates by Newton's method with halved steps; NaN where it does not converge.

    The log-likelihood is concave, so steps that never lower it lead to its maximum from any start.

    Args:
        table: the numbers and how often each counts.
        observed: ``(B, 2)`` sums over the positives of 1 and of the number.
        start: ``(B, 2)``.
        fixed_slope: a slope that is held.
    """
    result = np.full_like(start, np.nan)
    draws = np.arange(len(start))  # those that have not converged
    best, value, step, share = start, np.full(len(start), -np.inf), np.zeros_like(start), np.ones(len(start))
    for _ in range(MOST_ITERATIONS):
        tried = best + share[:, None] * step
        likelihood = _likelihood(table, observed[draws], tried, draws, free_slope=fixed_slope is None)
        better = likelihood.value >= value - likelihood.rounding
        best = np.where(better[:, None], tried, best)
        value = np.where(better, likelihood.value, value)
        step = np.where(better[:, None], likelihood.step, step)
        share = np.where(better, 1.0, share / 2)
        done = better & (np.abs(step).max(axis=1) < STEP * (1 + np.abs(best).max(axis=1)))
        result[draws[done]] = (best + step)[done]
        rest = ~done & np.isfinite(step).all(axis=1)
        draws, best, value, step, share = (column[rest] for column in (draws, best, value, step, share))
        if len(draws) == 0:
            break
    return result


def _likelihood(
    table: _Table, observed: np.ndarray, estimates: np.ndarray, draws: np.ndarray, *, free_slope: bool
) -> _Likelihood:
    intercept, slope = estimates.T
    penalty = np.zeros(len(draws))
    expected, information = np.zeros((2, len(draws))), np.zeros((3, len(draws)))
    for numbers, counts in table.blocks(draws):
        powers = np.stack([np.ones_like(numbers), numbers, numbers**2])
        log_odds = np.multiply.outer(numbers, slope) + intercept
        small = np.exp(-np.abs(log_odds))  # never overflows
        over = 1 / (1 + small)
        penalty += np.einsum("kr,kr->r", counts, np.maximum(log_odds, 0) + np.log1p(small))
        probability = np.where(log_odds < 0, small * over, over)
        expected += powers[:2] @ (counts * probability)
        information += powers @ (counts * (small * over * over))
    value = (observed * estimates).sum(axis=1) - penalty
    return _Likelihood(value, SLACK * penalty, _step(observed - expected.T, information, free_slope))


def _step(gradient: np.ndarray, information: np.ndarray, free_slope: bool) -> np.ndarray:
    """``(R, 2)`` solutions of R systems of two equations, or of the first alone; infinite where singular."""
    first, mixed, second = information
    if not free_slope:
        intercept = np.clip(_divide(gradient[:, 0], first), -LONGEST_INTERCEPT_STEP, LONGEST_INTERCEPT_STEP)
        return np.stack([intercept, np.zeros(len(gradient))], axis=1)
    determinant = first * second - mixed**2
    intercept = _divide(second * gradient[:, 0] - mixed * gradient[:, 1], determinant)
    slope = _divide(first * gradient[:, 1] - mixed * gradient[:, 0], determinant)
    return np.stack([intercept, slope], axis=1)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    quotient: np.ndarray = np.divide(
        numerator, denominator, out=np.full_like(numerator, np.inf), where=denominator > SINGULAR
    )
    return quotient
