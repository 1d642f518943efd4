"""The JSON files of masks: run lengths of COCO, or polygons as radiologists drew them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, RootModel

import wsbench

from ._tables import CLASSES, OTHER_NAMES, find

if TYPE_CHECKING:
    import numpy as np

Polygons = list[list[tuple[float, float]]]


class RunLengths(BaseModel):
    """A mask: ``size`` is height and width, in pixels."""

    size: tuple[int, int]
    counts: str | list[int]


class Segmentations(RootModel[dict[str, dict[str, RunLengths]]]):
    """``gt_segmentations_SPLIT.json``: masks by image and finding, without pixels where there is none."""


class Annotations(RootModel[dict[str, dict[str, Polygons | tuple[int, int]]]]):
    """``gt_annotations_SPLIT.json``: polygons by image and finding, and ``img_size``, height and width."""


def masks_of(
    root: Path, split: str, names: Iterable[str], problems: list[wsbench.Problem]
) -> dict[str, tuple[wsbench.geometry.Mask, ...]]:
    """Read the masks of a split.

    Args:
        root: the dataset's folder.
        split: ``val`` or ``test``.
        names: of the images of the split.
        problems: to which masks are added that are damaged, or of an image that the table does not name.

    Raises:
        WsbenchError: there is no file of masks, or it is not this one.
    """
    path = file_of(root, "gt", split)
    if path is None:
        raise wsbench.WsbenchError(
            f"chexlocalize: {root} has no gt_segmentations_{split}.json or gt_annotations_{split}.json"
        )
    known, result = set(names), {}
    for name, image in images_of(path).items():
        if name not in known:
            problems.append(wsbench.Problem(path.name, f"has masks of {name}, which has no labels", "no row"))
            continue
        try:
            result[name] = tuple(decoded(image))
        except wsbench.WsbenchError as error:
            problems.append(wsbench.Problem(path.name, f"{name}: {error}", "damaged mask", (name,)))
    return result


def file_of(root: Path, prefix: str, split: str) -> Path | None:
    """The file of somebody's masks of a split: run lengths, or polygons where there are none.

    Args:
        root: the dataset's folder.
        prefix: ``gt`` for the truth, ``hb`` for the human benchmark.
        split: ``val`` or ``test``.
    """
    return find(root, (f"{prefix}_segmentations_{split}.json",)) or find(
        root, (f"{prefix}_annotations_{split}.json",)
    )


def images_of(path: Path) -> Mapping[str, Mapping[str, RunLengths | Polygons | tuple[int, int]]]:
    """The content of a file of masks, by image and finding.

    Raises:
        WsbenchError: the file is not what its name says.
    """
    if "_annotations_" in path.name:
        return wsbench.images.read_json(path, Annotations, "a file of CheXlocalize's annotations").root
    return wsbench.images.read_json(path, Segmentations, "a file of CheXlocalize's segmentations").root


def decoded(
    image: Mapping[str, RunLengths | Polygons | tuple[int, int]],
) -> Iterator[wsbench.geometry.Mask]:
    """The masks of an image that have pixels.

    Raises:
        WsbenchError: a mask is damaged, or of another finding.
    """
    for word, value in image.items():
        label = OTHER_NAMES.get(word, word)
        if word == "img_size":
            continue
        if label not in CLASSES:
            raise wsbench.WsbenchError(f"'{word[:30]}' is none of the ten findings")
        if isinstance(value, RunLengths):
            height, width = value.size
            mask = wsbench.geometry.Mask.of_rle(label, width, height, value.counts)
            if mask.has_pixels():
                yield mask
        elif value:
            yield _drawn(label, image.get("img_size"), value)


def _drawn(label: str, size: object, polygons: object) -> wsbench.geometry.Mask:
    if not isinstance(size, tuple | list) or len(size) != 2 or not isinstance(polygons, list):
        raise wsbench.WsbenchError(f"{label} has no polygons, or the image no img_size")
    height, width = (int(side) for side in size)
    corners = tuple(tuple(map(tuple, polygon)) for polygon in polygons)
    if any(len(polygon) < 2 for polygon in corners):
        raise wsbench.WsbenchError(f"a polygon of {label} has fewer than two corners")
    content = f"{wsbench.seed_from(repr(corners)):x}"
    return wsbench.geometry.Mask.computed(
        label, width, height, content, functools.partial(draw, corners, width, height)
    )


def draw(polygons: tuple[tuple[tuple[float, float], ...], ...], width: int, height: int) -> np.ndarray:
    """Fill polygons with their outlines, as ``annotation_to_segmentation.py`` of CheXlocalize does.

    Args:
        polygons: ``x, y`` of the corners of each, in pixels.
        width, height: of the image, in pixels.

    Returns:
        ``(height, width)`` bool.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    image = Image.new("1", (width, height))
    for polygon in polygons:
        ImageDraw.Draw(image).polygon(list(polygon), outline=1, fill=1)
    return np.array(image, dtype=bool)
