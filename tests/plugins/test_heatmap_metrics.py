"""The pointing game by hand, with its two chance levels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import box, table, value
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import full_image
from wsbench.scoring.table import Heatmaps, Scored, Truth
from wsbench.types import Region
from wsbench_plugins.metrics.heatmaps import pointing_game, pointing_game_chance, pointing_game_prior


def with_maps(scored: Scored, maps: np.ndarray, region: Region | None = None) -> Scored:
    count = len(scored.names)
    return replace(scored, heatmaps=Heatmaps(maps, [region or full_image(100, 100)] * count))


def test_the_highest_cell_must_lie_in_a_truth_box() -> None:
    maps = np.zeros((3, 1, 10, 10))
    maps[0, 0, 2, 4] = 1.0  # centre of the cell: x 45, y 25
    maps[1, 0, 7, 7] = 1.0  # x 75, y 75
    truth = [[box(40, 20, 50, 30), box(0, 0, 5, 5)], [box(0, 0, 70, 70)], []]
    assert value(pointing_game, with_maps(table(truth, [[], [], []]), maps)) == pytest.approx(1 / 2)


def test_cells_are_those_of_the_region_that_the_map_covers() -> None:
    maps = np.zeros((1, 1, 10, 10))
    maps[0, 0, 0, 0] = 1.0  # of the region 50 ... 70: x 51, y 51
    scored = table([[box(50, 50, 52, 52)]], [[]])
    assert value(pointing_game, with_maps(scored, maps, Region(50, 50, 70, 70))) == 1.0
    assert value(pointing_game, with_maps(scored, maps)) == 0.0


def test_a_constant_map_points_at_its_first_cell() -> None:
    scored = with_maps(table([[box(0, 0, 11, 11)], [box(90, 90, 100, 100)]], [[], []]), np.ones((2, 1, 5, 5)))
    assert value(pointing_game, scored) == 0.5


def test_without_maps_it_does_not_exist() -> None:
    assert value(pointing_game, table([[box(0, 0, 10, 10)]], [[]])) is None


def test_chance_is_what_the_truth_boxes_cover() -> None:
    # 10 x 10 and its half again: 100 of 10,000; then 50 x 100.
    truth = [[box(0, 0, 10, 10), box(0, 0, 5, 10)], [box(0, 0, 50, 100)], []]
    assert value(pointing_game_chance, table(truth, [[], [], []])) == pytest.approx((0.01 + 0.5) / 2)


def test_the_prior_points_where_most_calibrate_boxes_lie() -> None:
    scored = table([[box(20, 20, 40, 40)], [box(60, 60, 80, 80)]], [[], []])
    usual = [[box(10, 10, 50, 50)], [box(25, 25, 35, 35)], [box(60, 60, 70, 70)]]
    present = np.ones((3, 1), dtype=bool)
    calibrate = Truth(
        ("tb",), ("a", "b", "c"), np.full((3, 2), 100), present, present, BoxTable.of(usual, ("tb",))
    )
    assert value(pointing_game_prior, replace(scored, calibrate=calibrate)) == 0.5
    assert value(pointing_game_prior, scored) is None


@pytest.mark.parametrize(
    ("corners", "held"),
    [
        ((45, 25, 50, 30), 1.0),
        ((40, 20, 45, 30), 0.0),
        ((40, 20, 50, 25), 0.0),
        ((40, 20, 45.1, 25.1), 1.0),
        ((45.1, 20, 50, 30), 0.0),
        ((40, 25.1, 50, 30), 0.0),
    ],
)
def test_a_box_holds_a_point_on_its_first_edges_and_not_on_its_last(
    corners: tuple[float, ...], held: float
) -> None:
    maps = np.zeros((1, 1, 10, 10))
    maps[0, 0, 2, 4] = 1.0  # centre of the cell: x 45, y 25
    assert value(pointing_game, with_maps(table([[box(*corners)]], [[]]), maps)) == held


def test_the_prior_points_at_the_middle_of_what_most_boxes_cover() -> None:
    """One box of calibrate, from 10 to 50 across and from 60 to 70 down: its middle is 30, 65,
    which lies within a cell of a sixty-fourth of the image."""
    usual = table([[box(10, 60, 50, 70)]], [[]])
    for corners, held in (((28, 63, 32, 67), 1.0), ((28, 60, 32, 63), 0.0), ((10, 63, 28, 67), 0.0)):
        scored = replace(table([[box(*corners)]], [[]]), calibrate=usual)
        assert value(pointing_game_prior, scored) == held
