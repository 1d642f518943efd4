"""The human benchmark: masks and most representative points of radiologists who had no part in the truth.

``hb_segmentations_test.json`` and ``hb_annotations_test.json`` have the form of the files of the truth.
``hb_salient_pt_test.json`` has by image and finding a list of points ``[x, y]``, in pixels. They are of three
radiologists, and do not say which of them read an image.

Source: ``eval.py --if_human_benchmark True`` of github.com/rajpurkarlab/cheXlocalize, and public code that
reads the release. The layout was not checked against the release itself. An image that these files lack
counts as read, as it does there: its masks are blank, and it has no point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import FiniteFloat, RootModel

import wsbench

from ._masks import decoded, file_of, images_of
from ._tables import CLASSES, OTHER_NAMES, find

READER = "human benchmark"
SPLIT = "test"
"""The split that was read."""

POINTS = f"hb_salient_pt_{SPLIT}.json"

Pairs = list[tuple[FiniteFloat, FiniteFloat]]


class SalientPoints(RootModel[dict[str, dict[str, Pairs | tuple[int, int]]]]):
    """The file of points, by image and finding; ``img_size``, height and width, may stand beside them."""


def readings_of(root: Path, names: Sequence[str]) -> tuple[wsbench.types.Reading, ...]:
    """What the radiologists drew on images; empty if there is no file of theirs.

    Args:
        root: the dataset's folder.
        names: of the images of the split that have a truth mask.

    Raises:
        WsbenchError: a file is damaged, or not what its name says.
    """
    drawn, pointed = file_of(root, "hb", SPLIT), find(root, (POINTS,))
    if drawn is None and pointed is None:
        return ()
    masks = None if drawn is None else images_of(drawn)
    points = None if pointed is None else _points_of(pointed)
    return tuple(
        wsbench.types.Reading(
            READER,
            name,
            masks=None if drawn is None or masks is None else _masks(drawn, name, masks.get(name, {})),
            points=None
            if pointed is None or points is None
            else _points(pointed, name, points.get(name, {})),
        )
        for name in names
    )


def _points_of(path: Path) -> Mapping[str, Mapping[str, Pairs | tuple[int, int]]]:
    return wsbench.images.read_json(path, SalientPoints, "a file of CheXlocalize's points").root


def _masks(path: Path, name: str, image: Mapping[str, object]) -> tuple[wsbench.geometry.Mask, ...]:
    try:
        return tuple(decoded(image))  # type: ignore[arg-type] # what `images_of` gave
    except wsbench.WsbenchError as error:
        raise wsbench.WsbenchError(f"chexlocalize: {path.name}: {name}: {error}") from None


def _points(
    path: Path, name: str, image: Mapping[str, Pairs | tuple[int, int]]
) -> tuple[wsbench.types.Point, ...]:
    return tuple(_each_point(path, name, image))


def _each_point(
    path: Path, name: str, image: Mapping[str, Pairs | tuple[int, int]]
) -> Iterator[wsbench.types.Point]:
    for word, pairs in image.items():
        label = OTHER_NAMES.get(word, word)
        if word == "img_size":
            continue
        if label not in CLASSES or not isinstance(pairs, list):
            raise wsbench.WsbenchError(
                f"chexlocalize: {path.name}: {name}: '{word[:30]}' is none of the ten findings with points"
            )
        for x, y in pairs:
            yield wsbench.types.Point(label, x, y)
