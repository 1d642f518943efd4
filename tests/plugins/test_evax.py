"""EVA-X's measures: by hand, against the rule written out pixel by pixel, and beside pytorch-grad-cam."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import box, found, measured, table, value
from wsbench.geometry.coordinates import full_image
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Heatmaps, Scored
from wsbench.types import Region
from wsbench_plugins.metrics import evax

SIDE = evax.SIDE
METRICS = (evax.evax_hit25, evax.evax_hit50, evax.evax_miou)


def scored_with(
    maps: np.ndarray, truth: list, *, classes: tuple[str, ...] = ("tb",), side: int = SIDE
) -> Scored:
    """Images of ``side`` x ``side`` pixels with their maps and boxes."""
    scored = table(truth, [[] for _ in truth], classes=classes)
    count = len(truth)
    return replace(
        scored,
        sizes=np.full((count, 2), side),
        heatmaps=Heatmaps(maps, [full_image(side, side)] * count),
    )


def rectangle(x0: int, y0: int, x1: int, y1: int, high: float = 1.0) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE))
    mask[y0:y1, x0:x1] = high
    return mask


def values(scored: Scored) -> list[float | None]:
    return [value(metric, scored) for metric in METRICS]


def test_by_hand() -> None:
    """IoUs of 1, 0.4 and 0.2: two of three above 0.25, one above 0.5."""
    maps = np.stack([rectangle(0, 0, 40, 40), rectangle(0, 0, 40, 16), rectangle(0, 0, 40, 8)])[:, None]
    truth = [[box(0, 0, 40, 40)]] * 3
    assert values(scored_with(maps, truth)) == pytest.approx([2 / 3, 1 / 3, 1.6 / 3])


@pytest.mark.parametrize(
    ("width", "hits"), [(10, (0.0, 0.0)), (11, (1.0, 0.0)), (20, (1.0, 0.0)), (21, (1.0, 1.0))]
)
def test_an_overlap_must_exceed_the_least_one(width: int, hits: tuple[float, float]) -> None:
    scored = scored_with(rectangle(0, 0, width, 40)[None, None], [[box(0, 0, 40, 40)]])
    assert values(scored) == [*hits, pytest.approx(width / 40)]


def test_the_whole_mask_counts_and_not_its_best_part() -> None:
    """Where boxes are cut from components, the second component would cost nothing."""
    two = rectangle(0, 0, 40, 40) + rectangle(100, 100, 180, 180)
    assert values(scored_with(two[None, None], [[box(0, 0, 40, 40)]])) == pytest.approx([0, 0, 0.2])


def low_and_high(low: int, high: int) -> np.ndarray:
    """0.3 in the first ``low`` columns of 40 rows, 1 in the first ``high`` of them."""
    return rectangle(0, 0, low, 40, 0.3) + rectangle(0, 0, high, 40, 0.7)


def test_one_threshold_serves_all_images_and_is_the_one_that_is_best_for_them() -> None:
    """The first map needs a cut of at least 0.3, the second one below it: no cut is right for both."""
    first, second = low_and_high(160, 40), low_and_high(160, 10)
    boxes = [[box(0, 0, 40, 40)], [box(0, 0, 160, 40)]]
    # Below 0.3: IoU 1/4 and 1. From there on: 1 and 1/16. One box is hit by either; the lower cut is taken.
    assert values(scored_with(np.stack([first, second])[:, None], boxes)) == [0.5, 0.5, 0.625]
    three = scored_with(np.stack([first, first, second])[:, None], [boxes[0], *boxes])
    assert values(three) == pytest.approx([2 / 3, 2 / 3, (2 + 1 / 16) / 3])


def test_all_three_are_read_at_the_threshold_of_the_two_hit_rates() -> None:
    """Below 0.3 every IoU is 0.24 and none a hit; from there on one is 1/3 and a hit, two are 0."""
    elsewhere = rectangle(0, 0, 100, 40, 0.3) + rectangle(200, 200, 201, 201)
    maps = np.stack([low_and_high(100, 8), elsewhere, elsewhere])[:, None]
    scored = scored_with(maps, [[box(0, 0, 24, 40)]] * 3)
    assert evax.mask_overlaps(scored)[:, 0] == pytest.approx(0.24, abs=1e-4)
    assert values(scored) == pytest.approx([1 / 3, 0, 1 / 9])


def test_every_box_counts_once_whatever_its_class_and_image() -> None:
    """Three of four boxes are of one class: a mean over classes, or over images, would be another number."""
    maps = np.zeros((2, 2, SIDE, SIDE))
    maps[0, 0] = rectangle(0, 0, 40, 40)
    maps[:, 1] = rectangle(100, 100, 140, 140)
    truth = [
        [box(0, 0, 40, 40, "a"), box(0, 100, 40, 140, "b"), box(100, 0, 140, 40, "b")],
        [box(0, 0, 40, 40, "b")],
    ]
    assert values(scored_with(maps, truth, classes=("a", "b"))) == pytest.approx([0.25, 0.25, 0.25])


def test_two_boxes_of_one_class_are_each_compared_with_the_whole_mask() -> None:
    truth = [[box(0, 0, 40, 40), box(40, 0, 80, 40)]]
    scored = scored_with(rectangle(0, 0, 80, 40)[None, None], truth)
    assert values(scored) == pytest.approx([1.0, 0.0, 0.5])


def test_maps_of_0_and_1_leave_nothing_to_choose() -> None:
    scored = scored_with(rectangle(3, 5, 50, 60)[None, None], [[box(10, 10, 70, 70)]])
    overlaps = evax.mask_overlaps(scored)
    assert len(np.unique(overlaps)) == 1
    assert evax.best_cut(overlaps) == 0


def test_a_map_that_is_the_same_everywhere_is_a_mask_of_everything_or_of_nothing() -> None:
    truth = [[box(0, 0, SIDE, SIDE / 2)]]
    for height, expected in ((1.0, [1.0, 0.0, 0.5]), (0.0, [0.0, 0.0, 0.0])):
        assert values(scored_with(np.full((1, 1, 7, 7), height), truth)) == expected


def test_without_maps_or_truth_they_do_not_exist() -> None:
    for metric in METRICS:
        assert value(metric, table([[box(0, 0, 10, 10)]], [[found(0, 0, 10, 10)]])) is None
        assert value(metric, scored_with(np.ones((1, 1, 4, 4)), [[]])) is None


def test_boxes_are_truncated_twice() -> None:
    """x, y, width and height, in pixels of 1024 and then of 224; a right edge is their sum."""
    boxes = np.array([[9.9, 18.0, 109.8, 28.2], [1000.0, 900.0, 1024.0, 1024.0]])
    # int(9.9) * 224 / 1024 = 1.97; int(99.9) * 224 / 1024 = 21.66; int(10.2) * 224 / 1024 = 2.19.
    assert evax.in_frame(boxes, (1024, 1024)).tolist() == [[1, 3, 22, 5], [218, 196, 223, 223]]


def test_a_width_that_lost_its_last_bit_is_still_whole() -> None:
    x0 = 0.1
    x1 = x0 + 64
    assert x1 - x0 < 64  # 64 pixels are 14 of the frame, 63 are 13
    (corners,) = evax.in_frame(np.array([[x0, 0, x1, 64]]), (1024, 1024)).tolist()
    assert corners[2] - corners[0] == 14


def test_a_small_map_is_enlarged_as_pytorch_grad_cam_does() -> None:
    images = pytest.importorskip("pytorch_grad_cam.utils.image")
    small = np.random.default_rng(0).random((14, 14)).astype(np.float32)
    theirs = images.scale_cam_image(images.scale_cam_image(small[None], (SIDE, SIDE)))[0]
    ours = evax.scaled_map(small, full_image(1024, 1024), (1024, 1024))
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_a_map_of_a_region_is_put_in_its_place() -> None:
    scored = scored_with(np.ones((1, 1, 4, 4)), [[box(512, 0, 1024, 1024)]], side=1024)
    scored = replace(scored, heatmaps=Heatmaps(np.ones((1, 1, 4, 4)), [Region(512, 0, 1024, 1024)]))
    assert values(scored) == [1.0, 1.0, 1.0]


def slowly(scored: Scored, times: np.ndarray) -> list[float]:
    """The rule as published, box by box, with masks; ``times`` is how often each image counts."""
    best, kept = -1.0, []
    for step in range(1, 61):
        overlaps = []
        for row in range(len(scored.truth)):
            image, label = scored.truth.image[row], scored.truth.label[row]
            mask = scored.heatmaps.maps[image, label].astype(np.float32) > step / 100
            x0, y0, x1, y1 = scored.truth.xyxy[row]
            x, y, w, h = (int(int(number) / 1024 * 224) for number in (x0, y0, x1 - x0, y1 - y0))
            truth = np.zeros((224, 224), dtype=bool)
            truth[y : y + h, x : x + w] = True
            overlap = np.logical_and(mask, truth).sum() / np.logical_or(mask, truth).sum()
            overlaps += [overlap] * int(times[image])
        hits = [float(np.mean(np.array(overlaps) > least)) for least in (0.25, 0.5)]
        if sum(hits) / 2 > best:
            best, kept = sum(hits) / 2, [*hits, float(np.mean(overlaps))]
    return kept


@pytest.fixture(scope="module")
def random_case() -> Scored:
    """Twelve images of 1024 pixels with smooth maps from exactly 0 to exactly 1 of two classes; some have no
    box, some several."""
    generator = np.random.default_rng(5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    maps, truth = np.zeros((12, 2, SIDE, SIDE)), []
    for image in range(12):
        boxes = []
        for label, name in enumerate("ab"):
            x, y = generator.uniform(30, 190, 2)
            spread = generator.uniform(10, 60)
            blob = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * spread**2))
            maps[image, label] = np.round((blob - blob.min()) / (blob.max() - blob.min()), 2)
            for _ in range(generator.integers(0, 3)):
                centre = np.array([x, y]) + generator.normal(0, 20, 2)
                corner = np.maximum(centre - generator.uniform(20, 60, 2), 0) * 1024 / SIDE
                far = np.minimum(corner + generator.uniform(150, 500, 2), 1024)
                boxes.append(box(*corner, *far, name))
        truth.append(boxes)
    return scored_with(maps, truth, classes=("a", "b"), side=1024)


def test_agrees_with_the_published_rule_pixel_by_pixel(random_case: Scored) -> None:
    expected = slowly(random_case, np.ones(12))
    assert 0 < expected[1] < expected[0] < 1
    assert values(random_case) == pytest.approx(expected, abs=1e-9)


def test_every_draw_chooses_its_own_threshold(random_case: Scored) -> None:
    draws = Resamples.draw(random_case.names, 6, seed=0)
    expected = np.array([slowly(random_case, times) for times in draws.images()])
    for column, metric in enumerate(METRICS):
        assert metric(random_case, draws) == pytest.approx(expected[:, column], abs=1e-9)
    assert len({tuple(row) for row in expected.tolist()}) > 1


def test_a_record_holds_an_interval_and_no_class(random_case: Scored) -> None:
    result = measured(evax.evax_miou, random_case)
    assert set(result) == {"value", "interval"}
    assert result["interval"][0] < result["value"] < result["interval"][1]
