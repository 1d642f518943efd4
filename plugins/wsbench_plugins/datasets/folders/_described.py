"""An image as a table describes it, before its file is read."""

from __future__ import annotations

from dataclasses import dataclass

import wsbench


@dataclass(frozen=True)
class Described:
    """An image as the files of annotations describe it.

    Attributes:
        name: its name, which is unique in the dataset.
        file: the name of its file in the annotations, inside the folder of its split.
        split: the name of its split.
        labels, boxes, patient, annotated_size: the fields of `wsbench.Sample`.
        where: the file of annotations that names it, with the line if it has lines.
    """

    name: str
    file: str
    split: str
    labels: tuple[str, ...]
    boxes: tuple[wsbench.Box, ...]
    where: str
    patient: str | None = None
    annotated_size: tuple[int, int] | None = None
