"""Coordinate arithmetic: hand-computed cases and the properties that must hold for any."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

import wsbench
from wsbench.geometry import coordinates
from wsbench.types import Region


def test_a_cell_spans_its_share_of_the_region() -> None:
    region = Region(100, 50, 300, 150)
    # 4 columns of 50 px and 2 rows of 50 px.
    assert coordinates.cells_to_pixels(np.array([[1, 0, 3, 2]]), region, (2, 4)).tolist() == [
        [150, 50, 250, 150]
    ]


def test_resizing_alone_covers_the_image() -> None:
    assert coordinates.full_image(1024, 800) == Region(0, 0, 1024, 800)


def test_centre_crop_of_the_paper() -> None:
    # 512 -> 256 -> 224: sixteen pixels of 256 are cut on every side, thirty-two of 512.
    assert coordinates.centre_crop(512, 512, resized=256, cropped=224) == Region(32, 32, 480, 480)
    assert coordinates.centre_crop(1024, 512, resized=256, cropped=224) == Region(64, 32, 960, 480)


def test_an_odd_margin_of_a_crop_is_rounded_as_torchvision_does() -> None:
    """Half of 256 - 223 is 16.5 pixels; crops begin at whole ones."""
    seen = torchvision.transforms.functional.center_crop(torch.arange(256).repeat(256, 1), [223, 223])
    left, right = int(seen[0, 0]), int(seen[0, -1]) + 1
    assert coordinates.centre_crop(256, 256, resized=256, cropped=223) == Region(left, left, right, right)


def test_letterbox_sticks_out_of_the_short_side() -> None:
    assert coordinates.letterbox(400, 200) == Region(0, -100, 400, 300)
    assert coordinates.letterbox(200, 400) == Region(-100, 0, 300, 400)


def test_clip_and_areas() -> None:
    boxes = coordinates.clip(np.array([[-5, 10, 20, 200], [150, 0, 160, 10]]), 100, 100)
    assert boxes.tolist() == [[0, 10, 20, 100], [100, 0, 100, 10]]
    assert coordinates.areas(boxes).tolist() == [1800, 0]
    assert coordinates.areas(np.array([5, 5, 1, 9])).tolist() == [0]


sides = st.floats(1, 5000)


@given(
    sides, sides, st.integers(1, 64), st.integers(1, 64), st.lists(st.floats(-9, 99), min_size=4, max_size=4)
)
def test_cells_and_pixels_are_inverse(
    width: float, height: float, rows: int, columns: int, box: list
) -> None:
    region = coordinates.letterbox(width, height)
    there = coordinates.cells_to_pixels(np.array([box]), region, (rows, columns))
    per_pixel = np.array([columns / region.width, rows / region.height] * 2)
    back = (there[0] - np.array([region.x0, region.y0] * 2)) * per_pixel
    assert back == pytest.approx(box, abs=1e-6)


@given(st.tuples(sides, sides, sides, sides))
def test_coco_and_corners_are_inverse(box: tuple[float, float, float, float]) -> None:
    assert coordinates.xyxy_to_xywh(coordinates.xywh_to_xyxy(box)) == pytest.approx(box)


def test_a_map_of_less_than_half_a_cell_covers_nothing() -> None:
    whole = coordinates.over_whole_image(np.ones((4, 4)), Region(30, 30, 30.4, 30.4), (64, 64), 64)
    assert whole.shape == (64, 64) and not whole.any()


@pytest.mark.parametrize("corners", [(30, 0, 30.4, 60), (0, 30, 60, 30.4)])
def test_a_map_that_is_thin_in_one_direction_covers_nothing(corners: tuple[float, ...]) -> None:
    whole = coordinates.over_whole_image(np.ones((4, 4)), Region(*corners), (64, 64), 64)
    assert not whole.any()


def test_a_map_that_sticks_out_is_cut_at_every_edge() -> None:
    """Twice as wide and high as the image of 80 x 40, whose top left quarter is its cells 2 to 3."""
    heatmap = np.arange(64.0).reshape(8, 8)
    region = Region(-40, -20, 120, 60)
    whole = coordinates.over_whole_image(heatmap, region, (80, 40), 4, bilinear=True)
    assert whole.tolist() == heatmap[2:6, 2:6].tolist()
    shifted = coordinates.over_whole_image(heatmap, Region(20, 10, 180, 90), (80, 40), 4, bilinear=True)
    assert shifted[1:, 1:].tolist() == heatmap[:3, :3].tolist()
    assert not shifted[0].any() and not shifted[:, 0].any()


def test_a_map_is_resized_by_cubics_unless_lines_are_asked_for() -> None:
    step = np.repeat([[0.0, 0.0, 1.0, 1.0]], 4, axis=0)
    cubic, linear = (
        coordinates.over_whole_image(step, coordinates.full_image(16, 16), (16, 16), 16, bilinear=bilinear)
        for bilinear in (False, True)
    )
    assert cubic.min() < 0 < cubic.max() - 1  # cubics overshoot
    assert (linear.min(), linear.max()) == (0, 1)
    assert linear[0, 6:10].tolist() == [0.125, 0.375, 0.625, 0.875]


def test_boxes_of_many_regions_are_each_in_their_own() -> None:
    regions = np.array([[0, 0, 8, 4], [10, 20, 18, 24]])
    boxes = coordinates.cells_to_pixels(np.array([[1, 1, 2, 2], [1, 1, 2, 2]]), regions, (4, 8))
    assert boxes.tolist() == [[1, 1, 2, 2], [11, 21, 12, 22]]
    clipped = coordinates.clip(boxes, np.array([1.5, 11.5]), np.array([9, 21.5]))
    assert clipped.tolist() == [[1, 1, 1.5, 2], [11, 21, 11.5, 21.5]]


def test_a_map_is_stretched_to_its_own_range_and_an_equal_one_is_empty() -> None:
    stretched = wsbench.geometry.stretched(np.array([[2.0, 3.0], [4.0, 2.0]], dtype=np.float32))
    assert stretched.tolist() == [[0.0, 0.5], [1.0, 0.0]]
    assert stretched.dtype == np.float32
    assert wsbench.geometry.stretched(np.full((2, 2), 0.7)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
