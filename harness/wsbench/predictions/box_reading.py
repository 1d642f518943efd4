"""Converts the boxes of a file from their format to pixels, and refuses boxes that do not fit the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.geometry.box_units import frame_doubt
from wsbench.geometry.coordinates import areas, clip
from wsbench.predictions.box_formats import ORDERS, BoxFormat

if TYPE_CHECKING:
    from wsbench.predictions.coco import CocoBox
    from wsbench.types import Sample

MARGIN = 0.01
"""Boxes may leave their frame by this share of its side, as happens by rounding. They are cut to the image,
and boxes outside of it are dropped."""

TOLERANCE = 1e-6
"""Numbers of a grid may leave it by this share, which is the rounding error of single precision."""

OTHER_FRAMES = ("pixels", "0-1", "0-1000")
"""Frames that are tried where boxes do not fit the one that was stated."""

MAX_NAMED = 2
"""Formats that an error names, of those that all boxes of the file fit."""

WITHIN_ONE = "all numbers lie within 0 and 1"


@dataclass(frozen=True)
class FileBoxes:
    """The boxes of a file as it gives them.

    Attributes:
        names: the image of each box.
        numbers: ``(n, 4)`` finite numbers.
        sizes: ``(n, 2)`` width and height of each box's image, in pixels.
        stated: ``(n, 2)`` the width and height that answers say; None where they say none.
    """

    names: Sequence[str]
    numbers: np.ndarray
    sizes: np.ndarray
    stated: np.ndarray | None = None


def pixels_of(path: Path, boxes: FileBoxes, form: BoxFormat) -> np.ndarray:
    """Convert the boxes of a file to pixels of their images.

    Args:
        path: the file.
        boxes: its boxes.
        form: the format that the user says they have.

    Returns:
        ``(n, 4)`` corners, cut to the images. A box that lies in the padding around its image has no area.

    Raises:
        WsbenchError: a box does not fit the format. The message names the first such box, the reason, and
            other formats that all boxes of the file fit.
    """
    for row, reason in _faults(boxes, form):
        where = f"the box {_shown(boxes.numbers[row])} of {boxes.names[row]} {reason}" if row >= 0 else reason
        raise WsbenchError(f"{path}: {where}, which is not {form}; {_advice(boxes, form)}")
    return clip(form.to_pixels(boxes.numbers, boxes.sizes, boxes.stated), *boxes.sizes.reshape(-1, 2).T)


def in_pixels(
    path: Path, results: Sequence[CocoBox], sample_of: Callable[[int | str], Sample], form: BoxFormat
) -> list[CocoBox]:
    """Convert COCO results whose ``bbox`` has another format than COCO's.

    Args:
        path: the file.
        results: its results.
        sample_of: gives the image that an id names.
        form: the format of every ``bbox``.

    Raises:
        WsbenchError: a box does not fit the format, or a result also has corners in pixels.
    """
    if form.needs_sizes:
        raise WsbenchError(f"{path}: COCO results say no size; write {form.frame}-WIDTHxHEIGHT:{form.order}")
    if any(box.corners is not None for box in results):
        raise WsbenchError(f"{path}: has 'corners', which are in pixels; leave out --boxes")
    samples = [sample_of(box.image_id) for box in results]
    sizes = np.array([(sample.width, sample.height) for sample in samples], dtype=np.float64).reshape(-1, 2)
    numbers = np.array([box.bbox for box in results], dtype=np.float64).reshape(-1, 4)
    corners = pixels_of(path, FileBoxes([sample.name for sample in samples], numbers, sizes), form)
    converted = []
    for box, (x0, y0, x1, y1) in zip(results, corners.tolist(), strict=True):
        if x1 > x0 and y1 > y0:
            update = {"bbox": (x0, y0, x1 - x0, y1 - y0), "corners": (x0, y0, x1, y1)}
            converted.append(box.model_copy(update=update))
    return converted


def doubt_words(form: BoxFormat) -> str:
    """Say that boxes seem not to have the stated format."""
    return f"no box reaches beyond half of its image's width and height: are the boxes {form}?"


def _faults(boxes: FileBoxes, form: BoxFormat) -> Iterator[tuple[int, str]]:
    """Yield, for each reason, the row of the first box that does not fit a format; -1 stands for the file."""
    numbers = boxes.numbers
    if len(numbers) == 0:
        return
    canvases = form.canvases(boxes.sizes, boxes.stated)
    if canvases.min() > 1 and numbers.min() >= 0 and numbers.max() <= 1:
        yield -1, WITHIN_ONE
    corners, sides = form.corners(numbers), np.tile(canvases, 2)
    slack = np.ones_like(sides) if form.is_grid else MARGIN * sides
    checks = {
        "has no area": areas(corners) <= 0,
        "leaves its frame": ((corners < -slack) | (corners > sides + slack)).any(axis=1),
    }
    if form.is_grid:
        top = sides - (1 if form.kind == "bins" else 0)
        beyond = (numbers < -TOLERANCE * top) | (numbers > top * (1 + TOLERANCE))
        reason = f"has numbers outside of 0 to {top[0, 0]:g}"
        checks = {reason: beyond.any(axis=1), **checks}
    if form.kind == "bins":
        checks["is not of whole bins"] = (numbers != np.rint(numbers)).any(axis=1)
    for reason, wrong in checks.items():
        if wrong.any():
            yield int(wrong.argmax()), reason


def _advice(boxes: FileBoxes, form: BoxFormat) -> str:
    """Name other formats that all boxes of a file fit, or say what to do."""
    fitting = []
    for frame in dict.fromkeys([form.frame, *OTHER_FRAMES]):
        for order in dict.fromkeys([form.order, *ORDERS]):
            other = BoxFormat.named(f"{frame}:{order}")
            if other != form and _fits(boxes, other):
                fitting.append(str(other))
                break  # one order of each frame, or the list would be of orders alone
    if not fitting:
        return "say with --boxes which format the boxes have, or repair this box"
    return f"all boxes fit {' or '.join(fitting[:MAX_NAMED])}"


def _fits(boxes: FileBoxes, form: BoxFormat) -> bool:
    if any(True for _ in _faults(boxes, form)):
        return False
    return not frame_doubt(form.to_pixels(boxes.numbers, boxes.sizes, boxes.stated), boxes.sizes)


def _shown(numbers: np.ndarray) -> str:
    return f"[{', '.join(f'{number:g}' for number in numbers)}]"
