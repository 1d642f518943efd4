"""ROC curves of class scores, and how often a class is present where its score is such and such."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wsbench.reports import roc as whole
from wsbench.reports.plots.points import Absent, ClassCurves, Panel, panels_of
from wsbench.reports.plots.run_data import RunData
from wsbench.scoring.bootstrap import Resamples

RATES = np.linspace(0, 1, 101)
"""The false positive rates at which the band of a ROC curve is computed."""

MOST_LEVELS = 256
"""Most thresholds at which draws are counted for a band. The curve itself has every threshold."""

ONE_LABEL = "no class has test images with and without it"


def roc(runs: Sequence[RunData]) -> tuple[Panel, ...] | Absent:
    """Receiver operating characteristics of class scores. The area under a line is its ``value``, as
    `wsbench.reports.roc.curve` computes it. The mark is the operating point."""
    return panels_of(runs, roc_curves, ONE_LABEL)


def roc_curves(seeds: Sequence[RunData]) -> list[ClassCurves]:
    """The ROC curves of runs that differ in their seed, and of every fold of each, all at the same false
    positive rates.

    Means over seeds, folds and classes are taken at equal false positive rates, with both ends of every
    vertical step, so that the area under the mean is the mean of the areas, as in records.
    """
    parts = [(run, rows) for run in seeds for rows in run.folds]
    curves = [
        [whole.curve(run.labels[rows, c], run.scores[rows, c]) for c in range(len(run.classes))]
        for run, rows in parts
    ]
    places = [curve.false_positive_rate for of_run in curves for curve in of_run if curve is not None]
    grid = np.unique(np.concatenate(places)) if places else RATES
    return [
        _of_run(run, of_run, grid, is_whole=len(rows) == len(run.labels))
        for (run, rows), of_run in zip(parts, curves, strict=True)
    ]


def _of_run(
    run: RunData, curves: Sequence[whole.Curve | None], grid: np.ndarray, *, is_whole: bool
) -> ClassCurves:
    rates = np.full((len(curves), 2 * len(grid)), np.nan)
    values = np.full(len(curves), np.nan)
    for column, curve in enumerate(curves):
        if curve is not None:
            rates[column] = both_ends(curve, grid)
            values[column] = curve.auc
    if not is_whole:  # a fold: neither draws nor operating points of a single one are known
        return ClassCurves(np.repeat(grid, 2), rates, None, RATES, values)
    drawn = None
    if (draws := run.draws) is not None:
        of_classes = [drawn_rates(run.labels[:, c], run.scores[:, c], draws) for c in range(len(curves))]
        drawn = np.stack(of_classes, axis=1)
    return ClassCurves(np.repeat(grid, 2), rates, drawn, RATES, values, _operating_rates(run))


def both_ends(curve: whole.Curve, grid: np.ndarray) -> np.ndarray:
    """Read a ROC curve where it may step upwards.

    Args:
        curve: the curve.
        grid: ``(G,)`` ascending false positive rates, those of the curve's points among them.

    Returns:
        ``(2 * G,)`` true positive rates, below and above the step at each rate.
    """
    places, first = np.unique(curve.false_positive_rate, return_index=True)
    last = np.append(first[1:], len(curve.false_positive_rate)) - 1
    lowest, highest = curve.true_positive_rate[first], curve.true_positive_rate[last]
    before = np.searchsorted(places, grid, side="right") - 1
    after = np.minimum(before + 1, len(places) - 1)
    at_point = places[before] == grid
    width = np.where(after > before, places[after] - places[before], 1.0)
    share = (grid - places[before]) / width
    between = highest[before] + share * (lowest[after] - highest[before])
    ends = np.where(at_point, [lowest[before], highest[before]], between)
    return ends.T.ravel()


def drawn_rates(labels: np.ndarray, scores: np.ndarray, draws: Resamples) -> np.ndarray:
    """The true positive rate at `RATES` in every draw.

    Args:
        labels: ``(N,)`` bool.
        scores: ``(N,)``.
        draws: B draws of the N images.

    Returns:
        ``(B, 101)``; NaN in draws of one label.
    """
    order = np.argsort(-scores, kind="stable")
    stops = np.searchsorted(-scores[order], np.unique(-scores), side="right")
    if len(stops) > MOST_LEVELS:
        stops = stops[np.unique(np.linspace(0, len(stops) - 1, MOST_LEVELS).round().astype(np.intp))]
    positives = np.flatnonzero(labels[order])
    hits = draws.cumulative_counts(order[positives], np.searchsorted(positives, stops))
    shown = draws.cumulative_counts(order, stops)
    present, absent = draws.sum(labels), draws.sum(~labels)
    rates = np.full((len(draws), len(RATES)), np.nan)
    for row in np.flatnonzero((present > 0) & (absent > 0)):
        false = np.concatenate([[0.0], (shown[row] - hits[row]) / absent[row]])
        true = np.concatenate([[0.0], hits[row] / present[row]])
        rates[row] = np.interp(RATES, false, true)
    return rates


def _operating_rates(run: RunData) -> np.ndarray:
    """``(C, 2)`` false and true positive rate at the operating points."""
    positive = run.scores >= run.operating_points
    with np.errstate(invalid="ignore"):
        false = (positive & ~run.labels).sum(axis=0) / (~run.labels).sum(axis=0)
        true = (positive & run.labels).sum(axis=0) / run.labels.sum(axis=0)
    rates = np.stack([false, true], axis=1)
    rates[np.isnan(run.operating_points)] = np.nan
    return rates
