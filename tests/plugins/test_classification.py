"""Hand-computed classification metrics."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from conftest import measured, table, value
from wsbench.scoring.bootstrap import Resamples
from wsbench_plugins.metrics.classification import auc, wsbench_metrics

METRICS = {spec.name: spec.compute for spec in wsbench_metrics()}


def scored(labels: list[int], scores: list[float], point: float = 0.5):
    empty = [[] for _ in labels]
    return table(
        empty, empty, labels=[[y] for y in labels], scores=[[s] for s in scores], operating_points=[point]
    )


def test_auc_counts_ties_half() -> None:
    # Pairs (positive, negative): 0.8>0.5, 0.8>0.3, 0.5=0.5, 0.5>0.3 -> 3.5 of 4.
    assert value(auc, scored([1, 1, 0, 0], [0.8, 0.5, 0.5, 0.3])) == pytest.approx(3.5 / 4)


@pytest.mark.parametrize("labels", [[1, 1], [0, 0]])
def test_auc_of_one_label_does_not_exist(labels: list[int]) -> None:
    result = measured(auc, scored(labels, [0.1, 0.9]))
    assert result == {"value": None, "per_class": {"tb": None}, "undefined": ["tb"]}


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
    for name, number in expected.items():
        assert value(METRICS[name], table_) == pytest.approx(number), name


def test_precision_does_not_exist_where_a_side_is_never_called() -> None:
    assert value(METRICS["macro_precision"], scored([1, 0], [0.9, 0.8])) is None
    assert value(METRICS["macro_recall"], scored([1, 0], [0.9, 0.8])) == pytest.approx(0.5)


def test_recall_does_not_exist_without_positives() -> None:
    assert value(METRICS["sensitivity"], scored([0, 0], [0.9, 0.1])) is None
    assert value(METRICS["macro_recall"], scored([0, 0], [0.9, 0.1])) is None
    assert value(METRICS["specificity"], scored([0, 0], [0.9, 0.1])) == pytest.approx(0.5)


def many(seed: int, *, tied: bool):
    """Sixty images of twenty patients and two classes."""
    generator = np.random.default_rng(seed)
    labels = generator.random((60, 2)) < (0.3, 0.6)
    scores = generator.choice([0.1, 0.4, 0.7], (60, 2)) if tied else generator.random((60, 2))
    empty = [[] for _ in labels]
    return table(empty, empty, labels=labels.tolist(), scores=scores.tolist(), classes=("a", "b"))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    ("name", "theirs"), [("auc", roc_auc_score), ("average_precision", average_precision_score)]
)
def test_areas_agree_with_scikit_learn_on_every_draw(name: str, theirs, tied: bool) -> None:
    everything = many(0, tied=tied)
    draws = Resamples.draw([row // 3 for row in range(60)], 30, seed=5)
    ours = METRICS[name](everything, draws)
    for values, weights in zip(ours, draws.images(), strict=True):
        for label in range(2):
            expected = theirs(everything.labels[:, label], everything.scores[:, label], sample_weight=weights)
            assert values[label] == pytest.approx(expected, abs=1e-12)


def test_a_draw_without_positives_has_no_area() -> None:
    draws = Resamples(np.array([[0.0, 2.0, 2.0]]), np.arange(3))
    everything = scored([1, 0, 0], [0.9, 0.5, 0.2])
    assert np.isnan(METRICS["auc"](everything, draws)).all()
    assert np.isnan(METRICS["average_precision"](everything, draws)).all()


def test_intervals_are_there_and_hold_the_value() -> None:
    result = measured(METRICS["auc"], many(1, tied=False))
    low, high = result["interval"]
    assert low < result["value"] < high
    assert set(result["class_intervals"]) == {"a", "b"}
