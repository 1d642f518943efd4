"""Fixed boxes: which are chosen, and where they are put."""

from __future__ import annotations

import numpy as np
import pytest

from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.priors import as_fractions, fixed_boxes, on_every_image
from wsbench.types import Box


def test_fixed_boxes_by_hand() -> None:
    """Three near-equal boxes and one apart: the first choice is the middle one, the second the one apart."""
    truth = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [2, 0, 12, 10], [50, 50, 60, 60]], dtype=float)
    boxes, weights = fixed_boxes(truth, 2)
    assert boxes.tolist() == [[1, 0, 11, 10], [50, 50, 60, 60]]
    assert weights.tolist() == [0.75, 0.25]
    assert len(fixed_boxes(truth, 16)[0]) == 4


def test_a_fixed_box_is_ranked_by_the_boxes_that_it_overlaps_by_a_quarter() -> None:
    truth = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [6, 0, 16, 10], [7, 0, 17, 10]], dtype=float)
    boxes, weights = fixed_boxes(truth[:3], 1)  # the first has 1, 60 / 140 and 40 / 160 = 0.25
    assert (boxes.tolist(), weights.tolist()) == ([[4, 0, 14, 10]], [1.0])
    _, (alone,) = fixed_boxes(truth[[0, 3]], 1)  # 30 / 170 is less than a quarter
    assert alone == 0.5


def test_without_truth_there_are_no_fixed_boxes() -> None:
    boxes, weights = fixed_boxes(np.zeros((0, 4)), 4)
    assert boxes.shape == (0, 4)
    assert weights.shape == (0,)


def test_fractions_of_one_image_are_pixels_of_another() -> None:
    truth = BoxTable.of([[Box("tb", 10, 20, 50, 40)]], ("tb",))
    fractions = as_fractions(truth, np.array([[100, 200]]))
    assert fractions.tolist() == [pytest.approx([0.1, 0.1, 0.5, 0.2])]
    sizes, scores = np.array([[200, 100], [10, 10]]), np.array([0.8, 0.4])
    placed = on_every_image(np.repeat(fractions, 2, axis=0), np.array([1.0, 0.5]), 0, sizes, scores)
    assert placed.image.tolist() == [0, 0, 1, 1]
    assert placed.xyxy[[0, 2]] == pytest.approx(np.array([[20, 10, 100, 20], [1, 1, 5, 2]]))
    assert placed.score.tolist() == pytest.approx([0.8, 0.4, 0.4, 0.2])
