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
from wsbench.reports.rows import label_of, number
from wsbench.runs.crossvalidation import FOLD

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

INCHES = 4.0
"""Side of a panel."""
COLUMNS = 4
"""Panels beside each other."""


@dataclass(frozen=True)
class Curve:
    """How often the class is called where it is absent, and where it is present, at every threshold.

    Attributes:
        false_positive_rate, true_positive_rate: ``(K,)`` each, from 0 to 1.
        auc: the area under it.
    """

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray
    auc: float


def curve(labels: np.ndarray, scores: np.ndarray) -> Curve | None:
    """The curve of one class; None where all images have it, or none has.

    Args:
        labels: ``(N,)`` of 0 and 1.
        scores: ``(N,)``.
    """
    from sklearn.metrics import auc, roc_curve

    if labels.min() == labels.max():
        return None
    false_positive_rate, true_positive_rate, _ = roc_curve(labels, scores)
    return Curve(false_positive_rate, true_positive_rate, float(auc(false_positive_rate, true_positive_rate)))


def curves(record: Record, label: str) -> tuple[Curve | None, list[Curve | None]]:
    """Of a class: the curve of all test images together, and, of a cross-validation, those of its folds.

    Raises:
        WsbenchError: the run has no such class, or its scores are gone.
    """
    choose(label, dict.fromkeys(record.dataset["classes"]), f"class of {record.folder}")
    table = record.scores()

    def of(rows: pd.DataFrame) -> Curve | None:
        return curve(rows[f"label {label}"].to_numpy(), rows[f"score {label}"].to_numpy())

    folds = [of(rows) for _, rows in table.groupby(FOLD)] if FOLD in table else []
    return of(table), folds


def draw(runs: Sequence[Record], classes: Sequence[str], path: Path) -> None:
    """A panel a class, as PNG: every run's curve, and thin ones of its folds.

    Args:
        runs: finished ones, of any datasets.
        classes: to be drawn; a run without one of them is left out of its panel.
        path: the file.

    Raises:
        WsbenchError: no run has one of the classes with and without.
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
    """Draw one class; the number of curves."""
    drawn = 0
    for place, record in enumerate(runs):
        if label not in record.dataset["classes"]:
            continue
        whole, folds = curves(record, label)
        if whole is None:
            continue
        colour = f"C{place}"
        for fold in filter(None, folds):
            axes.plot(fold.false_positive_rate, fold.true_positive_rate, color=colour, lw=0.7, alpha=0.5)
        said = f"{label_of(record, 'uniform')} on {record.dataset['name']}\n{_auc(whole, folds)}"
        axes.plot(whole.false_positive_rate, whole.true_positive_rate, color=colour, lw=1.8, label=said)
        drawn += 1
    axes.plot([0, 1], [0, 1], color="grey", lw=0.7, ls=":")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_title(label, parse_math=False)
    axes.set(xlabel="false positive rate (1 - specificity)", ylabel="true positive rate (sensitivity)")
    if drawn:
        for text in axes.legend(loc="lower right", fontsize=7).get_texts():
            text.set_parse_math(False)
    return drawn


def _auc(whole: Curve, folds: Sequence[Curve | None]) -> str:
    areas = [fold.auc for fold in folds if fold is not None]
    if len(areas) < 2:
        return f"AUC {number(whole.auc)}"
    spread = number(float(np.std(areas, ddof=1)))
    return (
        f"AUC {number(float(np.mean(areas)))} ± {spread} over {len(areas)} folds; pooled {number(whole.auc)}"
    )
