"""Annotations without images: the boxes of TBX11K and of NIH ChestX-ray14 as tables of what is true."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ValidationError

from wsbench.data.contradictions import contradictions
from wsbench.errors import WsbenchError
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.bootstrap import DRAWS, Resamples
from wsbench.scoring.table import Truth
from wsbench.types import Box, Sample
from wsbench.utils.hashing import seed_from
from wsbench_plugins.datasets.nih import _tables as nih_tables

TBX11K = "tbx11k-boxes.json"
NIH = "nih-metadata"

ACTIVE, OBSOLETE = 1, 2
"""TBX11K's categories of boxes."""

TBX11K_SIDE, NIH_SIDE = 512, 1024
"""Pixels a side of the released images, in which the boxes are."""

NEGATIVES = 1600
"""Images of TBX11K's official val without tuberculosis: 800 healthy and 800 otherwise sick."""


@dataclass(frozen=True)
class Annotated:
    """What is true of some images.

    Attributes:
        truth: their labels and boxes.
        units: of each image, what a bootstrap draws together: its patient; itself where that is unknown.
        half: ``(N,)`` 0 or 1, by patient; all 0 where images are not cut into halves.
    """

    truth: Truth
    units: tuple[str, ...]
    half: np.ndarray

    @cached_property
    def draws(self) -> Resamples:
        """A thousand bootstraps of the units."""
        return Resamples.draw(self.units, DRAWS, seed_from("floors"))


class TBX11KImage(BaseModel):
    """An image of TBX11K with tuberculosis; boxes are category, x, y, width, height."""

    split: str
    boxes: list[tuple[int, float, float, float, float]]


class TBX11KFile(BaseModel):
    """The boxes of TBX11K's images with tuberculosis, by the name of the image."""

    images: dict[str, TBX11KImage]


def read_tbx11k(data: Path) -> TBX11KFile:
    """The boxes of TBX11K's official train and val.

    Raises:
        WsbenchError: the file is missing or of another form.
    """
    path = data / TBX11K
    try:
        return TBX11KFile.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise WsbenchError(
            f"{path}: cannot be read as TBX11K's boxes: {reason}; name the data folder"
        ) from None


def tuberculosis(
    file: TBX11KFile, split: str, kinds: Collection[int] = (ACTIVE, OBSOLETE), negatives: int = 0
) -> Annotated:
    """The images of a split that have boxes, all of the given kinds, with the one class ``tb``.

    Args:
        file: as read.
        split: ``train`` or ``val``.
        kinds: an image with a box of another kind is left out.
        negatives: so many images without tuberculosis are added. Nothing else is known of them, so they are
            numbered; their names only order boxes of equal score.
    """
    chosen = {
        name: image.boxes
        for name, image in file.images.items()
        if image.split == split and image.boxes and {kind for kind, *_ in image.boxes} <= set(kinds)
    }
    boxes = [[Box("tb", x, y, x + w, y + h) for _, x, y, w, h in inside] for inside in chosen.values()]
    names = (*chosen, *(f"negative/{number:04d}" for number in range(negatives)))
    truth = Truth(
        classes=("tb",),
        names=names,
        sizes=np.full((len(names), 2), TBX11K_SIDE),
        labels=np.arange(len(names))[:, None] < len(chosen),
        known=np.ones((len(names), 1), dtype=bool),
        truth=BoxTable.of([*boxes, *[[]] * negatives], ("tb",)),
    )
    return Annotated(truth, names, np.zeros(len(names), dtype=int))


def read_nih(data: Path) -> Annotated:
    """The boxed images of NIH ChestX-ray14, with the classes that have boxes.

    Where one of these classes is present and nobody boxed it, its boxes are not known. Halves are those of
    `halves` without salt.

    Raises:
        WsbenchError: a table is missing or of another form, or a box fits no label.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        folder = Path(unpacked)
        for name in (nih_tables.ENTRIES[0], nih_tables.BOXES):
            path = data / NIH / f"{name}.gz"
            try:
                (folder / name).write_bytes(gzip.decompress(path.read_bytes()))
            except (OSError, EOFError) as error:
                raise WsbenchError(f"{path}: cannot be read: {error}; name the data folder") from None
        entries, _ = nih_tables.read_entries(folder / nih_tables.ENTRIES[0])
        boxes, problems = nih_tables.read_boxes(folder / nih_tables.BOXES, entries)
    boxed = [
        Sample(name, NIH_SIDE, NIH_SIDE, "test", entries[name].labels, tuple(inside))
        for name, inside in boxes.items()
    ]
    if problems := [*problems, *contradictions(boxed, nih_tables.CLASSES)]:
        raise WsbenchError(f"{data / NIH}: {problems[0].file} {problems[0].what}")
    labelled = {box.label for inside in boxes.values() for box in inside}
    classes = tuple(name for name in nih_tables.CLASSES if name in labelled)
    table = BoxTable.of(list(boxes.values()), classes)
    labels = np.array([[label in entries[name].labels for label in classes] for name in boxes])
    known = ~labels
    known[table.image, table.label] = True
    sizes = np.full((len(boxes), 2), NIH_SIDE)
    patients = tuple(entries[name].patient for name in boxes)
    return Annotated(Truth(classes, tuple(boxes), sizes, labels, known, table), patients, halves(patients))


def halves(patients: Collection[str], salt: str = "") -> np.ndarray:
    """``(N,)`` 0 or 1: whether the MD5 of a patient's id, as NIH prints it, is even or odd.

    Args:
        patients: of each image.
        salt: put before the id, so that another one gives other halves.
    """
    digests = [
        hashlib.md5(f"{salt}{patient}".encode(), usedforsecurity=False).digest() for patient in patients
    ]
    return np.array([digest[-1] % 2 for digest in digests])
