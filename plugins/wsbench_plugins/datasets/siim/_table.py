"""The table of the release: run-length masks by image.

``EncodedPixels`` holds pairs of numbers: how many pixels lie between the end of the last run and the next
one, and how long that is. Pixels are counted column by column, from the top.
"""

from __future__ import annotations

import csv
import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import wsbench

CLASS = "Pneumothorax"
TABLES = ("train-rle.csv", "stage_2_train.csv")
COLUMNS = ("ImageId", "EncodedPixels")
NOTHING = "-1"


def read_rows(path: Path) -> tuple[dict[str, list[str]], list[wsbench.Problem]]:
    """Read the table.

    Returns:
        For each image the words of its masks, none for an image without one, and problems: images with both
        -1 and a mask. Rows that are repeated count once.

    Raises:
        WsbenchError: the file is not this table.
    """
    words: dict[str, list[str]] = defaultdict(list)
    for name, encoded in _rows(path):
        if encoded not in words[name]:
            words[name].append(encoded)
    problems = []
    for name, of_image in [*words.items()]:
        if NOTHING in of_image and len(of_image) > 1:
            what = f"{name} has a row with {NOTHING} and a row with a mask"
            problems.append(wsbench.Problem(path.name, what, "rows that contradict", (name,)))
        words[name] = [encoded for encoded in of_image if encoded != NOTHING]
    return dict(words), problems


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    reader = csv.reader(wsbench.images.read_text(path).splitlines())
    try:
        header = [name.strip() for name in next(reader, [])]  # the release has a space before the second name
        if tuple(header[:2]) != COLUMNS:
            raise wsbench.WsbenchError(
                f"siim: {path} does not begin with the columns {', '.join(COLUMNS)} but with "
                f"{', '.join(header[:2])[:60]}"
            )
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            if len(row) < 2 or not row[1].strip():
                raise wsbench.WsbenchError(f"siim: {path}, line {reader.line_num}: has no {COLUMNS[1]}")
            yield row[0].strip(), " ".join(row[1].split())
    except csv.Error as error:
        raise wsbench.WsbenchError(f"siim: {path} cannot be read: {error}") from None


def mask_of(words: Sequence[str], width: int, height: int) -> wsbench.geometry.Mask | None:
    """Make the mask of an image: the union of its rows.

    Args:
        words: the run lengths of each row; none for an image without pneumothorax.
        width, height: of the image, in pixels.

    Raises:
        WsbenchError: run lengths are no numbers, or reach beyond the image.
    """
    masks = [
        wsbench.geometry.Mask.of_rle(CLASS, width, height, runs_of(row, width * height)) for row in words
    ]
    if len(masks) < 2:
        return masks[0] if masks else None
    union = functools.reduce(lambda one, other: one | other, (mask.pixels() for mask in masks))
    return wsbench.geometry.Mask.of_pixels(CLASS, union)


def runs_of(words: str, pixels: int) -> list[int]:
    """Convert ``EncodedPixels`` to run lengths of COCO, which end with the pixels behind the last run."""
    try:
        runs = [int(word) for word in words.split()]
    except ValueError:
        raise wsbench.WsbenchError(f"{COLUMNS[1]} holds '{words[:20]}', which is no run length") from None
    if len(runs) % 2:
        raise wsbench.WsbenchError(f"{COLUMNS[1]} holds {len(runs)} numbers, which are no pairs")
    return [*runs, pixels - sum(runs)]


def encoded(mask: wsbench.geometry.Mask) -> str:
    """Return a mask as ``EncodedPixels``; -1 for a mask without pixels."""
    import numpy as np

    flat = np.concatenate([[False], mask.pixels().T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return " ".join(map(str, np.diff(edges, prepend=0).tolist())) or NOTHING
