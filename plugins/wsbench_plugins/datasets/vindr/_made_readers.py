"""Made readers, who disagree a little about a known truth."""

from __future__ import annotations

import random

import wsbench

READERS = ("R1", "R2", "R3", "R4", "R5")
ON_AN_IMAGE = 3

MISSED = 0.1
"""Chance that a reader misses a box."""
MOVED = 0.08
"""Share of a box's side by which a reader moves an edge, at most."""
INVENTED = 0.05
"""Chance that a reader boxes something on an image that is not there."""


def made_readings(truth: wsbench.types.Reading, width: int, height: int) -> list[wsbench.types.Reading]:
    """What three made readers saw on an image.

    Which readers, what they miss, move and invent are drawn by a hash of the image's id and the reader's
    name, so they are the same on every machine. A reader who misses all boxes of a class does not find it.

    Args:
        truth: what is there.
        width, height: the size of the image, in pixels.
    """
    chance = random.Random(wsbench.seed_from("vindr readers", truth.image))  # nosec B311 # made data
    chosen = sorted(chance.sample(READERS, ON_AN_IMAGE))
    return [_reading(reader, truth, width, height) for reader in chosen]


def _reading(reader: str, truth: wsbench.types.Reading, width: int, height: int) -> wsbench.types.Reading:
    chance = random.Random(wsbench.seed_from("vindr reader", truth.image, reader))  # nosec B311 # made data
    boxes = [_moved(box, width, height, chance) for box in truth.boxes if chance.random() >= MISSED]
    if chance.random() < INVENTED:
        label = truth.boxes[0].label if truth.boxes else "Other lesion"
        x, y = chance.uniform(0, 0.7 * width), chance.uniform(0, 0.7 * height)
        boxes.append(wsbench.Box(label, x, y, x + 0.2 * width, y + 0.2 * height))
    boxed, found = {box.label for box in truth.boxes}, {box.label for box in boxes}
    labels = [label for label in truth.labels if label in found or label not in boxed]
    labels += sorted(found - set(labels))
    return wsbench.types.Reading(reader, truth.image, tuple(labels), tuple(boxes))


def _moved(box: wsbench.Box, width: int, height: int, chance: random.Random) -> wsbench.Box:
    sides = (box.x1 - box.x0, box.y1 - box.y0)
    dx0, dy0, dx1, dy1 = (chance.uniform(-MOVED, MOVED) * sides[axis % 2] for axis in range(4))
    x0, y0 = max(box.x0 + dx0, 0.0), max(box.y0 + dy0, 0.0)
    return wsbench.Box(box.label, x0, y0, min(box.x1 + dx1, width), min(box.y1 + dy1, height))
