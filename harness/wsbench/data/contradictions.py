"""Finds contradictions in the samples of a dataset. Every dataset is checked in the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np

from wsbench.contract.problems import Problem
from wsbench.geometry.box_units import WITHIN_A_PIXEL, frame_doubt
from wsbench.geometry.coordinates import xyxy_to_xywh
from wsbench.geometry.iou import intersection_over_union
from wsbench.types import Box, Sample

DUPLICATE_IOU = 0.95
"""Two boxes of a class on one image with at least this IoU mark the same lesion twice. The largest IoU of two
boxes of a class in the releases of TBX11K and ChestX-ray14 is 0.07."""


def contradictions(samples: Iterable[Sample], classes: Sequence[str]) -> list[Problem]:
    """Find names that several samples share, unknown classes, and boxes that cannot be right.

    A box cannot be right if its class is not among the labels of its image, if it is listed twice, or if it
    is not in the frame of its image.

    Args:
        samples: all samples of a dataset, in any order.
        classes: the classes of the dataset.
    """
    ordered = sorted(samples, key=lambda sample: sample.name)
    problems = [*_shared_names(ordered), *_frames(ordered)]
    for sample in ordered:
        for kind, description in _of_sample(sample, classes):
            problems.append(Problem(sample.name, description, kind, (sample.name,)))
    return [*problems, *_doubtful_frame(ordered)]


def _shared_names(samples: Sequence[Sample]) -> Iterator[Problem]:
    for name, count in Counter(sample.name for sample in samples).items():
        if count > 1:
            yield Problem(name, f"{count} images have this name", "shared name", (name,))


def _frames(samples: Sequence[Sample]) -> Iterator[Problem]:
    """Find samples whose size differs from that of the annotated image.

    If this holds for all images with boxes, the images are a resized copy, and leaving out images is no
    remedy.
    """
    resized = [sample for sample in samples if _is_resized(sample)]
    boxed = [sample for sample in samples if sample.boxes]
    if boxed and all(map(_is_resized, boxed)):
        count = f"so are all {len(boxed)} images with boxes"
        description = f"{_sizes(boxed[0])}, and {count}: take the original files"
        yield Problem(boxed[0].name, description, "resized copy", tuple(s.name for s in resized), "fix")
        return
    for sample in resized:
        yield Problem(sample.name, _sizes(sample), "resized copy", (sample.name,))


def _is_resized(sample: Sample) -> bool:
    return sample.annotated_size not in (None, (sample.width, sample.height))


def _sizes(sample: Sample) -> str:
    width, height = sample.annotated_size or (sample.width, sample.height)
    return f"is {sample.width}x{sample.height}, it was annotated at {width}x{height}"


def _of_sample(sample: Sample, classes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the kind and the description of every problem of one sample."""
    for label in sample.labels:
        if label not in classes:
            yield "unknown class", f"has the label '{label}', which is none of {', '.join(classes)}"
    for box in sample.boxes:
        if box.label not in sample.labels:
            labels = ", ".join(sample.labels) or "none"
            yield "box against label", f"has a box of '{box.label}', which its labels ({labels}) deny"
        if not _is_resized(sample) and not _is_inside(box, sample):
            yield "bad box", f"its box {_words(box)} (x, y, width, height) has no area or leaves the image"
    for box in sample.nuisances:
        if not _is_inside(box, sample):
            words = f"its box {_words(box)} of the nuisance '{box.label}'"
            yield "bad box", f"{words} (x, y, width, height) has no area or leaves the image"
    yield from _double_boxes(sample.boxes)
    yield from _of_masks(sample)


def _of_masks(sample: Sample) -> Iterator[tuple[str, str]]:
    for mask in sample.masks:
        if mask.label not in sample.labels:
            labels = ", ".join(sample.labels) or "none"
            yield "mask against label", f"has a mask of '{mask.label}', which its labels ({labels}) deny"
        if (mask.width, mask.height) != (sample.width, sample.height):
            size = f"{sample.width}x{sample.height}"
            yield "resized copy", f"is {size}, its mask of {mask.label} is {mask.width}x{mask.height}"
    for label, count in Counter(mask.label for mask in sample.masks).items():
        if count > 1:
            yield "several masks", f"has {count} masks of {label}; give one mask of all their pixels"


def _is_inside(box: Box, sample: Sample) -> bool:
    return 0 <= box.x0 < box.x1 <= sample.width and 0 <= box.y0 < box.y1 <= sample.height


def _double_boxes(boxes: Sequence[Box]) -> Iterator[tuple[str, str]]:
    for first, second in combinations(boxes, 2):
        if first.label != second.label:
            continue
        overlap = float(intersection_over_union(_corners([first]), _corners([second]))[0])
        if overlap >= DUPLICATE_IOU:
            both = f"{_words(first)} and {_words(second)}"
            yield "duplicate box", f"its boxes of {first.label} {both} are the same (overlap {overlap:.2f})"


def _doubtful_frame(samples: Sequence[Sample]) -> Iterator[Problem]:
    """Check, from all boxes together, whether they are in pixels of their images."""
    boxed = [sample for sample in samples if sample.boxes and not _is_resized(sample)]
    sizes = [(sample.width, sample.height) for sample in boxed for _ in sample.boxes]
    doubt = frame_doubt(_corners([box for sample in boxed for box in sample.boxes]), np.array(sizes))
    if doubt:
        names = tuple(sample.name for sample in boxed)
        yield Problem(names[0], doubt, "frame of boxes", names, "fix" if doubt == WITHIN_A_PIXEL else "none")


def _corners(boxes: Sequence[Box]) -> np.ndarray:
    """Return ``(n, 4)`` corners x0, y0, x1, y1 in pixels."""
    corners = [(box.x0, box.y0, box.x1, box.y1) for box in boxes]
    return np.array(corners, dtype=np.float64).reshape(-1, 4)


def _words(box: Box) -> str:
    return ", ".join(f"{value:.1f}" for value in xyxy_to_xywh((box.x0, box.y0, box.x1, box.y1)))
