"""The oracle family: against its definition written out pixel by pixel, and its chance level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from conftest import box, table, value
from wsbench.geometry.coordinates import full_image, over_whole_image
from wsbench.scoring.table import Heatmaps, Scored
from wsbench.types import Region
from wsbench_plugins.metrics import oracle

SIDE = oracle.SIDE


def scored_with(maps: np.ndarray, truth: list) -> Scored:
    """Images of 224 x 224, so that boxes are in the frame of the definition."""
    scored = table(truth, [[] for _ in truth])
    count = len(truth)
    return replace(
        scored,
        sizes=np.full((count, 2), SIDE),
        heatmaps=Heatmaps(maps, [full_image(SIDE, SIDE)] * count),
    )


def blob(x: int, y: int, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * radius**2))


def test_best_overlap_is_that_of_inclusive_boxes_around_what_exceeds_the_cut() -> None:
    heatmap = blob(100, 80, 20.0)
    truth = np.array([[70.0, 60.0, 130.0, 100.0]])
    levels = (heatmap * 255).astype(np.uint8)
    for position, ours in enumerate(oracle.overlaps_by_threshold(heatmap, truth)):
        rows, columns = np.nonzero(levels > int(position / 100 * 255))
        x0, y0, x1, y1 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        x1, y1 = min(x1, SIDE - 1), min(y1, SIDE - 1)
        width = min(x1, 130) - max(x0, 70) + 1
        height = min(y1, 100) - max(y0, 60) + 1
        shared = max(width, 0) * max(height, 0)
        union = (x1 - x0 + 1) * (y1 - y0 + 1) + 61 * 41 - shared
        assert ours == pytest.approx(shared / union)


def test_one_good_match_suffices_and_every_overlap_has_its_own_best_threshold() -> None:
    # Two boxes drawn into the maps exactly: every overlap is reached at some threshold.
    maps = np.zeros((2, 1, SIDE, SIDE))
    maps[0, 0, 20:60, 20:60] = 1.0
    maps[1, 0, 100:140, 100:140] = 1.0
    truth = [[box(20, 20, 60, 60)], [box(100, 100, 140, 140), box(0, 0, 5, 5)]]
    assert value(oracle.max_box_acc_v2, scored_with(maps, truth)) == 1.0
    truth[1] = [box(0, 0, 5, 5)]
    assert value(oracle.max_box_acc_v2, scored_with(maps, truth)) == 0.5


def test_thresholds_are_of_the_maps_own_maximum() -> None:
    maps = np.full((1, 1, SIDE, SIDE), 0.1)
    maps[0, 0, 20:60, 20:60] = 0.3
    assert value(oracle.max_box_acc_v2, scored_with(maps, [[box(20, 20, 60, 60)]])) == 1.0


def test_pxap_agrees_with_scikit_learn_over_pooled_pixels() -> None:
    generator = np.random.default_rng(0)
    maps = generator.integers(0, 101, (2, 1, SIDE, SIDE)) / 100
    maps[:, 0, 0, :2] = [0.0, 1.0]  # the whole range, so that scaling changes nothing
    truth = [[box(10, 10, 80, 90), box(60, 60, 100, 100)], [box(0, 0, 50, 224)]]
    masks = np.zeros((2, SIDE, SIDE), dtype=bool)
    masks[0, 10:90, 10:80] = masks[0, 60:100, 60:100] = masks[1, :, :50] = True
    expected = average_precision_score(masks.ravel(), maps[:, 0].ravel())
    assert value(oracle.pxap, scored_with(maps, truth)) == pytest.approx(expected, abs=1e-9)


def test_a_constant_map_gives_the_chance_level() -> None:
    truth = [[box(0, 0, 112, 112)], [box(0, 0, 224, 112)]]
    scored = scored_with(np.full((2, 1, 7, 7), 0.4), truth)
    assert value(oracle.pxap, scored) == pytest.approx(3 / 8)
    assert value(oracle.pxap_chance, scored) == pytest.approx(3 / 8)


def test_without_maps_or_truth_they_do_not_exist() -> None:
    for metric in (oracle.max_box_acc_v2, oracle.pxap, oracle.pxap_chance):
        assert value(metric, table([[box(0, 0, 10, 10)]], [[]])) is None
        assert value(metric, scored_with(np.ones((1, 1, 4, 4)), [[]])) is None


def test_a_map_of_a_region_is_put_in_its_place() -> None:
    whole = over_whole_image(np.ones((4, 4)), Region(50, 0, 100, 100), (100, 100), SIDE)
    assert whole[:, : SIDE // 2].max() == 0.0
    assert whole[:, SIDE // 2 :].min() == pytest.approx(1.0)


def test_a_map_of_the_whole_image_is_resized_without_a_shift() -> None:
    ramp = np.tile((np.arange(8) + 0.5) / 8, (8, 1))
    whole = over_whole_image(ramp, full_image(60, 40), (60, 40), 64)
    assert whole[32] + whole[32, ::-1] == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(whole[32, 4:-4]) > 0).all()


def test_a_single_pixel_at_the_top_counts() -> None:
    """The highest pixel is foreground, the next two are not, and the rest of the truth box comes last."""
    heatmap = np.zeros((SIDE, SIDE))
    heatmap[10, 10], heatmap[100, 100:102] = 1.0, 0.5
    foreground = np.zeros((SIDE, SIDE), dtype=bool)
    foreground[5:15, 5:15] = True
    ours = value(oracle.pxap, scored_with(heatmap[None, None], [[box(5, 5, 15, 15)]]))
    assert ours == pytest.approx(average_precision_score(foreground.ravel(), heatmap.ravel()))


def test_a_box_ends_at_the_last_pixel() -> None:
    heatmap = np.zeros((SIDE, SIDE))
    heatmap[200:, 190:] = 1.0
    truth = np.array([[190.0, 200.0, SIDE - 1, SIDE - 1]])
    assert oracle.overlaps_by_threshold(heatmap, truth).tolist() == [1.0] * oracle.THRESHOLDS
