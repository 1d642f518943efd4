"""Classification metrics of image scores.

A class is predicted where its score reaches the operating point (Youden's J on the select role under
protocol ``uniform``, the method's own under ``paper``). Every function returns ``(B, C)`` values of B draws
and C classes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import wsbench

from ._auc import auc

if TYPE_CHECKING:
    import numpy as np


Compute = Callable[["wsbench.metrics.Scored", "wsbench.metrics.Resamples"], "np.ndarray"]


@dataclass(frozen=True)
class Counts:
    """Confusion matrices: numbers of images, ``(B, C)`` each."""

    true_positive: np.ndarray
    false_positive: np.ndarray
    true_negative: np.ndarray
    false_negative: np.ndarray


def count(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> Counts:
    """The confusion matrices at the operating points."""
    truth, predicted = scored.labels, scored.predicted_positive
    cells = (truth & predicted, ~truth & predicted, ~truth & ~predicted, truth & ~predicted)
    return Counts(*map(resamples.sum, cells))


def accuracy(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Share of images that are classified correctly (KD-Grad-CAM paper, equation 3)."""
    counts = count(scored, resamples)
    right = counts.true_positive + counts.true_negative
    return wsbench.metrics.ratio(right, right + counts.false_positive + counts.false_negative)


def sensitivity(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Share of the images with the class for which it is predicted (KD-Grad-CAM paper, equation 4)."""
    counts = count(scored, resamples)
    return wsbench.metrics.ratio(counts.true_positive, counts.true_positive + counts.false_negative)


def specificity(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Share of the images without the class for which it is not predicted (KD-Grad-CAM paper, equation 5)."""
    counts = count(scored, resamples)
    return wsbench.metrics.ratio(counts.true_negative, counts.true_negative + counts.false_positive)


def macro_precision(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Mean of the precision of "present" and the precision of "absent" (KD-Grad-CAM paper, equation 6, there
    called average precision). It does not exist where one of the two is never predicted."""
    counts = count(scored, resamples)
    present = wsbench.metrics.ratio(counts.true_positive, counts.true_positive + counts.false_positive)
    absent = wsbench.metrics.ratio(counts.true_negative, counts.true_negative + counts.false_negative)
    mean: np.ndarray = (present + absent) / 2
    return mean


def macro_recall(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Mean of the recall of "present" and the recall of "absent" (KD-Grad-CAM paper, equation 7, there called
    average recall)."""
    mean: np.ndarray = (sensitivity(scored, resamples) + specificity(scored, resamples)) / 2
    return mean


def average_precision(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Area under the precision-recall curve, as a sum of steps over distinct scores. It does not exist for a
    class that no image has."""
    import numpy as np

    columns = []
    for label in range(len(scored.classes)):
        positive, scores = scored.labels[:, label], scored.scores[:, label]
        order = np.argsort(-scores, kind="stable")
        hits = order[positive[order]]
        levels = np.unique(-scores[hits])  # the scores at which recall steps, highest first
        counts, hit_counts = (
            resamples.cumulative_counts(images, np.searchsorted(-scores[images], levels, side="right"))
            for images in (order, hits)
        )
        precision = np.divide(hit_counts, counts, out=np.zeros_like(hit_counts), where=counts > 0)
        steps = np.diff(hit_counts, axis=1, prepend=0)
        columns.append(wsbench.metrics.ratio((precision * steps).sum(axis=1), resamples.sum(positive)))
    return np.stack(columns, axis=1)


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="labels", at_operating_points=True, columns={})
    return [
        spec(
            "auc",
            "area under the ROC curve",
            auc,
            at_operating_points=False,
            columns={"ranking": 10, "paper": 11, "terminal": 6, "terminal paper": 4, "folds": 2},
            may_rank=True,
            pooled="scores",
        ),
        spec(
            "average_precision",
            "area under the precision-recall curve",
            average_precision,
            at_operating_points=False,
        ),
        spec(
            "accuracy",
            "share of images that are classified correctly",
            accuracy,
            columns={"paper": 10, "terminal paper": 3, "folds": 1},
            pooled="images",
        ),
        spec(
            "sensitivity",
            "recall of the class",
            sensitivity,
            columns={"uniform": 12, "paper": 12, "terminal paper": 5, "folds": 3},
            heading="sens.",
        ),
        spec(
            "specificity",
            "recall of the absence of the class",
            specificity,
            columns={"uniform": 13, "paper": 13, "terminal paper": 6, "folds": 4},
            heading="spec.",
        ),
        spec(
            "macro_precision",
            "precision of presence and absence, averaged",
            macro_precision,
            columns={"paper": 14},
        ),
        spec("macro_recall", "recall of presence and absence, averaged", macro_recall, columns={"paper": 15}),
    ]
