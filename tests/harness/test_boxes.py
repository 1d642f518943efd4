"""Heatmaps to boxes: components, holes, thresholds, frames, and an independent labelling."""

from __future__ import annotations

from dataclasses import astuple
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from wsbench.geometry import boxes as boxes_module
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import (
    BoxRule,
    boxes_of,
    component_boxes,
    component_boxes_of_maps,
    extract,
    kept_boxes,
    quantise,
    relative_scores,
)
from wsbench.geometry.coordinates import full_image
from wsbench.types import Prediction, Region

ALL = BoxRule(threshold=0.5, minimum_area=0.0)


def test_quantise_rounds_to_the_nearest_level() -> None:
    assert quantise(np.array([0, 0.5, 1, 0.5 / 255, 0.499 / 255])).tolist() == [0, 128, 255, 1, 0]


def test_threshold_is_inclusive() -> None:
    levels = np.array([[127, 128]], dtype=np.uint8)
    assert component_boxes(levels, 0.5).tolist() == [[1, 0, 2, 1]]  # 0.5 * 255 = 127.5
    assert component_boxes(levels, 128 / 255).tolist() == [[1, 0, 2, 1]]
    assert component_boxes(levels, 129 / 255).tolist() == []


def test_nothing_is_foreground_on_an_empty_map() -> None:
    assert component_boxes(np.zeros((5, 5), dtype=np.uint8), 0.01).shape == (0, 4)


def test_single_cells_and_diagonals() -> None:
    levels = np.zeros((4, 5), dtype=np.uint8)
    levels[0, 0] = levels[2, 3] = levels[3, 4] = 255
    assert component_boxes(levels, 0.5).tolist() == [[0, 0, 1, 1], [3, 2, 5, 4]]


def test_a_component_in_the_hole_of_another_is_kept() -> None:
    levels = np.full((9, 9), 255, dtype=np.uint8)
    levels[2:7, 2:7] = 0
    levels[4, 4] = 255
    assert component_boxes(levels, 0.5).tolist() == [[0, 0, 9, 9], [4, 4, 5, 5]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.integers(1, 24), st.floats(0.01, 1.0))
def test_components_equal_an_independent_labelling(
    seed: int, rows: int, columns: int, threshold: float
) -> None:
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 256, (rows, columns), dtype=np.uint8)
    labelled, _ = ndimage.label(levels >= 255 * threshold, structure=np.ones((3, 3)))
    expected = [
        (where[1].start, where[0].start, where[1].stop, where[0].stop)
        for where in ndimage.find_objects(labelled)
    ]
    assert sorted(map(tuple, component_boxes(levels, threshold).tolist())) == sorted(expected)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(1, 40))
def test_many_maps_have_the_boxes_of_each(seed: int, rows: int, columns: int, cells: int) -> None:
    """Those of one map touch those of no other, however many are looked at together."""
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 256, (7, rows, columns), dtype=np.uint8)
    each = [component_boxes(of_map, 0.6) for of_map in levels]
    with mock.patch.object(boxes_module, "SHEET_CELLS", cells):
        image, together = component_boxes_of_maps(levels, 0.6)
    assert image.tolist() == np.repeat(np.arange(7), [len(of_map) for of_map in each]).tolist()
    assert together.tolist() == np.concatenate(each).tolist()


def boxes_of_map(
    heatmap: np.ndarray, region: Region, size: tuple[int, int], rule: BoxRule
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and peaks of one map."""
    regions, sizes = np.array([region.corners]), np.array([size])
    _, corners, peaks = extract(heatmap[None], regions, sizes, rule)
    return corners, peaks


def test_boxes_come_back_in_pixels_of_the_original_image() -> None:
    heatmap = np.zeros((4, 8))
    heatmap[1:3, 2:4] = 0.9
    heatmap[2, 3] = 0.95
    boxes, peaks = boxes_of_map(heatmap, full_image(800, 400), (800, 400), ALL)
    assert boxes.tolist() == [[200, 100, 400, 300]]
    assert peaks.tolist() == [0.95]


def test_a_region_outside_the_image_is_clipped() -> None:
    heatmap = np.zeros((4, 4))
    heatmap[0, 0] = heatmap[1, 3] = 1.0
    boxes, _ = boxes_of_map(heatmap, Region(0, -100, 400, 300), (400, 200), ALL)
    # The first cell lies above the image; the second covers rows 0 to 100 of it.
    assert boxes.tolist() == [[300, 0, 400, 100]]


def test_minimum_area_is_a_share_of_the_image_and_strict() -> None:
    heatmap = np.zeros((10, 10))
    heatmap[0, 0:2] = 1.0
    size = (100, 100)
    kept, _ = boxes_of_map(heatmap, full_image(*size), size, BoxRule(0.5, 0.0199))
    dropped, _ = boxes_of_map(heatmap, full_image(*size), size, BoxRule(0.5, 0.02))
    assert (len(kept), len(dropped)) == (1, 0)


def test_a_box_scores_class_score_times_peak() -> None:
    heatmaps = np.zeros((1, 2, 4, 4))
    heatmaps[0, 0, 0, 0], heatmaps[0, 1, 2:, 2:] = 0.8, 0.6
    prediction = Prediction(np.array([[0.5, 0.25]]), heatmaps)
    (boxes,) = boxes_of(prediction, np.array([[40, 40]]), ("a", "b"), (ALL, ALL))
    assert [(box.label, box.x0, box.y1) for box in boxes] == [("a", 0, 10), ("b", 20, 40)]
    assert [box.score for box in boxes] == pytest.approx([0.5 * 0.8, 0.25 * 0.6])


def test_boxes_on_a_grid_are_those_of_maps_of_that_size() -> None:
    """Against torch's bilinear interpolation."""
    maps = np.random.default_rng(0).random((3, 2, 5, 6)).astype(np.float16)
    large = torch.nn.functional.interpolate(torch.from_numpy(maps).float(), (35, 30), mode="bilinear").numpy()
    scores, sizes, rules = np.ones((3, 2)), np.array([[60, 70]] * 3), [ALL, BoxRule(0.7, 0.001)]
    ours = boxes_of(Prediction(scores, maps, box_grid=(35, 30)), sizes, ("a", "b"), rules)
    theirs = boxes_of(Prediction(scores, large), sizes, ("a", "b"), rules)
    plain = boxes_of(Prediction(scores, maps), sizes, ("a", "b"), rules)
    assert [[astuple(box)[:5] for box in image] for image in ours] == [
        [astuple(box)[:5] for box in image] for image in theirs
    ]
    assert ours != plain


@given(
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=200),
    st.lists(st.integers(1, 1000), min_size=1, max_size=6, unique=True),
)
def test_in_single_precision_shares_do_not_tell_the_class_score(
    scores: list[float], whole: list[int]
) -> None:
    weights = np.array(whole) / 1000
    image = np.repeat(np.arange(len(scores)), len(weights))
    score = np.outer(scores, weights).ravel().astype(np.float32).astype(np.float64)
    shares = relative_scores(image, score).reshape(len(scores), len(weights))
    assert (shares == shares[0]).all()
    assert np.array_equal(np.argsort(shares[0]), np.argsort(weights))
    assert shares[0] == pytest.approx(weights / weights.max(), abs=2e-6)
    boxes = BoxTable(image, np.zeros_like(image), np.tile([0.0, 0, 9, 9], (len(image), 1)), score)
    for threshold in (0.1, 0.3, 0.7):
        kept = kept_boxes(boxes, np.full((len(scores), 2), 10), BoxRule(threshold, 0.0))
        assert np.bincount(kept.image).tolist() == [
            (weights / weights.max() >= threshold - 1e-9).sum()
        ] * len(scores)


def test_shares_about_the_middle_of_two_decimals_are_not_parted() -> None:
    score = np.array([1.0, 0.1234565 - 1e-8, 1.0, 0.1234565 + 1e-8])
    assert len(set(relative_scores(np.array([0, 0, 1, 1]), score).tolist())) == 2
    assert relative_scores(np.array([0, 0]), np.array([1.0, 0.999])).tolist() == [1.0, 0.999]
    assert relative_scores(np.array([0, 0]), np.zeros(2)).tolist() == [1.0, 1.0]
    assert relative_scores(np.zeros(0, dtype=int), np.zeros(0)).tolist() == []


def test_shares_that_differ_by_a_millionth_are_equal_and_by_more_are_not() -> None:
    image = np.zeros(3, dtype=int)
    same = relative_scores(image, np.array([1.0, 0.5, 0.5 + 0.8e-6]))
    apart = relative_scores(image, np.array([1.0, 0.5, 0.5 + 2e-6]))
    assert same.tolist() == [1.0, 0.5, 0.5]
    assert apart.tolist() == [1.0, 0.5, 0.500002]


def test_shares_are_those_of_the_best_box_of_their_own_image() -> None:
    shares = relative_scores(np.array([0, 2, 0, 2]), np.array([0.2, 0.5, 0.4, 0.1]))
    assert shares.tolist() == [0.5, 1.0, 1.0, 0.2]


def test_kept_boxes_reach_the_threshold_and_exceed_the_area() -> None:
    """Images of 100 and of 400 pixels: an area of 4 is 0.04 of the one and 0.01 of the other."""
    boxes = BoxTable(
        np.array([0, 0, 1, 1]),
        np.zeros(4, dtype=int),
        np.array([[0, 0, 2, 2], [0, 0, 3, 3], [0, 0, 2, 2], [0, 0, 3, 3]], dtype=float),
        np.array([0.2, 0.4, 0.8, 0.3]),
    )
    sizes = np.array([[10, 10], [20, 20]])
    for rule, kept in (
        (BoxRule(0.5, 0.0), [[0, 0], [0, 1], [1, 0]]),
        (BoxRule(0.51, 0.0), [[0, 1], [1, 0]]),
        (BoxRule(0.1, 0.01), [[0, 0], [0, 1], [1, 1]]),
        (BoxRule(0.1, 0.04), [[0, 1]]),
    ):
        table = kept_boxes(boxes, sizes, rule)
        rows = [[image, int(corners[2] == 3)] for image, corners in zip(table.image, table.xyxy, strict=True)]
        assert rows == kept, rule
