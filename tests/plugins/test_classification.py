"""Hand-computed classification metrics."""

from __future__ import annotations

import pytest

from conftest import table
from wsbench_plugins.metrics.classification import auc, wsbench_metrics

METRICS = {spec.name: spec.compute for spec in wsbench_metrics()}


def scored(labels: list[int], scores: list[float], point: float = 0.5):
    empty = [[] for _ in labels]
    return table(
        empty, empty, labels=[[y] for y in labels], scores=[[s] for s in scores], operating_points=[point]
    )


def test_auc_counts_ties_half() -> None:
    # Pairs (positive, negative): 0.8>0.5, 0.8>0.3, 0.5=0.5, 0.5>0.3 -> 3.5 of 4.
    assert auc(scored([1, 1, 0, 0], [0.8, 0.5, 0.5, 0.3])).value == pytest.approx(3.5 / 4)


@pytest.mark.parametrize("labels", [[1, 1], [0, 0]])
def test_auc_of_one_label_does_not_exist(labels: list[int]) -> None:
    value = auc(scored(labels, [0.1, 0.9]))
    assert value.value is None
    assert value.per_class == {"tb": None}


def test_confusion_matrix_metrics() -> None:
    # Called at 0.6 or more: TP 2, FN 1, FP 1, TN 4.
    table_ = scored([1, 1, 1, 0, 0, 0, 0, 0], [0.9, 0.6, 0.1, 0.7, 0.5, 0.2, 0.2, 0.1], point=0.6)
    expected = {
        "accuracy": 6 / 8,
        "sensitivity": 2 / 3,
        "specificity": 4 / 5,
        "macro_precision": (2 / 3 + 4 / 5) / 2,
        "macro_recall": (2 / 3 + 4 / 5) / 2,
    }
    for name, value in expected.items():
        assert METRICS[name](table_).value == pytest.approx(value), name


def test_precision_does_not_exist_where_a_side_is_never_called() -> None:
    assert METRICS["macro_precision"](scored([1, 0], [0.9, 0.8])).value is None
    assert METRICS["macro_recall"](scored([1, 0], [0.9, 0.8])).value == pytest.approx(0.5)


def test_recall_does_not_exist_without_positives() -> None:
    assert METRICS["sensitivity"](scored([0, 0], [0.9, 0.1])).value is None
    assert METRICS["macro_recall"](scored([0, 0], [0.9, 0.1])).value is None
    assert METRICS["specificity"](scored([0, 0], [0.9, 0.1])).value == pytest.approx(0.5)
