"""All figures by name: what each shows, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsbench.reports.plots import box_curves, canvas, score_curves, svg
from wsbench.reports.plots.points import Absent
from wsbench.reports.plots.run_data import RunData

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BANDS = (
    "Runs that differ in their seed alone make one line, their mean, with a thin line for each seed. Bands "
    "are 95 % intervals, point by point, over a thousand bootstrap draws of the test images, patient by "
    "patient. They hold the noise of the images, and not that of seeds."
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
        render: draws these numbers.
    """

    name: str
    title: str
    caption: str
    points: Callable[[Sequence[RunData]], Any]
    render: Callable[[Any, str], Figure]

    def draw(self, runs: Sequence[RunData]) -> Figure | None:
        """Draw the figure; None where the runs have not left what it needs, which `absence` explains."""
        points = self.points(runs)
        return None if isinstance(points, Absent) else self.render(points, self.title)

    def absence(self, runs: Sequence[RunData]) -> str:
        """Why there is no figure of some runs, in one sentence; empty where there is one."""
        points = self.points(runs)
        return points.reason if isinstance(points, Absent) else ""

    def svg(self, figure: Figure) -> str:
        """Turn a figure into an inline SVG; see `wsbench.reports.plots.svg.svg`."""
        return svg.svg(figure)


UNIT = {"xlim": (0, 1), "ylim": (0, 1.02)}


def _precision_recall(points: Any, title: str) -> Figure:
    return canvas.draw_panels(points, title, xlabel="recall (truth boxes hit)", ylabel="precision", **UNIT)


def _roc(points: Any, title: str) -> Figure:
    labels = {"xlabel": "false positive rate", "ylabel": "true positive rate"}
    return canvas.draw_panels(points, title, **labels, **UNIT)


def _froc(points: Any, title: str) -> Figure:
    places = [1 / 64, 1 / 16, 1 / 4, 1, 4, 16]
    figure = canvas.draw_panels(points, title, steps=True, ylabel="truth boxes hit", ylim=(0, 1.02))
    with canvas.style():
        for axes in figure.axes:
            axes.set_xscale("log", base=2)
            axes.set(xlim=(1 / 64, 16), xlabel="false boxes per image")
            axes.set_xticks(places, ["1/64", "1/16", "1/4", "1", "4", "16"])
            axes.minorticks_off()
    return figure


KINDS = (
    FigureKind(
        "precision_recall",
        "Precision and recall of boxes",
        "The highest precision at each recall or beyond, of boxes that overlap a truth box with an IoU of at "
        "least 0.25. The number is the average precision: the mean over 101 recalls. " + BANDS,
        box_curves.precision_recall,
        _precision_recall,
    ),
    FigureKind(
        "froc",
        "Truth boxes hit by false boxes per image",
        "The free-response ROC curve: the share of truth boxes that are hit (IoU at least 0.25) at a score "
        "threshold with at most so many false boxes per image, over all images. The number is the share at "
        "one false box. " + BANDS,
        box_curves.froc,
        _froc,
    ),
    FigureKind(
        "roc",
        "ROC curves of class scores",
        "True against false positive rate of the class scores. The number is the area under the curve. A dot "
        "is the operating point, which was chosen on the select role. " + BANDS,
        score_curves.roc,
        _roc,
    ),
)

FIGURES: Mapping[str, FigureKind] = {kind.name: kind for kind in KINDS}
"""All figures by name, in the order in which a report shows them."""
