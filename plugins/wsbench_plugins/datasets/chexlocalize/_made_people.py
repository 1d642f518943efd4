"""Made people, who draw the human benchmark a little beside a known truth."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wsbench

from ._benchmark import POINTS, SPLIT

if TYPE_CHECKING:
    import numpy as np

MISSED = 0.1
"""Chance that somebody does not draw a finding, and that nobody sets its point."""
MOVED = 0.25
"""Share of a finding's extent by which its drawing is moved along each axis, at most."""
SECOND = 0.2
"""Chance of a second point."""


def write_benchmark(folder: Path, truth: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``hb_segmentations_test.json`` and ``hb_salient_pt_test.json``.

    What is missed and moved is drawn by a hash of the image's name and the finding, so it is the same on
    every machine. Every image has an entry of each of its findings, blank where it was missed, but for the
    last image, which the files lack.

    Args:
        folder: the folder of the files.
        truth: run lengths by image and finding.
    """
    masks: dict[str, dict[str, object]] = {}
    points: dict[str, dict[str, list[list[float]]]] = {}
    for name in sorted(truth)[:-1]:
        masks[name], points[name] = {}, {}
        for finding, runs in truth[name].items():
            chance = random.Random(wsbench.seed_from("human benchmark", name, finding))  # nosec B311
            height, width = runs["size"]
            pixels = wsbench.geometry.Mask.of_rle(finding, width, height, runs["counts"]).pixels()
            drawn = _moved(pixels, chance)
            masks[name][finding] = encoded(drawn if chance.random() >= MISSED else drawn & False)
            if chance.random() >= MISSED:
                points[name][finding] = _points(drawn, chance)
    _save(folder / f"hb_segmentations_{SPLIT}.json", masks)
    _save(folder / POINTS, points)


def encoded(pixels: np.ndarray) -> dict[str, object]:
    """A mask as run lengths of COCO in their compressed form; ``pixels`` is ``(height, width)`` bool."""
    import numpy as np
    from pycocotools import mask as coco

    runs = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return {"size": list(pixels.shape), "counts": runs["counts"].decode()}


def _moved(pixels: np.ndarray, chance: random.Random) -> np.ndarray:
    """A mask moved by a part of its extent. What leaves the image is lost."""
    import numpy as np

    moved = pixels
    for axis in range(2):
        where = np.flatnonzero(pixels.any(axis=1 - axis))
        extent = int(where[-1] - where[0] + 1) if len(where) else 0
        shift = round(chance.uniform(-MOVED, MOVED) * extent)
        moved = np.roll(moved, shift, axis=axis)
        edge = [slice(None), slice(None)]
        edge[axis] = slice(0, shift) if shift >= 0 else slice(shift, None)
        moved[tuple(edge)] = False
    return moved


def _points(drawn: np.ndarray, chance: random.Random) -> list[list[float]]:
    """One or two points in random pixels of a drawing; none of a blank one."""
    import numpy as np

    rows, columns = np.nonzero(drawn)
    count = min(len(rows), 1 + (chance.random() < SECOND))
    chosen = [chance.randrange(len(rows)) for _ in range(count)]
    return [[float(columns[one]) + 0.5, float(rows[one]) + 0.25] for one in chosen]


def _save(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
