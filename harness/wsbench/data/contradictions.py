"""What cannot be true of a dataset's samples, whatever their files say; checked of every dataset alike."""

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

SAME = 0.95
"""Overlap from which two boxes of a class on one image are the same lesion, boxed twice. The largest of two
boxes of a class in the releases of TBX11K and ChestX-ray14 is 0.07."""


def contradictions(samples: Iterable[Sample], classes: Sequence[str]) -> list[Problem]:
    """What is wrong with samples: names that two of them share, labels and boxes of unknown classes, boxes
    that their image's labels deny or that stand there twice, and boxes that are not in the frame of their
    image.

    Args:
        samples: of one dataset, in any order.
        classes: the dataset's.
    """
    ordered = sorted(samples, key=lambda sample: sample.name)
    problems = [*_shared_names(ordered), *_frames(ordered)]
    for sample in ordered:
        for kind, what in _of_sample(sample, classes):
            problems.append(Problem(sample.name, what, kind, (sample.name,)))
    return [*problems, *_doubtful_frame(ordered)]


def _shared_names(samples: Sequence[Sample]) -> Iterator[Problem]:
    for name, count in Counter(sample.name for sample in samples).items():
        if count > 1:
            yield Problem(name, f"{count} images have this name", "shared name", (name,))


def _frames(samples: Sequence[Sample]) -> Iterator[Problem]:
    """Samples that are not of the size of the image that was annotated. Where no box at all is in its image's
    frame, the images are a resized copy, and leaving out images is no remedy."""
    resized = [sample for sample in samples if _is_resized(sample)]
    boxed = [sample for sample in samples if sample.boxes]
    if boxed and all(map(_is_resized, boxed)):
        what = f"{_sizes(boxed[0])}, and so are all {len(boxed)} images with boxes: take the original files"
        yield Problem(boxed[0].name, what, "resized copy", tuple(s.name for s in resized), "mend")
        return
    for sample in resized:
        yield Problem(sample.name, _sizes(sample), "resized copy", (sample.name,))


def _is_resized(sample: Sample) -> bool:
    return sample.annotated_size not in (None, (sample.width, sample.height))


def _sizes(sample: Sample) -> str:
    width, height = sample.annotated_size or (sample.width, sample.height)
    return f"is {sample.width}x{sample.height}, it was annotated at {width}x{height}"


def _of_sample(sample: Sample, classes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Kind and words of all that is wrong with one sample."""
    for label in sample.labels:
        if label not in classes:
            yield "unknown class", f"has the label '{label}', which is none of {', '.join(classes)}"
    for box in sample.boxes:
        if box.label not in sample.labels:
            labels = ", ".join(sample.labels) or "none"
            yield "box against label", f"has a box of '{box.label}', which its labels ({labels}) deny"
        if not _is_resized(sample) and not _is_inside(box, sample):
            yield "bad box", f"its box {_words(box)} (x, y, width, height) has no area or leaves the image"
    yield from _double_boxes(sample.boxes)


def _is_inside(box: Box, sample: Sample) -> bool:
    return 0 <= box.x0 < box.x1 <= sample.width and 0 <= box.y0 < box.y1 <= sample.height


def _double_boxes(boxes: Sequence[Box]) -> Iterator[tuple[str, str]]:
    for first, second in combinations(boxes, 2):
        if first.label != second.label:
            continue
        overlap = float(intersection_over_union(_corners([first]), _corners([second]))[0])
        if overlap >= SAME:
            both = f"{_words(first)} and {_words(second)}"
            yield "duplicate box", f"its boxes of {first.label} {both} are the same (overlap {overlap:.2f})"


def _doubtful_frame(samples: Sequence[Sample]) -> Iterator[Problem]:
    """What all boxes together say of their frame."""
    boxed = [sample for sample in samples if sample.boxes and not _is_resized(sample)]
    sizes = [(sample.width, sample.height) for sample in boxed for _ in sample.boxes]
    doubt = frame_doubt(_corners([box for sample in boxed for box in sample.boxes]), np.array(sizes))
    if doubt:
        names = tuple(sample.name for sample in boxed)
        yield Problem(names[0], doubt, "frame of boxes", names, "mend" if doubt == WITHIN_A_PIXEL else "none")


def _corners(boxes: Sequence[Box]) -> np.ndarray:
    """``(n, 4)`` x0, y0, x1, y1 in pixels."""
    corners = [(box.x0, box.y0, box.x1, box.y1) for box in boxes]
    return np.array(corners, dtype=np.float64).reshape(-1, 4)


def _words(box: Box) -> str:
    return ", ".join(f"{value:.1f}" for value in xyxy_to_xywh((box.x0, box.y0, box.x1, box.y1)))
