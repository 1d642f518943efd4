"""The numbers behind figures: lines with bands, panels of them, and why there are none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.reports.plots.run_data import RunData, Series, series_of

MOST_SERIES = 8
"""Most lines of a panel: as many as there are colours that can be told apart."""

MOST_CLASSES = 5
"""Most classes that have a panel of their own; the mean over all classes always has one."""

LEVEL = 0.95
"""The share of draws within a band."""


@dataclass(frozen=True)
class Absent:
    """Says why there is no figure.

    Attributes:
        reason: one sentence without a full stop.
    """

    reason: str


@dataclass(frozen=True)
class Band:
    """The pointwise 95 % percentile interval over bootstrap draws of the test images.

    Attributes:
        x: ``(K,)`` places.
        low, high: ``(K,)`` the ends of the interval; NaN where no draw has a value.
    """

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Line:
    """A curve of one method.

    Attributes:
        label: the method with its settings.
        x, y: ``(K,)`` points; the mean over seeds.
        band: of the mean over seeds; None where there are no draws.
        seeds: ``(K,)`` the curve of each seed, at the same places.
        value: the number that sums up the curve, as the record has it; None without one.
        marks: a point for each seed, such as its operating point.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    band: Band | None = None
    seeds: tuple[np.ndarray, ...] = ()
    value: float | None = None
    marks: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Panel:
    """The lines of one class, or of the mean over classes.

    Attributes:
        title: the heading.
        label: the class; None for the mean over classes.
        lines: one for each method.
    """

    title: str
    label: str | None
    lines: tuple[Line, ...]

    @property
    def labels(self) -> list[str]:
        """The methods of the lines."""
        return [line.label for line in self.lines]


@dataclass(frozen=True)
class ClassCurves:
    """The curves of one run, for its C classes.

    Attributes:
        x: ``(K,)`` places.
        y: ``(C, K)`` values; NaN for a class without a curve.
        draws: ``(B, C, K')`` values in B draws, at ``draws_x``; None without draws.
        draws_x: ``(K',)`` places.
        values: ``(C,)`` the number that sums up each curve; NaN for a class without one.
        marks: ``(C, 2)`` a point of each class; NaN where there is none. None without marks.
    """

    x: np.ndarray
    y: np.ndarray
    draws: np.ndarray | None
    draws_x: np.ndarray
    values: np.ndarray
    marks: np.ndarray | None = None


def percentile_band(x: np.ndarray, draws: np.ndarray | None) -> Band | None:
    """Compute the band of ``(B, K)`` values of draws. Values that do not exist (NaN) are left out."""
    if draws is None:
        return None
    low, high = np.full((2, draws.shape[1]), np.nan)
    exists = ~np.isnan(draws).all(axis=0)
    if exists.any():
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        low[exists], high[exists] = np.nanquantile(draws[:, exists], tails, axis=0)
    return Band(x, low, high)


def panels_of(
    runs: Sequence[RunData], curves_of: Callable[[Sequence[RunData]], Sequence[ClassCurves]], nothing: str
) -> tuple[Panel, ...] | Absent:
    """Make the panels of a kind of curve: the mean over classes, if there are several, and classes.

    Args:
        runs: finished runs. Those that differ in their seed alone make one line.
        curves_of: returns the curves of runs that differ in their seed, all at the same places. A
            `WsbenchError` says what is missing.
        nothing: the reason to give where no class has a curve.
    """
    curves: list[tuple[Series, Sequence[ClassCurves]]] = []
    problems: list[str] = []
    for series in series_of(runs)[:MOST_SERIES]:
        try:
            curves.append((series, curves_of(series.runs)))
        except WsbenchError as error:
            problems.append(str(error))
    if not curves:
        return Absent(problems[0] if problems else "no run was named")
    classes = list(dict.fromkeys(name for series, _ in curves for name in series.classes))
    of_classes = [panel for name in classes if (panel := _panel(curves, name)).lines]
    shown = _most_frequent(of_classes, [series for series, _ in curves])
    panels = [_mean_panel(curves), *shown] if len(classes) > 1 and shown else shown
    return tuple(panels) or Absent(nothing)


def _most_frequent(panels: Sequence[Panel], series: Sequence[Series]) -> list[Panel]:
    """The panels of the `MOST_CLASSES` classes with most positive test images, in their order."""
    if len(panels) <= MOST_CLASSES:
        return list(panels)
    count: dict[str | None, int] = {}
    for group in series:
        with contextlib.suppress(WsbenchError):  # the scores of a run may have been deleted
            count |= dict(zip(group.classes, group.runs[0].labels.sum(axis=0).tolist(), strict=True))
    most = sorted((panel.label for panel in panels), key=lambda label: -count.get(label, 0))[:MOST_CLASSES]
    return [panel for panel in panels if panel.label in most]


def _panel(curves: Sequence[tuple[Series, Sequence[ClassCurves]]], label: str) -> Panel:
    lines = []
    for series, of_seeds in curves:
        if label in series.classes and (line := _line(series, of_seeds, [series.classes.index(label)])):
            lines.append(line)
    return Panel(label, label, tuple(lines))


def _mean_panel(curves: Sequence[tuple[Series, Sequence[ClassCurves]]]) -> Panel:
    lines = [_line(series, of_seeds, list(range(len(series.classes)))) for series, of_seeds in curves]
    return Panel("mean over classes", None, tuple(line for line in lines if line is not None))


def _line(series: Series, of_seeds: Sequence[ClassCurves], columns: list[int]) -> Line | None:
    """The line of some classes, as the mean over those that have a curve in every seed."""
    exists = [c for c in columns if not any(np.isnan(curves.values[c]) for curves in of_seeds)]
    if not exists:
        return None
    seeds = tuple(curves.y[exists].mean(axis=0) for curves in of_seeds)
    draws = [curves.draws[:, exists].mean(axis=1) for curves in of_seeds if curves.draws is not None]
    band = (
        percentile_band(of_seeds[0].draws_x, np.mean(draws, axis=0)) if len(draws) == len(of_seeds) else None
    )
    marks = [curves.marks[columns[0]] for curves in of_seeds if curves.marks is not None]
    exist = len(columns) == 1 and bool(marks) and not np.isnan(marks).any()
    return Line(
        series.label,
        of_seeds[0].x,
        np.mean(seeds, axis=0),
        band,
        seeds if len(seeds) > 1 else (),
        float(np.mean([curves.values[exists].mean() for curves in of_seeds])),
        tuple((float(x), float(y)) for x, y in marks) if exist else (),
    )
