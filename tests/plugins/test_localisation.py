"""Hand-computed localisation metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import box, found, measured, table, value
from wsbench.geometry.iou import shared_areas
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored
from wsbench_plugins.metrics import localisation as metrics


def test_the_three_mean_ious_differ_where_one_truth_box_is_hit_twice() -> None:
    # Two predictions lie on the first truth box (IoU 1 and 0.5), none on the second.
    truth = [[box(0, 0, 10, 10), box(50, 50, 60, 60)], [box(0, 0, 10, 10)]]
    predicted = [[found(0, 0, 10, 10), found(0, 0, 10, 5)], [found(0, 0, 10, 4)]]
    scored = table(truth, predicted)
    assert value(metrics.miou, scored) == pytest.approx(((1 + 0.5) / 2 + 0.4) / 2)
    assert value(metrics.miou_pooled, scored) == pytest.approx((1 + 0.5 + 0.4) / 3)
    assert value(metrics.miou_matched, scored) == pytest.approx(((1 + 0) / 2 + 0.4) / 2)


def test_an_image_without_prediction_counts_zero() -> None:
    scored = table([[box(0, 0, 10, 10)], [box(0, 0, 10, 10)]], [[found(0, 0, 10, 10)], []])
    for metric in (metrics.miou, metrics.miou_pooled, metrics.miou_matched, metrics.region_iou):
        assert value(metric, scored) == pytest.approx(0.5)


def test_predictions_on_images_without_truth_do_not_enter_overlap_metrics() -> None:
    scored = table([[box(0, 0, 10, 10)], []], [[found(0, 0, 10, 10)], [found(0, 0, 90, 90)]])
    assert value(metrics.miou, scored) == 1.0


def test_without_any_truth_box_overlap_metrics_do_not_exist() -> None:
    scored = table([[], []], [[found(0, 0, 10, 10)], []])
    for metric in (metrics.miou, metrics.miou_pooled, metrics.miou_matched, metrics.region_dice):
        assert value(metric, scored) is None
        assert measured(metric, scored)["per_class"] == {"tb": None}


def test_matched_iou_takes_the_assignment_of_largest_sum() -> None:
    # Greedy would take 0.9 and leave 0; the best assignment is 0.8 + 0.7.
    ious = np.array([[0.9, 0.8], [0.7, 0.0]])
    assert sorted(metrics.assigned_ious(ious)) == pytest.approx([0.7, 0.8])


def test_assignment_with_fewer_predictions_than_truth_is_padded() -> None:
    assert metrics.assigned_ious(np.array([[0.2], [0.6], [0.1]])).tolist() == pytest.approx([0.6, 0, 0])
    assert metrics.largest_ious(np.zeros((2, 0))).tolist() == [0, 0]


def test_region_metrics_measure_unions() -> None:
    # Truth: two boxes sharing 5 x 10 -> 150. Predicted: 10 x 10 of which 100 lie inside.
    truth = [[box(0, 0, 10, 10), box(5, 0, 15, 10)]]
    scored = table(truth, [[found(0, 0, 10, 10), found(0, 0, 5, 5)]])
    assert value(metrics.region_iou, scored) == pytest.approx(100 / 150)
    assert value(metrics.region_dice, scored) == pytest.approx(2 * 100 / (150 + 100))


edges = st.tuples(st.integers(0, 8), st.integers(1, 4)).map(lambda pair: (pair[0], sum(pair)))
corners = st.tuples(edges, edges).map(lambda pair: (pair[0][0], pair[1][0], pair[0][1], pair[1][1]))


@given(st.lists(corners, min_size=1, max_size=5), st.lists(corners, max_size=5))
def test_region_areas_equal_counting_pixels(truth: list, predicted: list) -> None:
    def mask(boxes: list) -> np.ndarray:
        image = np.zeros((12, 12), dtype=bool)
        for x0, y0, x1, y1 in boxes:
            image[y0:y1, x0:x1] = True
        return image

    first, second = mask(truth), mask(predicted)
    areas = shared_areas(np.array(truth).reshape(-1, 4), np.array(predicted).reshape(-1, 4))
    assert areas == ((first & second).sum(), first.sum(), second.sum())


def test_boxes_count_where_the_class_is_predicted() -> None:
    # Four images; the class is predicted on the first two, which have 3 boxes together.
    truth = [[box(0, 0, 9, 9)], [], [], []]
    predicted = [[found(0, 0, 9, 9)] * 2, [found(0, 0, 9, 9)], [found(0, 0, 9, 9)], []]
    scored = table(truth, predicted, scores=[[0.9], [0.5], [0.4], [0.1]])
    assert value(metrics.boxes_per_image, scored) == pytest.approx(3 / 4)
    # Of the three healthy images one shows a box: that of the second.
    assert value(metrics.healthy_with_box, scored) == pytest.approx(1 / 3)


def test_without_healthy_images_their_share_does_not_exist() -> None:
    scored = table([[box(0, 0, 9, 9)]], [[found(0, 0, 9, 9)]])
    assert value(metrics.healthy_with_box, scored) is None


def test_macro_is_the_mean_over_classes_that_exist() -> None:
    truth = [[box(0, 0, 10, 10, "a"), box(0, 0, 10, 10, "b")]]
    predicted = [[found(0, 0, 10, 5, label="a"), found(0, 0, 10, 10, label="b")]]
    result = measured(metrics.miou, table(truth, predicted, classes=("a", "b", "c")))
    assert result["per_class"] == {"a": pytest.approx(0.5), "b": pytest.approx(1.0), "c": None}
    assert result["value"] == pytest.approx(0.75)
    assert result["undefined"] == ["c"]


def test_boxes_of_another_class_do_not_count() -> None:
    scored = table([[box(0, 0, 10, 10, "a")]], [[found(0, 0, 10, 10, label="b")]], classes=("a", "b"))
    assert measured(metrics.miou, scored)["per_class"] == {"a": 0.0, "b": None}


def test_iou_accuracy_counts_truth_boxes_where_the_class_is_predicted() -> None:
    """IoUs 0.5 and 0 on an image that is called, 1 on one that is not."""
    truth = [[box(0, 0, 10, 10), box(50, 50, 60, 60)], [box(0, 0, 10, 10)]]
    predicted = [[found(0, 0, 10, 5)], [found(0, 0, 10, 10)]]
    scored = table(truth, predicted, scores=[[0.9], [0.1]])

    def accuracy(iou: float, called: bool) -> float | None:
        return value(lambda s, r: metrics.iou_accuracy(s, r, iou, called=called), scored)

    assert accuracy(0.4, True) == pytest.approx(1 / 2)
    assert accuracy(0.5, True) == 0.0  # it must be exceeded
    assert accuracy(0.4, False) == pytest.approx(2 / 3)
    assert value(metrics.iou_accuracy_kept, scored) == pytest.approx(2 / 3)
    # 0.1 and 0.25 are exceeded by one of two; 0.5, 0.75 and 0.9 by none.
    assert value(metrics.msli, scored) == pytest.approx(2 * 0.5 / 5)


def with_b_called(number: int) -> Scored:
    """Ten images with a box of each of two classes. That of a is called and half covered on every image, that
    of b is called and hit on so many."""
    truth = [[box(0, 0, 10, 10, "a"), box(50, 50, 60, 60, "b")]] * 10
    covered, hit = found(0, 0, 10, 5, label="a"), found(50, 50, 60, 60, label="b")
    predicted = [[covered, hit] if row < number else [covered] for row in range(10)]
    scores = [[0.9, 0.9 if row < number else 0.1] for row in range(10)]
    return table(truth, predicted, scores=scores, classes=("a", "b"))


SPECS = {spec.name: spec for spec in metrics.wsbench_metrics()}
SEES_CALLED = sorted(name for name in SPECS if name.startswith(("iou_accuracy@", "msli")))


@pytest.mark.parametrize("name", SEES_CALLED)
def test_what_sees_called_images_alone_needs_half_of_the_truth_boxes(name: str) -> None:
    half, fewer = (measured(SPECS[name].compute, with_b_called(number)) for number in (5, 4))
    of_a = half["per_class"]["a"]
    assert half["per_class"]["b"] == 1.0  # of what it sees
    assert half["value"] == (of_a + 1) / 2
    assert fewer["per_class"] == {"a": of_a, "b": None}
    assert (fewer["value"], fewer["undefined"]) == (of_a, ["b"])
    assert SPECS[name].version == 2


@pytest.mark.parametrize("name", ["iou_accuracy_all@0.1", "iou_accuracy_kept"])
def test_what_sees_all_images_needs_nothing(name: str) -> None:
    assert measured(SPECS[name].compute, with_b_called(1))["per_class"]["b"] == pytest.approx(0.1)
    assert SPECS[name].version == 1


def test_the_sample_decides_for_its_draws() -> None:
    called_alone, hardly_called = [2] * 4 + [0] * 6, [1, 0, 0, 0, 0, 1, 2, 2, 2, 2]
    draws = Resamples(np.array([called_alone, hardly_called], dtype=float), np.arange(10))
    assert metrics.iou_accuracy_kept(with_b_called(4), draws)[:, 1].tolist() == [1.0, 0.1]
    assert metrics.msli(with_b_called(5), draws)[:, 1].tolist() == [1.0, 1.0]
    assert np.isnan(metrics.msli(with_b_called(4), draws)[:, 1]).all()


def test_silence_on_hard_images_gains_nothing() -> None:
    """Boxes are right on four of ten images. Called on all, msli is 0.4; on these alone it would be 1."""
    truth = [[box(0, 0, 10, 10)]] * 10
    predicted = [[found(0, 0, 10, 10) if row < 4 else found(80, 80, 90, 90)] for row in range(10)]
    everywhere = table(truth, predicted, scores=[[0.9]] * 10)
    where_right = table(truth, predicted, scores=[[0.9]] * 4 + [[0.1]] * 6)
    assert value(metrics.msli, everywhere) == pytest.approx(0.4)
    assert value(metrics.published_msli, where_right) == 1.0
    assert value(metrics.msli, where_right) is None
    assert value(metrics.udp, where_right) is None


def test_udp_is_the_mean_of_both_tasks() -> None:
    truth = [[box(0, 0, 10, 10)], []]
    scored = table(truth, [[found(0, 0, 10, 10)], []], scores=[[0.9], [0.1]])
    assert value(metrics.udp, scored) == pytest.approx((1.0 + 1.0) / 2)
    assert value(metrics.udp, table(truth, [[], []], scores=[[0.1], [0.9]])) is None  # nothing is called
