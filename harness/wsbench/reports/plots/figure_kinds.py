"""All figures by name: what each shows, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsbench.reports.plots import (
    box_curves,
    cost,
    groups,
    losses,
    places,
    reliability,
    score_curves,
    thresholds,
)
from wsbench.reports.plots.looks import canvas, panels, svg
from wsbench.reports.plots.points import Absent
from wsbench.reports.plots.run_data import RunData, series_of
from wsbench.scoring.strata import HIT_IOU

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BANDS = (
    "Runs that differ in their seed alone make one line, their mean, with a thin line for each seed (and for "
    "each fold of a cross-validation). Bands hold 95 % of a thousand bootstrap draws of the test images, "
    "patient by patient, at each point by itself. Simulated, they hold the truth at 90 to 97 % of points. "
    "They show the noise of the images, and not that of seeds."
)
"""The end of the captions of all curves with bands."""


@dataclass(frozen=True)
class FigureKind:
    """A figure that can be drawn of finished runs.

    Attributes:
        name: what users type.
        title: a heading.
        caption: what is shown, in sentences.
        points: returns the numbers that the figure shows, or why there are none.
        drawing: draws these numbers, with a title and the labels of all methods.
    """

    name: str
    title: str
    caption: str
    points: Callable[[Sequence[RunData]], Any]
    drawing: Callable[[Any, str, Sequence[str]], Figure]

    def draw(self, runs: Sequence[RunData]) -> Figure | None:
        """Draw the figure; None where the runs have not left what it needs, which `absence` explains."""
        points = self.points(runs)
        if isinstance(points, Absent):
            return None
        return self.render(points, self.title, [series.label for series in series_of(runs)])

    def render(self, points: Any, title: str, labels: Sequence[str] = ()) -> Figure:
        """Draw numbers.

        Args:
            points: what `points` has returned, and not why there are none.
            title: what the figure shows, for those who cannot see it.
            labels: of all methods, `Series.label`. A method has the colour of its place among them, so that
                it is the same in all figures. Without them it is the place among those in the figure.
        """
        panels = points if isinstance(points, tuple) else (points,)
        in_points = dict.fromkeys(label for panel in panels for label in panel.labels)
        return self.drawing(points, title, labels or list(in_points))

    def absence(self, runs: Sequence[RunData]) -> str:
        """Why there is no figure of some runs, in one sentence; empty where there is one."""
        points = self.points(runs)
        return points.reason if isinstance(points, Absent) else ""

    def svg(self, figure: Figure) -> str:
        """Turn a figure into an inline SVG; see `wsbench.reports.plots.svg`."""
        return svg.svg(figure)


UNIT: Mapping[str, Any] = {"xlim": (0, 1), "ylim": (0, 1.02)}
"""Axes of shares."""


def _precision_recall(points: Any, title: str, labels: Sequence[str]) -> Figure:
    axes = {"xlabel": "recall (truth boxes hit)", "ylabel": "precision", **UNIT}
    return canvas.draw_panels(points, title, labels, axes)


def _roc(points: Any, title: str, labels: Sequence[str]) -> Figure:
    axes = {"xlabel": "false positive rate", "ylabel": "true positive rate", **UNIT}
    return canvas.draw_panels(points, title, labels, axes)


def _froc(points: Any, title: str, labels: Sequence[str]) -> Figure:
    axes = {"xlabel": "false boxes per image", "ylabel": "truth boxes hit", "ylim": (0, 1.02)}
    return canvas.draw_panels(points, title, labels, axes, steps=True, adjust=_in_doublings)


def _in_doublings(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(1 / 64, 16)
    axes.set_xticks([1 / 64, 1 / 16, 1 / 4, 1, 4, 16], ["1/64", "1/16", "1/4", "1", "4", "16"])
    axes.minorticks_off()


def _losses(points: Any, title: str, labels: Sequence[str]) -> Figure:
    return canvas.draw_panels(points, title, labels, {"xlabel": "epoch"}, adjust=_in_whole_numbers)


def _in_whole_numbers(axes: Axes) -> None:
    axes.locator_params(axis="x", integer=True, nbins=6)


def _thresholds(points: Any, title: str, labels: Sequence[str]) -> Figure:
    axes = {"xlabel": "threshold", "ylabel": "objective on calibrate", "xlim": (0, 1)}
    return canvas.draw_panels(points, title, labels, axes)


KINDS = (
    FigureKind(
        "precision_recall",
        "Precision and recall of boxes",
        "The highest precision at each recall or beyond. A box is right if it overlaps a truth box with an "
        f"IoU of at least {HIT_IOU:g}. The number is the average precision: the mean over 101 recalls. "
        + BANDS,
        box_curves.precision_recall,
        _precision_recall,
    ),
    FigureKind(
        "froc",
        "Truth boxes hit by false boxes per image",
        "The free-response ROC curve: the share of truth boxes that are hit (IoU at least "
        f"{HIT_IOU:g}) at a score threshold with at most so many false boxes per image, over all images. The "
        "number is the share at one false box. " + BANDS,
        box_curves.froc,
        _froc,
    ),
    FigureKind(
        "roc",
        "ROC curves of class scores",
        "True against false positive rate of the class scores. The number is the area under the curve. A dot "
        "is the operating point, which is chosen on the select role and never on test images. " + BANDS,
        score_curves.roc,
        _roc,
    ),
    FigureKind(
        "calibration",
        "Calibration of class scores",
        "The share of test images that have a class, against their mean score, in ten bins of equal width. A "
        "larger marker stands for more images. On the dotted line, scores are probabilities. Intervals are "
        "95 %, over draws of the test images. Scores of runs that differ in their seed alone are put "
        "together.",
        reliability.calibration,
        panels.draw_reliability,
    ),
    FigureKind(
        "losses",
        "Training, epoch by epoch",
        "What every epoch logged: a panel for each metric, and a line for each seed. A dot is the epoch "
        "whose weights predicted.",
        losses.losses,
        _losses,
    ),
    FigureKind(
        "thresholds",
        "Thresholds of boxes, and what they were chosen by",
        "The objective on the calibrate role at every threshold from which heatmaps are cut into boxes, with "
        "the best minimum area at each. Dots are the chosen thresholds, one for each seed. The number is the "
        "objective there. No threshold is chosen on test images.",
        thresholds.thresholds,
        _thresholds,
    ),
    FigureKind(
        "by_class",
        "By class",
        "The metrics that rank, by class. The interval of a single run is the 95 % interval of its record. "
        "Of runs that differ in their seed alone, the mean is shown, and the interval goes from the lowest "
        "seed to the highest.",
        groups.by_class,
        panels.draw_groups,
    ),
    FigureKind(
        "by_size",
        "By size of the lesion",
        f"The share of lesions that a box of their class hits (IoU at least {HIT_IOU:g}), in thirds of the "
        "test role's truth boxes by the share of the image that they cover. It is the mean over runs that "
        "differ in their seed alone. Intervals are 95 %, over draws of the test images.",
        groups.by_size,
        panels.draw_groups,
    ),
    FigureKind(
        "places",
        "By place in the image",
        "Where the centres of lesions lie, and the share of the lesions of each cell that a box of their "
        f"class hits (IoU at least {HIT_IOU:g}): full colour is all of them, an empty frame none. The left "
        "of the picture is the left of the image. Hits are means over runs that differ in their seed alone.",
        places.places,
        panels.draw_places,
    ),
    FigureKind(
        "cost",
        "Cost",
        "What training and predicting took, on the machines that the table of costs names. Bars are medians "
        "over runs that differ in their seed alone, and strokes are the runs.",
        cost.costs,
        panels.draw_costs,
    ),
)

FIGURES: Mapping[str, FigureKind] = {kind.name: kind for kind in KINDS}
"""All figures by name, in the order in which a report shows them."""
