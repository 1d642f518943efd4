"""Gives classes that have a mask on an image, and no box, the boxes of the mask's components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wsbench.errors import WsbenchError
from wsbench.files.checksums import is_intact, sealed
from wsbench.files.writing import read_json, write_json
from wsbench.geometry.masks import Mask
from wsbench.types import Box, Sample
from wsbench.utils.progress import Progress

MEMORY = "boxes-of-masks.json"
"""The file in a dataset's cache that keeps the boxes of masks by the content of the mask."""

Corners = list[list[float]]


def with_boxes_of_masks(samples: Sequence[Sample], memory: Path, progress: Progress) -> tuple[Sample, ...]:
    """Return the samples with the boxes of masks whose class has no box on their image.

    Args:
        samples: the samples, in any order.
        memory: a JSON file that keeps the boxes between runs.
        progress: shown while masks are decoded.
    """
    without_boxes = {sample.name: _without_boxes(sample) for sample in samples}
    boxes_of = _boxes_of([mask for masks in without_boxes.values() for mask in masks], memory, progress)
    result = []
    for sample in samples:
        boxes = [
            Box(mask.label, x0, y0, x1, y1)
            for mask in without_boxes[sample.name]
            for x0, y0, x1, y1 in boxes_of[_key(mask)]
        ]
        result.append(replace(sample, boxes=(*sample.boxes, *boxes)) if boxes else sample)
    return tuple(result)


def _without_boxes(sample: Sample) -> list[Mask]:
    boxed = {box.label for box in sample.boxes}
    return [mask for mask in sample.masks if mask.label not in boxed]


def _boxes_of(masks: Iterable[Mask], memory: Path, progress: Progress) -> Mapping[str, Corners]:
    """Return the corners of the boxes of every mask, by its key."""
    needed = {_key(mask): mask for mask in masks}
    known = _remembered(memory) if needed else {}
    boxes = {key: known[key] for key in needed if key in known}
    new = {key: mask for key, mask in needed.items() if key not in known}
    if new:
        with progress.task("finding the boxes of masks", len(new)) as advance:
            for key, mask in new.items():
                boxes[key] = [[box.x0, box.y0, box.x1, box.y1] for box in mask.boxes()]
                advance()
        _remember(memory, boxes, progress)
    return boxes


def _key(mask: Mask) -> str:
    return f"{mask.width}x{mask.height} {mask.content}"


def _remember(memory: Path, boxes: Mapping[str, Corners], progress: Progress) -> None:
    try:
        write_json(memory, sealed({"boxes": dict(boxes)}))
    except (OSError, WsbenchError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        progress.say(f"{memory.parent} cannot be written ({reason}): masks are decoded at every start")


def _remembered(memory: Path) -> Mapping[str, Corners]:
    try:
        values = read_json(memory)
        boxes: Mapping[str, Corners] = values["boxes"] if is_intact(values) else {}
        return boxes
    except (OSError, ValueError, TypeError, KeyError):  # absent or damaged: it is only a memory
        return {}
