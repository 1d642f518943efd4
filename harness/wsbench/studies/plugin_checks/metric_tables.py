"""The small tables that metrics are checked on: six images, two classes, and what a metric may look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import full_image
from wsbench.geometry.masks import Mask
from wsbench.scoring.table import Heatmaps, Scored, Truth
from wsbench.types import Box, ScoredBox

Placed = Sequence[tuple[int, Box | ScoredBox]]
"""Boxes, each with the row of its image."""

NAMES = tuple("abcdef")
"""The names of the images."""

CLASSES = ("x", "y")

BOXES: tuple[Placed, Placed] = (
    ((0, Box("x", 10, 10, 40, 40)), (0, Box("x", 50, 50, 90, 80)), (1, Box("y", 5, 5, 60, 60))),
    (
        (0, ScoredBox("x", 12, 8, 44, 40, 0.9)),
        (1, ScoredBox("y", 0, 0, 50, 60, 0.4)),
        (1, ScoredBox("x", 0, 0, 50, 60, 0.3)),
        (4, ScoredBox("y", 20, 20, 50, 60, 0.2)),
    ),
)
"""Truth boxes, and predicted ones."""

CASES: Sequence[tuple[Placed, Placed]] = (((), ()), BOXES)
"""Images without any box, and images with some."""

DRAWS = [[1, 1, 1, 1, 1, 1], [0, 2, 0, 1, 3, 0], [2, 0, 1, 0, 1, 2], [0, 0, 0, 3, 3, 0]]
"""How often each image counts in each of four draws."""

_TOKEN = np.array([[0.0, 60.0, 30.0, 70.0]])
"""Corners of the nuisance on every second image."""


def table(
    truth: Placed,
    predicted: Placed,
    order: list[int] | None = None,
    named: tuple[str, ...] | None = None,
) -> Scored:
    """A table of the six images, or of some of them in another order or several times.

    Args:
        truth: the truth boxes.
        predicted: the predicted boxes.
        order: the rows of the images; None for all of them, once each.
        named: the names of the images in that order; None for their own.
    """
    order = list(range(len(NAMES))) if order is None else order
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [0, 0], [0, 0]], dtype=bool)
    scores = np.array([[0.9, 0.2], [0.3, 0.8], [0.4, 0.7], [0.5, 0.1], [0.1, 0.3], [0.2, 0.2]])
    maps = np.random.default_rng(0).random((6, 2, 8, 8))
    sizes = np.full((len(order), 2), 100)

    def of_images(boxes: Placed) -> BoxTable:
        return BoxTable.of([[box for row, box in boxes if row == image] for image in order], CLASSES)

    calibrate = Truth(
        classes=CLASSES,
        names=("k",),
        sizes=sizes[:1],
        labels=labels[2:3],
        known=np.ones((1, 2), dtype=bool),
        truth=BoxTable.of([[Box("x", 5, 5, 50, 50)]], CLASSES),
    )
    return Scored(
        classes=CLASSES,
        names=named or tuple(NAMES[row] for row in order),
        sizes=sizes,
        labels=labels[order],
        known=np.ones((len(order), 2), dtype=bool),
        truth=of_images(truth),
        scores=scores[order],
        operating_points=np.array([0.5, 0.5]),
        predicted=of_images(predicted),
        heatmaps=Heatmaps(maps[order], [full_image(100, 100)] * len(order)),
        calibrate=calibrate,
        masks=_masks_of(truth, order),
        nuisances={("token", row): _TOKEN for row, image in enumerate(order) if image % 2},
        box_thresholds=np.array([0.4, 0.6]),
    )


def without_maps() -> Scored:
    """The table of a method that predicts boxes alone."""
    return replace(table(*BOXES), heatmaps=None, box_thresholds=None)


def with_another_second_class() -> Scored:
    """The table with other scores and predicted boxes of the second class. The first class is the same."""
    truth, predicted = BOXES
    others = [(row, box) for row, box in predicted if box.label != CLASSES[1]]
    changed = table(truth, [*others, (1, ScoredBox(CLASSES[1], 30, 30, 90, 90, 0.6))])
    scores = changed.scores.copy()
    scores[:, 1] = scores[::-1, 1]
    return replace(changed, scores=scores)


def _masks_of(boxes: Placed, order: list[int]) -> dict[tuple[int, int], Mask]:
    """Truth masks of which every box fills its lower left half."""
    masks = {}
    for row, image in enumerate(order):
        for column, label in enumerate(CLASSES):
            pixels = np.zeros((100, 100), dtype=bool)
            for box in [box for of_image, box in boxes if (of_image, box.label) == (image, label)]:
                corner = pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
                corner |= np.tri(*corner.shape) > 0
            if pixels.any():
                masks[row, column] = Mask.of_pixels(label, pixels)
    return masks
