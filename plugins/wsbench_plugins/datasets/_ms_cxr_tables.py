"""The boxes of the release, read from its CSV table or from its COCO file."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, FiniteFloat

import wsbench

from .folders import rows

CLASSES = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Lung Opacity", "Pleural Effusion", "Pneumonia",
    "Pneumothorax",
)  # fmt: skip

STEM = "MS_CXR_Local_Alignment_v"
VERSIONS = ("1.1.0", "1.0.0")
FILES = tuple(f"{STEM}{version}.{suffix}" for version in VERSIONS for suffix in ("csv", "json"))
"""The first of these that is there is read. It lies in the root or in a folder of it."""

COLUMNS = ("dicom_id", "category_name", "label_text", "x", "y", "w", "h", "image_width", "image_height")
FURTHER = ("path", "split")
"""Columns that a table may lack."""

_CLASS_OF = {name.lower(): name for name in CLASSES}


@dataclass(frozen=True)
class Row:
    """A box.

    Attributes:
        where: the file, with the line if it has lines.
        image: the ``dicom_id`` of the image.
        category: its class.
        phrase: what the report says of it, in a line.
        corners: x0, y0, x1, y1, in pixels.
        size: width and height of the image that was annotated, in pixels.
        path: of the image's file from the folder of MIMIC-CXR-JPG; empty where it is not known.
        split: the word of the file in lower case; empty where it has none.
    """

    where: str
    image: str
    category: str
    phrase: str
    corners: tuple[float, float, float, float]
    size: tuple[int, int]
    path: str
    split: str


class Image(BaseModel):
    """An image of the COCO file."""

    id: int | str
    file_name: str
    width: int
    height: int
    path: str = ""
    split: str = ""


class Annotation(BaseModel):
    """A box of the COCO file."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
    label_text: str = ""
    split: str = ""


class Category(BaseModel):
    """A class of the COCO file."""

    id: int | str
    name: str


class Coco(BaseModel):
    """The COCO file. Its other keys are not read."""

    images: list[Image]
    annotations: list[Annotation]
    categories: list[Category]


def read(root: Path, problems: list[wsbench.Problem]) -> Iterator[Row]:
    """Read the boxes.

    Args:
        root: the dataset's folder.
        problems: to which boxes are added that belong to no image or to no class, or have no numbers.

    Raises:
        WsbenchError: there is no file of boxes, or it is not this one.
    """
    for name in FILES:
        for path in (root / name, *sorted(root.glob(f"*/{name}"))):
            if path.is_file():
                yield from (_of_csv if path.suffix == ".csv" else _of_coco)(path, problems)
                return
    raise wsbench.WsbenchError(
        f"ms_cxr: {root} has no {FILES[0]} or .json; give --root the folder that holds it and files/"
    )


def _of_csv(path: Path, problems: list[wsbench.Problem]) -> Iterator[Row]:
    header = next(csv.reader(wsbench.images.read_text(path).splitlines()[:1]), [])
    further = [name for name in FURTHER if name in map(str.strip, header)]
    for line, cells in rows(path, (*COLUMNS, *further), ","):
        where, image = f"{path.name}, line {line}", cells["dicom_id"]
        numbers = _numbers(cells)
        if numbers is None:
            problems.append(wsbench.Problem(where, f"{image} has no numbers of a box", "bad row", (image,)))
            continue
        x, y, width, height, *size = numbers
        further_cells = {name: cells[name] for name in further}
        yield _row(
            where,
            image,
            cells["category_name"],
            cells["label_text"],
            (x, y, width, height),
            (round(size[0]), round(size[1])),
            further_cells,
        )


def _numbers(cells: Mapping[str, str]) -> list[float] | None:
    """The numbers of a row, in the order of `COLUMNS`; None where one is missing or not finite."""
    try:
        numbers = [float(cells[name]) for name in COLUMNS[3:]]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _of_coco(path: Path, problems: list[wsbench.Problem]) -> Iterator[Row]:
    coco = wsbench.images.read_json(path, Coco, "MS-CXR's COCO file")
    image_of = {image.id: image for image in coco.images}
    name_of = {category.id: category.name for category in coco.categories}
    for box in coco.annotations:
        image, category = image_of.get(box.image_id), name_of.get(box.category_id)
        if image is None or category is None:
            what = (
                f"has a box of image {box.image_id} and category {box.category_id}, of which one is no entry"
            )
            names = (Path(image.file_name).stem,) if image else ()
            problems.append(wsbench.Problem(path.name, what, "bad annotation", names))
            continue
        stem, size = Path(image.file_name).stem, (image.width, image.height)
        further = {"path": image.path, "split": box.split or image.split}
        yield _row(path.name, stem, category, box.label_text, box.bbox, size, further)


def _row(
    where: str,
    image: str,
    category: str,
    phrase: str,
    xywh: tuple[float, float, float, float],
    size: tuple[int, int],
    further: Mapping[str, str],
) -> Row:
    x, y, width, height = xywh
    corners = (x, y, x + width, y + height)
    name = category.strip()
    return Row(
        where=where,
        image=image,
        category=_CLASS_OF.get(name.lower(), name),
        phrase=" ".join(phrase.split()),
        corners=corners,
        size=size,
        path=further.get("path", "").strip().replace("\\", "/"),
        split=further.get("split", "").strip().lower(),
    )
