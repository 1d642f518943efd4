"""Small parts of geometry by hand: maps with a peak of 1, doubt about pixels, tables of boxes, matchings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from wsbench.geometry.box_table import BoxTable, overlaps
from wsbench.geometry.box_units import WITHIN_A_PIXEL, WITHIN_A_QUARTER, frame_doubt
from wsbench.geometry.boxes import (
    BoxRule,
    larger_than,
    maps_of_class,
    regions_of,
    resized_to_grid,
    table_of_map,
)
from wsbench.geometry.heatmaps import peaked
from wsbench.geometry.iou import one_to_one, pairwise_iou, shared_areas
from wsbench.types import Box, Prediction, Region, ScoredBox


def test_every_map_has_a_peak_of_its_own() -> None:
    maps = np.zeros((3, 2, 3), dtype=np.float32)
    maps[0, 0] = [1, 2, 4]
    maps[1, 1, 2] = 0.25
    expected = np.zeros((3, 2, 3))
    expected[0, 0] = [0.25, 0.5, 1.0]
    expected[1, 1, 2] = 1.0
    assert peaked(maps).tolist() == expected.tolist()
    assert peaked(maps).dtype == np.float32


def test_a_smoothed_map_is_gaussian_and_keeps_its_peak_of_1() -> None:
    maps = np.zeros((2, 41, 41), dtype=np.float32)
    maps[0, 20, 20], maps[1, 10, 30] = 3.0, 0.5
    smooth = peaked(maps, smoothing=2.0)
    assert smooth.max(axis=(1, 2)).tolist() == [1.0, 1.0]
    expected = ndimage.gaussian_filter(maps[1].astype(float), 2.0)
    assert smooth[1] == pytest.approx(expected / expected.max(), abs=0.01)


def test_boxes_within_a_pixel_are_doubted_however_few() -> None:
    size = np.array([[100, 100]])
    assert frame_doubt(np.array([[0.1, 0.1, 1.0, 0.9]]), size) == WITHIN_A_PIXEL
    assert frame_doubt(np.array([[0.1, 0.1, 1.01, 0.9]]), size) == ""
    assert frame_doubt(np.array([[0.1, 0.1, 0.9, 1.01]]), size) == ""
    assert frame_doubt(np.zeros((0, 4)), np.zeros((0, 2))) == ""


@pytest.mark.parametrize(
    ("count", "corner", "doubt"),
    [
        (10, (50, 100), WITHIN_A_QUARTER),
        (9, (50, 100), ""),
        (10, (50.1, 100), ""),
        (10, (50, 100.1), ""),
        (10, (20, 30), WITHIN_A_QUARTER),
    ],
)
def test_ten_boxes_in_one_quarter_are_doubted(count: int, corner: tuple[float, float], doubt: str) -> None:
    """Half of an image of 100 x 200 reaches to 50, 100."""
    corners = np.array([[0, 0, *corner]] + [[0, 0, 20, 30]] * (count - 1), dtype=float)
    assert frame_doubt(corners, np.full((count, 2), (100, 200))) == doubt


def test_tables_are_joined_and_listed_by_image_in_the_order_of_classes() -> None:
    first = BoxTable.of([[ScoredBox("b", 0, 1, 2, 3, 0.5)], [ScoredBox("b", 4, 5, 6, 7, 0.25)]], ("a", "b"))
    second = BoxTable.of([[], [ScoredBox("a", 1, 1, 2, 2, 0.75)]], ("a", "b"))
    joined = BoxTable.joined([first, second])
    assert joined.lists(3, ("a", "b")) == [
        [ScoredBox("b", 0, 1, 2, 3, 0.5)],
        [ScoredBox("a", 1, 1, 2, 2, 0.75), ScoredBox("b", 4, 5, 6, 7, 0.25)],
        [],
    ]
    assert len(BoxTable.joined([])) == 0 and BoxTable.joined([]).xyxy.shape == (0, 4)
    assert BoxTable.of([[Box("a", 0, 0, 1, 1)]], ("a",)).score.tolist() == [1.0]


def test_single_precision_is_that_of_corners_and_scores() -> None:
    table = BoxTable.of([[ScoredBox("a", 0.1, 0.2, 1.3, 2.7, 0.3)]], ("a",)).single()
    assert table.xyxy.dtype == table.score.dtype == np.float64
    assert table.xyxy[0].tolist() == [float(np.float32(value)) for value in (0.1, 0.2, 1.3, 2.7)]
    assert table.score.tolist() == [float(np.float32(0.3))]


def test_overlaps_of_classes_that_only_one_side_has() -> None:
    """The highest class of either side sets the keys: box 2 of image 0 is not box 0 of image 1."""
    truth = BoxTable.of([[Box("c", 0, 0, 2, 2)], [Box("a", 0, 0, 2, 2)]], ("a", "b", "c"))
    predicted = BoxTable.of([[], [ScoredBox("a", 0, 0, 2, 2, 0.5)]], ("a", "b", "c"))
    for pairs in (overlaps(truth, predicted), overlaps(predicted, truth)):
        assert len(pairs.iou) == 1
    pairs = overlaps(truth, predicted)
    assert (pairs.truth.tolist(), pairs.predicted.tolist(), pairs.iou.tolist()) == ([1], [0], [1.0])


def test_the_boxes_that_have_a_partner_are_named_in_order() -> None:
    """Boxes 7 and 9 can have partners 3 and 5; box 2 only 5, so two of three are matched."""
    matched = one_to_one(np.array([9, 7, 9]), np.array([3, 3, 5]))
    assert matched.tolist() == [7, 9]
    assert one_to_one(np.array([4, 4]), np.array([1, 2])).tolist() == [4]
    assert one_to_one(np.zeros(0, dtype=int), np.zeros(0, dtype=int)).tolist() == []


def test_areas_that_boxes_share_count_once() -> None:
    """Two boxes that overlap by half beside one over their middle: 15, 6, and 4 + 2 shared."""
    first = np.array([[0, 0, 2, 5], [1, 0, 3, 5]], dtype=float)
    second = np.array([[2, 1, 5, 3]], dtype=float)
    assert shared_areas(first, second) == (2.0, 15.0, 6.0)
    assert shared_areas(second, first) == (2.0, 6.0, 15.0)
    assert shared_areas(first, np.zeros((0, 4))) == (0.0, 15.0, 0.0)
    assert pairwise_iou(first, second).tolist() == [[0.0], [pytest.approx(2 / 14)]]


def test_larger_boxes_exceed_the_share() -> None:
    boxes = BoxTable.of([[Box("a", 0, 0, 2, 2), Box("a", 0, 0, 2, 3)], [Box("a", 0, 0, 2, 2)]], ("a",))
    sizes = np.array([[10, 10], [5, 10]])
    assert larger_than(boxes, sizes, 0.04).xyxy[:, 3].tolist() == [3, 2]
    assert larger_than(boxes, sizes, 0.039).image.tolist() == [0, 0, 1]


def test_maps_without_regions_cover_their_images() -> None:
    prediction = Prediction(np.zeros((2, 1)), np.zeros((2, 1, 2, 2)))
    assert regions_of(prediction, np.array([[4, 6], [8, 2]])).tolist() == [[0, 0, 4, 6], [0, 0, 8, 2]]
    placed = Prediction(np.zeros((1, 1)), np.zeros((1, 1, 2, 2)), regions=[Region(1, 2, 3, 4)])
    assert regions_of(placed, np.array([[9, 9]])).tolist() == [[1, 2, 3, 4]]


def test_maps_come_in_runs_and_each_on_its_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells for two maps of 4 x 4 and the row that keeps each apart: five maps come as 2, 2 and 1."""
    monkeypatch.setattr("wsbench.geometry.boxes.SHEET_CELLS", 2 * 5 * 4)
    maps = np.random.default_rng(0).random((6, 2, 4, 4))
    images = np.array([5, 0, 2, 3, 1])
    runs = list(maps_of_class(Prediction(np.zeros((6, 2)), maps), 1, images))
    assert [len(rows) for rows, _ in runs] == [2, 2, 1]
    assert np.concatenate([rows for rows, _ in runs]).tolist() == images.tolist()
    assert np.concatenate([of_run for _, of_run in runs]).tolist() == maps[images, 1].tolist()
    gridded = list(maps_of_class(Prediction(np.zeros((6, 2)), maps, box_grid=(4, 3)), 1, images))
    assert [of_run.shape for _, of_run in gridded] == [(2, 4, 3), (2, 4, 3), (1, 4, 3)]
    assert (
        resized_to_grid(maps[0, 0], None) is maps[0, 0]
        or (resized_to_grid(maps[0, 0], None) == maps[0, 0]).all()
    )


def test_boxes_of_maps_are_in_the_pixels_of_their_own_image_and_region() -> None:
    heatmaps = np.zeros((2, 2, 4, 4))
    heatmaps[0, 1, 1, 1:3] = 0.8
    heatmaps[1, 1, 2:, 0] = 0.6
    scores = np.array([[0.1, 0.5], [0.1, 0.25]])
    prediction = Prediction(scores, heatmaps, regions=[Region(0, 0, 8, 4), Region(4, 2, 8, 10)])
    table = table_of_map(prediction, np.array([[8, 4], [8, 9]]), 1, BoxRule(0.5, 0.0))
    assert table.image.tolist() == [0, 1]
    assert table.label.tolist() == [1, 1]
    assert table.xyxy.tolist() == [[2, 1, 6, 2], [4, 6, 5, 9]]
    assert table.score.tolist() == pytest.approx([0.4, 0.15])
