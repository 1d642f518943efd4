"""Maps that are the same on every image, for EVA-X's rule: which there are, and where they are cut.

Maps are ``(2, C, SIDE, SIDE)``: for each half of the patients and each class, in EVA-X's frame, from 0 to 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from floor_annotations import Annotated, halves
from floor_boxes import Fixed, value, without_boxes

from wsbench.geometry.coordinates import full_image
from wsbench.scoring.table import Heatmaps, Scored, Truth
from wsbench_plugins.metrics import evax

MEASURES = ("evax_hit25", "evax_hit50", "evax_miou")


def masks_of(annotated: Annotated, fixed: Fixed) -> np.ndarray:
    """Maps that are 1 where fixed boxes lie, else 0; edges go to the nearest pixel."""
    mask = np.zeros((evax.SIDE, evax.SIDE), dtype=np.float32)
    for x0, y0, x1, y1 in np.rint(fixed.boxes * evax.SIDE).astype(int):
        mask[y0:y1, x0:x1] = 1
    return np.broadcast_to(mask, (2, len(annotated.truth.classes), *mask.shape))


def mean_maps(annotated: Annotated) -> np.ndarray:
    """The share of the boxes of a half and class that cover a pixel, as a share of its largest value."""
    truth = annotated.truth.truth
    maps = np.zeros((2, len(annotated.truth.classes), evax.SIDE, evax.SIDE), dtype=np.float32)
    for corners, image, label in zip(truth.xyxy, truth.image, truth.label, strict=True):
        size = tuple(annotated.truth.sizes[image].tolist())
        ((x0, y0, x1, y1),) = evax.in_frame(corners[None], size)
        maps[annotated.half[image], label, y0:y1, x0:x1] += 1
    return maps / np.maximum(maps.max(axis=(2, 3), keepdims=True), 1)


def of_other_half(annotated: Annotated) -> np.ndarray:
    """For each half the `mean_maps` of the other one, from 0 to 1: the metric chooses the threshold."""
    return mean_maps(annotated)[::-1]


def cut_on_other_half(annotated: Annotated) -> np.ndarray:
    """For each half the `mean_maps` of the other one, 1 above the threshold that is best on the boxes which
    they were made from, else 0: the metric has nothing to choose."""
    maps, boxes = mean_maps(annotated), gathered(annotated)
    overlaps = evax.mask_overlaps(with_maps(boxes, maps))
    half = boxes.truth.truth.image
    cuts = [evax.CUTS[evax.best_cut(overlaps[half == one])] for one in (0, 1)]
    return np.stack([maps[one] > np.float32(cuts[one]) for one in (1, 0)]).astype(np.float32)


def of_other_halves(annotated: Annotated, salt: str) -> list[float]:
    """The values of `MEASURES` for `cut_on_other_half` when patients are cut into other halves."""
    other = replace(annotated, half=halves(annotated.units, salt))
    table = with_maps(gathered(other), cut_on_other_half(other))
    return [value(table, name) for name in MEASURES]


def gathered(annotated: Annotated) -> Annotated:
    """All boxes of a half on one image. EVA-X's rule compares every box by itself with the mask, so where all
    images of a half have the same masks, values stay and time is saved. Intervals need the images."""
    truth = annotated.truth
    half = annotated.half[truth.truth.image]
    order = np.argsort(half, kind="stable")
    present = np.ones((2, len(truth.classes)), dtype=bool)
    boxes = replace(truth.truth.where(order), image=half[order])
    sizes = np.tile(truth.sizes[:1], (2, 1))  # all images of the release have one size
    both = Truth(truth.classes, ("half 0", "half 1"), sizes, present, present, boxes)
    return Annotated(both, both.names, np.arange(2))


def with_maps(annotated: Annotated, maps: np.ndarray) -> Scored:
    """The table that metrics compute from: every image has the maps of its half."""
    images, classes = annotated.truth.labels.shape
    references = np.empty((images, classes), dtype=object)  # copies of the maps would fill 1.4 GB
    for row, half in enumerate(annotated.half):
        for label in range(classes):
            references[row, label] = maps[half, label]
    regions = [full_image(*size) for size in annotated.truth.sizes.tolist()]
    return replace(without_boxes(annotated), heatmaps=Heatmaps(references, regions))
