"""Receiver operating characteristics of finished runs, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsbench.contract.records import Record
from wsbench.errors import WsbenchError, choose
from wsbench.reports.figures import save
from wsbench.reports.labels import label_of
from wsbench.reports.rows import number
from wsbench.runs.crossvalidation import FOLD

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

INCHES = 4.0
"""Side of a panel, in inches."""
COLUMNS = 4
"""Most panels beside each other."""


@dataclass(frozen=True)
class Curve:
    """A receiver operating characteristic.

    Attributes:
        false_positive_rate: ``(K,)`` share of images without the class that are predicted positive, at each
            of K thresholds.
        true_positive_rate: ``(K,)`` share of images with the class that are predicted positive.
        auc: the area under the curve.
    """

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray
    auc: float


def curve(labels: np.ndarray, scores: np.ndarray) -> Curve | None:
    """The curve of one class; None if all images have the class, or none has it.

    Args:
        labels: ``(N,)`` of 0 and 1.
        scores: ``(N,)`` scores of the class.
    """
    from sklearn.metrics import auc, roc_curve

    if labels.min() == labels.max():
        return None
    false_positive_rate, true_positive_rate, _ = roc_curve(labels, scores)
    return Curve(false_positive_rate, true_positive_rate, float(auc(false_positive_rate, true_positive_rate)))


def curves(record: Record, label: str) -> tuple[Curve | None, list[Curve | None]]:
    """The curve of a class for all test images together, and the curves of the folds of a cross-validation.

    Raises:
        WsbenchError: the run has no such class, or its scores were deleted.
    """
    choose(label, dict.fromkeys(record.dataset["classes"]), f"class of {record.folder}")
    table = record.scores()

    def of(rows: pd.DataFrame) -> Curve | None:
        return curve(rows[f"label {label}"].to_numpy(), rows[f"score {label}"].to_numpy())

    folds = [of(rows) for _, rows in table.groupby(FOLD)] if FOLD in table else []
    return of(table), folds


def draw(runs: Sequence[Record], classes: Sequence[str], path: Path) -> None:
    """Draw a panel for each class, as PNG: the curve of every run, and thin curves of its folds.

    Args:
        runs: records of finished runs, of any datasets.
        classes: the classes. A run that lacks one of them is left out of its panel.
        path: the file to write.

    Raises:
        WsbenchError: no run has images with and without one of the classes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(len(classes), COLUMNS)
    down = math.ceil(len(classes) / across)
    figure = Figure(figsize=(INCHES * across, INCHES * down), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes in panels[len(classes) :]:
        axes.set_axis_off()
    drawn = [_panel(axes, runs, label) for axes, label in zip(panels, classes, strict=False)]
    if not any(drawn):
        raise WsbenchError("no run has images with and without one of these classes: there is no curve")
    save(figure, path, dpi=110)


def _panel(axes: Axes, runs: Sequence[Record], label: str) -> int:
    """Draw one class, and return the number of curves."""
    drawn = 0
    for colour_index, record in enumerate(runs):
        if label not in record.dataset["classes"]:
            continue
        overall, folds = curves(record, label)
        if overall is None:
            continue
        colour = f"C{colour_index}"
        for fold in filter(None, folds):
            axes.plot(fold.false_positive_rate, fold.true_positive_rate, color=colour, lw=0.7, alpha=0.5)
        legend = f"{label_of(record, 'uniform')} on {record.dataset['name']}\n{_auc(overall, folds)}"
        axes.plot(overall.false_positive_rate, overall.true_positive_rate, color=colour, lw=1.8, label=legend)
        drawn += 1
    axes.plot([0, 1], [0, 1], color="grey", lw=0.7, ls=":")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_title(label, parse_math=False)
    axes.set(xlabel="false positive rate (1 - specificity)", ylabel="true positive rate (sensitivity)")
    if drawn:
        for text in axes.legend(loc="lower right", fontsize=7).get_texts():
            text.set_parse_math(False)
    return drawn


def _auc(overall: Curve, folds: Sequence[Curve | None]) -> str:
    areas = [fold.auc for fold in folds if fold is not None]
    if len(areas) < 2:
        return f"AUC {number(overall.auc)}"
    mean, spread = number(float(np.mean(areas))), number(float(np.std(areas, ddof=1)))
    return f"AUC {mean} ± {spread} over {len(areas)} folds; pooled {number(overall.auc)}"
