"""Classification metrics of image scores, per class and macro.

A class is predicted where its score reaches the operating point (Youden's J on the select role under
protocol ``uniform``, the method's own under ``paper``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import wsbench


@dataclass(frozen=True)
class Counts:
    """A confusion matrix of one class."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int


def auc(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Area under the ROC curve; it does not exist for a class that all or no images have."""

    def of_class(label: int) -> float | None:
        from sklearn.metrics import roc_auc_score

        truth = scored.labels[:, label]
        if truth.all() or not truth.any():
            return None
        return float(roc_auc_score(truth, scored.scores[:, label]))

    return scored.per_class(of_class)


def accuracy(counts: Counts) -> float | None:
    """Share of images called rightly (KD-Grad-CAM paper, equation 3)."""
    right = counts.true_positive + counts.true_negative
    return _share(right, right + counts.false_positive + counts.false_negative)


def sensitivity(counts: Counts) -> float | None:
    """Share of the images with the class that are called so (equation 4)."""
    return _share(counts.true_positive, counts.true_positive + counts.false_negative)


def specificity(counts: Counts) -> float | None:
    """Share of the images without the class that are called so (equation 5)."""
    return _share(counts.true_negative, counts.true_negative + counts.false_positive)


def macro_precision(counts: Counts) -> float | None:
    """Precision of "present" and of "absent", averaged (the paper's average precision, equation 6); it does
    not exist where one of the two is never called."""
    present = _share(counts.true_positive, counts.true_positive + counts.false_positive)
    absent = _share(counts.true_negative, counts.true_negative + counts.false_negative)
    return None if present is None or absent is None else (present + absent) / 2


def macro_recall(counts: Counts) -> float | None:
    """Recall of "present" and of "absent", averaged (the paper's average recall, equation 7)."""
    present, absent = sensitivity(counts), specificity(counts)
    return None if present is None or absent is None else (present + absent) / 2


def count(scored: wsbench.Scored, label: int) -> Counts:
    """The confusion matrix of one class at its operating point."""
    truth, called = scored.labels[:, label], scored.called[:, label]
    return Counts(
        true_positive=int((truth & called).sum()),
        false_positive=int((~truth & called).sum()),
        true_negative=int((~truth & ~called).sum()),
        false_negative=int((truth & ~called).sum()),
    )


def from_counts(measure: Callable[[Counts], float | None]) -> Callable[[wsbench.Scored], wsbench.MetricValue]:
    """The metric that applies ``measure`` to every class."""
    return lambda scored: scored.per_class(lambda label: measure(count(scored, label)))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    return [
        wsbench.MetricSpec("auc", "area under the ROC curve", auc),
        wsbench.MetricSpec("accuracy", "share of images called rightly", from_counts(accuracy)),
        wsbench.MetricSpec("sensitivity", "recall of the class", from_counts(sensitivity)),
        wsbench.MetricSpec("specificity", "recall of its absence", from_counts(specificity)),
        wsbench.MetricSpec(
            "macro_precision", "precision of presence and absence, averaged", from_counts(macro_precision)
        ),
        wsbench.MetricSpec(
            "macro_recall", "recall of presence and absence, averaged", from_counts(macro_recall)
        ),
    ]
