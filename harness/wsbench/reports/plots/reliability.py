"""How often a class is present among the test images with such and such a score: reliability diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.reports.plots.points import MOST_CLASSES, MOST_SERIES, Absent
from wsbench.reports.plots.run_data import RunData, Series, series_of
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.intervals import of_draws

BINS = 10
"""Bins of equal width. Bin b holds scores in (b / 10, (b + 1) / 10], and bin 0 holds 0, too."""


@dataclass(frozen=True)
class Reliability:
    """One method's scores of one class, or of all classes together.

    Attributes:
        label: the method with its settings.
        score: ``(10,)`` the mean score in each bin; NaN in an empty bin.
        frequency: ``(10,)`` the share of the images in each bin that have the class.
        low, high: ``(10,)`` the ends of its 95 % interval; NaN without draws.
        count: ``(10,)`` images in each bin, over all seeds.
    """

    label: str
    score: np.ndarray
    frequency: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray


@dataclass(frozen=True)
class ReliabilityPanel:
    """The scores of one class; ``label`` is None for all classes together."""

    label: str | None
    methods: tuple[Reliability, ...]

    @property
    def labels(self) -> list[str]:
        """The methods."""
        return [method.label for method in self.methods]


def calibration(runs: Sequence[RunData]) -> tuple[ReliabilityPanel, ...] | Absent:
    """Reliability diagrams of class scores. Scores of several seeds are put together."""
    usable: list[Series] = []
    problems: list[str] = []
    for series in series_of(runs)[:MOST_SERIES]:
        try:
            usable.append(Series(series.label, tuple(run for run in series.runs if len(run.labels))))
        except WsbenchError as error:
            problems.append(str(error))
    if not usable:
        return Absent(problems[0] if problems else "no run was named")
    classes = list(dict.fromkeys(name for series in usable for name in series.classes))
    everything = [ReliabilityPanel(None, tuple(_of_series(series, series.classes) for series in usable))]
    single = [
        ReliabilityPanel(name, tuple(_of_series(s, [name]) for s in usable if name in s.classes))
        for name in classes
    ]
    if len(single) > MOST_CLASSES:
        positives = {
            name: max(
                int(s.runs[0].labels[:, s.classes.index(name)].sum()) for s in usable if name in s.classes
            )
            for name in classes
        }
        most = sorted(classes, key=lambda name: -positives[name])[:MOST_CLASSES]
        single = [panel for panel in single if panel.label in most]
    return tuple(single if len(classes) == 1 else everything + single)


def score_bins(scores: np.ndarray) -> np.ndarray:
    """The bin, from 0 to 9, of each of some scores in [0, 1]."""
    return np.searchsorted(np.arange(1, BINS) / BINS, scores, side="left")


def _of_series(series: Series, classes: Sequence[str]) -> Reliability:
    columns = [series.classes.index(name) for name in classes]
    labels = np.stack([run.labels[:, columns] for run in series.runs])
    scores = np.stack([run.scores[:, columns] for run in series.runs])
    return reliability(series.label, labels, scores, series.runs[0].draws)


def reliability(label: str, labels: np.ndarray, scores: np.ndarray, draws: Resamples | None) -> Reliability:
    """Compute a reliability diagram.

    Args:
        label: the method.
        labels: ``(S, N, C)`` bool, the labels of N images, for each of S seeds.
        scores: ``(S, N, C)`` scores in [0, 1].
        draws: draws of the N images; None gives no intervals.
    """
    in_bin = score_bins(scores)[..., None] == np.arange(BINS)
    count, positive, total = (
        (in_bin * weight[..., None]).sum(axis=(0, 2), dtype=np.float64)  # (N, 10)
        for weight in (np.ones_like(scores), labels, scores)
    )
    frequency = ratio(positive.sum(axis=0), count.sum(axis=0))
    low, high = np.full((2, BINS), np.nan)
    if draws is not None:
        drawn = ratio(draws.sum(positive), draws.sum(count))
        for place in np.flatnonzero(count.sum(axis=0)):
            units = len(np.unique(draws.unit[count[:, place] > 0]))
            interval = of_draws(float(frequency[place]), drawn[:, place], bounded=True, units=units)
            low[place], high[place] = interval or (np.nan, np.nan)
    mean = ratio(total.sum(axis=0), count.sum(axis=0))
    return Reliability(label, mean, frequency, low, high, count.sum(axis=0).astype(np.intp))
