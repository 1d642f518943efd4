"""Finds the metrics that masks or points of people decide, who give no class score and no heatmap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.masks import Mask
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.metric_values import values
from wsbench.scoring.table import Scored

IMAGES, CLASSES, WIDTH, HEIGHT = 24, 2, 40, 30
BLANK = 0.2
"""Chance that a mask is blank."""
TRIES = 4
"""Sets of random masks and points. A metric that depends on them differs between the first two already."""


def of_marks_alone(metrics: Mapping[str, MetricSpec], *, masks: bool, points: bool) -> dict[str, MetricSpec]:
    """The metrics of truth masks that exist for people and change with what they draw.

    Each is computed on made tables without any score, as `wsbench.scoring.boxes_alone` does with boxes. So a
    metric of any plugin is judged by what it does.

    Args:
        metrics: metrics by name.
        masks, points: what people gave.
    """
    tables = [_made(seed, masks=masks, points=points) for seed in range(TRIES)]
    once = Resamples.once(IMAGES)
    result = {}
    for name, spec in metrics.items():
        if spec.needs != "masks":
            continue
        first, *others = (values(spec, table, once) for table in tables)
        if not np.isnan(first).any() and not all(np.array_equal(first, other) for other in others):
            result[name] = spec
    return result


def _made(seed: int, *, masks: bool, points: bool) -> Scored:
    """A table whose truth masks are the same for all seeds, with masks and points of one seed."""
    places, drawn = np.random.default_rng(0), np.random.default_rng(seed)
    cells = [(row, column) for row in range(IMAGES) for column in range(CLASSES)]
    truth = {cell: _rectangle(places) for cell in cells}
    of_people = {cell: _rectangle(drawn) for cell in cells if drawn.random() >= BLANK}
    set_points = {cell: drawn.uniform((0, 0), (WIDTH, HEIGHT), (1, 2)) for cell in cells}
    present = np.ones((IMAGES, CLASSES), dtype=bool)
    classes = tuple(f"class {number}" for number in range(CLASSES))
    return Scored(
        classes=classes,
        names=tuple(f"image {number}" for number in range(IMAGES)),
        sizes=np.full((IMAGES, 2), (WIDTH, HEIGHT)),
        labels=present,
        known=present.copy(),
        truth=BoxTable.of([()] * IMAGES, classes),
        masks=truth,
        scores=np.full(present.shape, np.nan),
        operating_points=np.full(CLASSES, np.nan),
        predicted=BoxTable.of([()] * IMAGES, classes),
        predicted_masks=of_people if masks else None,
        predicted_points=set_points if points else None,
    )


def _rectangle(generator: np.random.Generator) -> Mask:
    """A mask of a random rectangle that always holds the middle of the image."""
    pixels = np.zeros((HEIGHT, WIDTH), dtype=bool)
    left, right = generator.integers(0, WIDTH // 2), generator.integers(WIDTH // 2 + 1, WIDTH)
    top, bottom = generator.integers(0, HEIGHT // 2), generator.integers(HEIGHT // 2 + 1, HEIGHT)
    pixels[top:bottom, left:right] = True
    return Mask.of_pixels("", pixels)
