"""Every metric in every draw: what it is on a table that holds each image as often as the draw does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import METRICS, table, taken
from wsbench.geometry.masks import Mask
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Heatmaps, Scored
from wsbench.types import Box, Region, ScoredBox

OF_EQUAL_BOXES = {"ap25_fixed", "ap25_share", "map_gain"}
"""Boxes of one image have equal scores there: copies of it part them by names, and a weight does not."""

CLASSES = ("a", "b")
IMAGES = 14


def random_table(seed: int) -> Scored:
    """Maps and boxes of two classes, on images of two sizes, some of them with an unknown class."""
    generator = np.random.default_rng(seed)
    truth: list[list[Box]] = []
    predicted: list[list[ScoredBox]] = []
    for _ in range(IMAGES):
        truth.append([])
        predicted.append([])
        for name in CLASSES:
            for _ in range(int(generator.integers(0, 3))):
                x, y, width, height = generator.uniform(5, 40, 4).tolist()
                truth[-1].append(Box(name, x, y, x + width, y + height))
                shift = float(generator.uniform(-6, 6))
                score = float(generator.random())
                predicted[-1].append(ScoredBox(name, x + shift, y, x + shift + width, y + height, score))
            # On every image: images without a box would tie, and ties are broken by names.
            predicted[-1].append(ScoredBox(name, 60, 60, 90, 90, float(generator.random())))
    # Most of the truth boxes are on images where their class is predicted: below half, some do not exist.
    scores = generator.uniform(0.4, 1.0, (IMAGES, 2))
    made = table(truth, predicted, classes=CLASSES, scores=scores, operating_points=[0.5, 0.5])
    maps = generator.random((IMAGES, 2, 6, 6)).astype(np.float32)
    regions = [Region(0, 0, 100, 100) if row % 2 else Region(10, 10, 90, 90) for row in range(IMAGES)]
    calibrate = table(truth[::-1], predicted[::-1], classes=CLASSES)
    masks = {
        (row, column): Mask.of_pixels(name, generator.random((100, 100)) < 0.2)
        for row in range(0, IMAGES, 2)
        for column, name in enumerate(CLASSES)
    }
    return replace(
        made,
        heatmaps=Heatmaps(maps, regions),
        calibrate=calibrate,
        masks=masks,
        box_thresholds=np.array([0.4, 0.6]),
    )


RESAMPLED = {name for name, spec in METRICS.items() if spec.resampled}


@pytest.mark.parametrize("name", sorted(RESAMPLED - OF_EQUAL_BOXES))
def test_a_draw_is_a_table_of_the_images_drawn(name: str) -> None:
    scored = random_table(5)
    draws = Resamples.draw([row // 2 for row in range(IMAGES)], 4, seed=2)
    drawn = METRICS[name].compute(scored, draws)
    for place, counts in enumerate(draws.images().astype(int)):
        again = taken(scored, np.repeat(np.arange(IMAGES), counts))
        alone = METRICS[name].compute(again, Resamples.once(len(again.names)))
        assert drawn[place] == pytest.approx(alone[0], nan_ok=True)
