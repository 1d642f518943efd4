"""Proportional energy by hand and against a count of pixels, beside the two maps that see no image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import METRICS, box, table, value
from wsbench.contract.specs import MetricSpec
from wsbench.geometry.coordinates import full_image
from wsbench.reports.leaderboard import table_key
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.metric_values import values
from wsbench.scoring.table import Heatmaps, Scored
from wsbench.types import Box, Region
from wsbench_plugins.metrics.energy import (
    proportional_energy,
    proportional_energy_blank,
    proportional_energy_prior,
)
from wsbench_plugins.metrics.heatmaps import pointing_game, pointing_game_chance

NAMES = ("proportional_energy", "proportional_energy_blank", "proportional_energy_prior")


def with_maps(scored: Scored, maps: np.ndarray, region: Region | None = None) -> Scored:
    count = len(scored.names)
    return replace(scored, heatmaps=Heatmaps(maps, [region or full_image(100, 100)] * count))


def counted_by_pixel(heatmap: np.ndarray, boxes: list[Box]) -> float:
    """mednet's definition, on an image of 100 x 100 pixels with boxes of whole pixels: the sum of the map
    times the mask, divided by the sum of the map; 0 for a map of zeros."""
    rows, columns = heatmap.shape
    pixels = np.kron(heatmap, np.ones((100 // rows, 100 // columns)))
    mask = np.zeros((100, 100))
    for one in boxes:
        mask[int(one.y0) : int(one.y1), int(one.x0) : int(one.x1)] = 1
    total = pixels.sum()
    return float((pixels * mask).sum() / total) if total else 0.0


def test_it_is_the_share_of_the_map_that_lies_in_the_boxes() -> None:
    # Cells of 50 x 50 pixels. The box has all of the 1, half of the 4 and nothing of the 3: (1 + 2) / 8.
    maps = np.array([[[[1.0, 4.0], [0.0, 3.0]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    scored = with_maps(table([[box(0, 0, 75, 50)], [box(0, 0, 100, 10)]], [[], []]), maps)
    assert value(proportional_energy, scored) == pytest.approx((3 / 8 + 0.1) / 2)


def test_boxes_that_overlap_count_once_and_a_map_of_zeros_has_nothing() -> None:
    ones = np.ones((1, 1, 4, 4))
    truth = [[box(0, 0, 50, 100), box(25, 0, 75, 100), box(0, 0, 10, 10)]]
    assert value(proportional_energy, with_maps(table(truth, [[]]), ones)) == pytest.approx(0.75)
    assert value(proportional_energy, with_maps(table(truth, [[]]), 0 * ones)) == 0.0


def test_it_is_what_counting_pixels_gives() -> None:
    generator = np.random.default_rng(7)
    for rows, columns in ((1, 1), (5, 10), (50, 4), (100, 100)):
        truth = []
        for _ in range(6):
            corners = np.sort(generator.integers(0, 101, (generator.integers(1, 5), 2, 2)), axis=1)
            truth.append([box(x0, y0, x1 + 1, y1 + 1) for (x0, y0), (x1, y1) in np.minimum(corners, 99)])
        maps = generator.random((6, 1, rows, columns)) ** 4
        expected = np.mean([counted_by_pixel(maps[i, 0], truth[i]) for i in range(6)])
        scored = with_maps(table(truth, [[]] * 6), maps)
        assert value(proportional_energy, scored) == pytest.approx(expected, abs=1e-12)
        blank = np.mean([counted_by_pixel(np.ones((1, 1)), truth[i]) for i in range(6)])
        assert value(proportional_energy_blank, scored) == pytest.approx(blank, abs=1e-12)


def test_a_draw_has_the_mean_of_its_images() -> None:
    truth = [[box(0, 0, 10, 100)], [box(0, 0, 40, 100)], []]
    scored = with_maps(table(truth, [[]] * 3), np.ones((3, 1, 2, 2)))
    draws = Resamples(np.array([[2.0, 1.0, 5.0], [0.0, 0.0, 3.0]]), np.arange(3))
    of_draws = values(MetricSpec("metric", "", proportional_energy), scored, draws)[:, 0]
    assert of_draws[0] == pytest.approx((2 * 0.1 + 0.4) / 3)
    assert np.isnan(of_draws[1])


def test_a_blank_map_has_what_the_boxes_cover_of_the_region_that_the_method_sees() -> None:
    truth = [[box(20, 0, 40, 100)], [box(0, 0, 20, 30)]]
    scored = table(truth, [[], []])
    over_all = with_maps(scored, np.zeros((2, 1, 7, 7)))
    assert value(proportional_energy_blank, over_all) == pytest.approx((0.2 + 0.06) / 2)
    assert value(proportional_energy_blank, over_all) == pytest.approx(value(pointing_game_chance, over_all))
    crop = with_maps(scored, np.zeros((2, 1, 7, 7)), Region(20, 0, 60, 100))
    assert value(proportional_energy_blank, crop) == pytest.approx((0.5 + 0.0) / 2)
    # Half of a padded map lies beside the image: it is not of the image, and counts nowhere.
    padded = with_maps(scored, np.zeros((2, 1, 7, 7)), Region(-50, 0, 150, 100))
    assert value(proportional_energy_blank, padded) == pytest.approx((0.2 + 0.06) / 2)


def test_what_a_map_says_of_its_padding_counts_nowhere() -> None:
    maps = np.array([[[[9.0, 1.0, 3.0, 9.0]]]])  # of 50 pixels each: the image has the 1 and the 3
    scored = with_maps(table([[box(0, 0, 50, 100)]], [[]]), maps, Region(-50, 0, 150, 100))
    assert value(proportional_energy, scored) == pytest.approx(1 / 4)


def test_the_prior_is_the_mean_of_the_boxes_of_calibrate() -> None:
    # Two images of calibrate: their boxes have the left half, and the left quarter of it again.
    calibrate = table([[box(0, 0, 50, 100)], [box(0, 0, 25, 100), box(0, 0, 25, 50)], []], [[]] * 3)
    test = [[box(0, 0, 25, 100)], [box(25, 0, 100, 100)]]
    scored = replace(with_maps(table(test, [[], []]), np.zeros((2, 1, 3, 3))), calibrate=calibrate)
    assert value(proportional_energy_prior, scored) == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert value(proportional_energy_prior, replace(scored, calibrate=None)) is None
    nothing = table([[], []], [[], []])
    assert value(proportional_energy_prior, replace(scored, calibrate=nothing)) is None


def test_one_bright_cell_has_what_the_pointing_game_has() -> None:
    maps = np.zeros((2, 1, 10, 10))
    maps[:, 0, 3, 3] = 1.0
    scored = with_maps(table([[box(30, 30, 60, 40)], [box(50, 50, 60, 60)]], [[], []]), maps)
    assert value(proportional_energy, scored) == value(pointing_game, scored) == 0.5


def test_without_maps_none_of_them_exists() -> None:
    for name in NAMES:
        assert value(METRICS[name].compute, table([[box(0, 0, 10, 10)]], [[]])) is None


def test_records_without_it_share_their_table_with_records_that_have_it() -> None:
    from records_examples import example

    before = example()
    known = {name: spec for name, spec in METRICS.items() if name not in NAMES}
    with_it = replace(
        before, key={**before.key, "metrics": {**before.key["metrics"], **dict.fromkeys(NAMES, 1)}}
    )
    assert table_key(with_it, METRICS) == table_key(before, known)
