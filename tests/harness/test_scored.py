"""Overlaps: hand-computed, against torchvision, and in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import box, found, table
from wsbench.geometry.box_table import BoxTable, overlaps
from wsbench.geometry.iou import intersection_over_union, pairwise_iou
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored
from wsbench.types import Box


def test_intersection_over_union_by_hand() -> None:
    first = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 0, 0]], dtype=float)
    second = np.array([[5, 0, 15, 10], [10, 0, 20, 10], [0, 0, 10, 10], [0, 0, 0, 0]], dtype=float)
    assert intersection_over_union(first, second).tolist() == pytest.approx([50 / 150, 0, 1, 0])


@given(st.integers(0, 2**32 - 1))
def test_overlaps_agree_with_torchvision(seed: int) -> None:
    torch = pytest.importorskip("torch")
    from torchvision.ops import box_iou

    generator = np.random.default_rng(seed)
    corner = generator.uniform(0, 100, (30, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(0.1, 50, (30, 2))], axis=1)
    expected = box_iou(torch.from_numpy(boxes[:12]), torch.from_numpy(boxes[12:])).numpy()
    assert pairwise_iou(boxes[:12], boxes[12:]) == pytest.approx(expected, abs=1e-12)


def test_pairs_join_only_the_same_image_and_class() -> None:
    truth = [[box(0, 0, 1, 1, "a"), box(0, 0, 2, 2, "b")], [], [box(0, 0, 3, 3, "a")]]
    predicted = [[found(0, 0, 2, 2, label="b"), found(0, 0, 1, 2, label="a")], [found(0, 0, 9, 9, label="a")]]
    scored = table(truth, [*predicted, []], classes=("a", "b"))
    pairs = [(int(t), int(p), iou) for t, p, iou in zip(*vars(scored.pairs).values(), strict=True)]
    assert pairs == [(0, 1, 0.5), (1, 0, 1.0)]


def test_matrices_keep_truth_rows_and_predicted_columns() -> None:
    truth = [[box(0, 0, 10, 10), box(0, 0, 10, 5)], [], [box(0, 0, 2, 2)]]
    predicted = [[found(0, 0, 10, 10), found(0, 0, 10, 2), found(0, 0, 5, 5)], [found(0, 0, 1, 1)], []]
    (image, first), (another, last) = table(truth, predicted).matrices(0)
    assert (image, another) == (0, 2)
    assert first == pytest.approx(np.array([[1, 0.2, 0.25], [0.5, 0.4, 0.5]]))
    assert last.shape == (1, 0)


def test_other_boxes_are_left_out_where_their_truth_is_not_known() -> None:
    scored = replace(table([[box(0, 0, 9, 9)], []], [[], []]), known=np.array([[True], [False]]))
    predicted = BoxTable.of([[found(0, 0, 9, 9)], [found(0, 0, 5, 5)]], scored.classes)
    assert scored.with_boxes(predicted).predicted.image.tolist() == [0]


def test_old_names_of_the_table_and_of_draws_still_work_and_say_the_new_ones() -> None:
    scored = table([[box(0, 0, 9, 9)], []], [[found(0, 0, 9, 9)], []], scores=[[0.9], [0.1]])
    draws, rows = Resamples.once(2), np.array([0, 1])

    def number_of_boxes(scored: Scored) -> int:
        return len(scored.predicted)

    for old, new in (
        (lambda: scored.called, "Scored.predicted_positive"),
        (lambda: scored.shown, "Scored.boxes_of_positive"),
        (lambda: scored.once(number_of_boxes), "Scored.memoised"),
        (lambda: draws.of(rows), "Resamples.counts_at"),
        (lambda: draws.up_to(rows, np.array([1, 2])), "Resamples.cumulative_counts"),
    ):
        with pytest.warns(DeprecationWarning, match=rf"is now wsbench\.metrics\.{new};") as warned:
            value = old()
        assert warned[0].filename == __file__
        expected = {
            "Scored.predicted_positive": [[True], [False]],
            "Scored.boxes_of_positive": [True],
            "Scored.memoised": 1,
            "Resamples.counts_at": [[1, 1]],
            "Resamples.cumulative_counts": [[1, 2]],
        }[new]
        assert np.array_equal(value, expected)


@given(st.integers(0, 2**32 - 1))
def test_flat_overlaps_equal_a_loop(seed: int) -> None:
    generator = np.random.default_rng(seed)

    def boxes(count: int) -> BoxTable:
        image = np.sort(generator.integers(0, 5, count))
        corner = generator.uniform(0, 10, (count, 2))
        xyxy = np.concatenate([corner, corner + generator.uniform(0, 10, (count, 2))], axis=1)
        return BoxTable(image, generator.integers(0, 3, count), xyxy, np.ones(count))

    truth, predicted = boxes(generator.integers(0, 12)), boxes(generator.integers(0, 12))
    expected = [
        (t, p, intersection_over_union(truth.xyxy[[t]], predicted.xyxy[[p]])[0])
        for t in range(len(truth))
        for p in range(len(predicted))
        if truth.image[t] == predicted.image[p] and truth.label[t] == predicted.label[p]
    ]
    pairs = overlaps(truth, predicted)
    assert (
        list(zip(pairs.truth.tolist(), pairs.predicted.tolist(), pairs.iou.tolist(), strict=True)) == expected
    )


def test_box_tables_keep_the_order_of_images() -> None:
    rows = BoxTable.of([[Box("b", 0, 0, 1, 1)], [], [Box("a", 1, 1, 2, 2), Box("b", 2, 2, 3, 3)]], ("a", "b"))
    assert rows.image.tolist() == [0, 2, 2]
    assert rows.label.tolist() == [1, 0, 1]
    assert rows.score.tolist() == [1, 1, 1]
    assert rows.of_image(2).tolist() == [[1, 1, 2, 2], [2, 2, 3, 3]]
    assert len(rows.of_label(1)) == 2
