"""What a table says of an image, before its file is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import wsbench


@dataclass(frozen=True)
class Described:
    """An image as the files of annotations describe it.

    Attributes:
        name: unique in the dataset.
        file: what they call its file, inside the folder of its split.
        split: that it belongs to.
        labels, boxes, patient, annotated_size: as of `wsbench.Sample`.
        where: the file, and the line where it has lines, that names it.
    """

    name: str
    file: str
    split: str
    labels: tuple[str, ...]
    boxes: tuple[wsbench.Box, ...]
    where: str
    patient: str | None = None
    annotated_size: tuple[int, int] | None = None
