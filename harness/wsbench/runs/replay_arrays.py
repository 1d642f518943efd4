"""The file of predictions that a submission carries: named arrays, by ``protocol/column``, in an npz
archive."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, ValidationError, model_validator

from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.archives import Arrays, array, read_arrays
from wsbench.files.documents import reason_of
from wsbench.files.writing import atomic

FILE = "replay.npz"
DIGEST = "record"
"""The array that holds the hash of the record which a file belongs to."""

_WHAT = "predictions of a submission"
_SHARED = ("scores", "select", "heatmaps")
"""What protocol `paper` mostly has in common with `uniform`; then only one copy is stored."""


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError("holds NaN or infinity")
    return values


Places = Annotated[np.ndarray, array("whole numbers", axes=1)]
Floats = AfterValidator(_finite)


class ProtocolArrays(Arrays):
    """The arrays of one protocol: N test images, C classes, K boxes, R box rules a class, B draws.

    Attributes:
        scores: ``(N, C)``.
        select: ``(S, C)`` scores of the select role.
        heatmaps: hash of the heatmaps.
        image, label, xyxy, score: ``(K,)``, ``(K,)``, ``(K, 4)`` and ``(K,)`` of the boxes.
        at: ``(K,)`` which thresholds give a box, one bit each.
        rules: ``(C, R, 2)`` threshold and smallest area.
        chosen: ``(C,)`` places in ``rules``.
        places: ``(B, C)`` places in ``rules`` of every draw.
    """

    scores: Annotated[np.ndarray, array("numbers", axes=2), Floats]
    select: Annotated[np.ndarray, array("numbers", axes=2), Floats] | None = None
    heatmaps: Annotated[np.ndarray, array("text", axes=0)] | None = None
    image: Places
    label: Places
    xyxy: Annotated[np.ndarray, array("numbers", axes=2), Floats]
    score: Annotated[np.ndarray, array("numbers", axes=1), Floats]
    at: Places | None = None
    rules: Annotated[np.ndarray, array("numbers", axes=3), Floats] | None = None
    chosen: Places | None = None
    places: Annotated[np.ndarray, array("whole numbers", axes=2)] | None = None

    @model_validator(mode="after")
    def _boxes_are_of_images_and_classes(self) -> ProtocolArrays:
        images, classes = self.scores.shape
        for name, shape in {"label": (), "xyxy": (4,), "score": ()}.items():
            if getattr(self, name).shape != (len(self.image), *shape):
                raise ValueError(f"{name} has shape {getattr(self, name).shape} for {len(self.image)} boxes")
        _below(self.image, images, "image")
        _below(self.label, classes, "label")
        if self.select is not None and self.select.shape[1] != classes:
            raise ValueError(f"select has shape {self.select.shape} for {classes} classes")
        return self

    @model_validator(mode="after")
    def _rules_are_of_classes(self) -> ProtocolArrays:
        if self.rules is None:
            return self
        classes = self.scores.shape[1]
        if self.at is None or self.chosen is None or len(self.at) != len(self.image):
            raise ValueError("at and chosen must stand beside rules, one number for each box and class")
        if self.rules.shape[0] != classes or self.rules.shape[2] != 2 or self.chosen.shape != (classes,):
            raise ValueError(f"rules has shape {self.rules.shape}, chosen {self.chosen.shape}")
        if self.places is not None and self.places.shape[1] != classes:
            raise ValueError(f"places has shape {self.places.shape} for {classes} classes")
        for column in range(classes):
            rules = int((self.rules[column, :, 0] > 0).sum())
            _below(self.chosen[column : column + 1], rules, "chosen")
            if self.places is not None:
                _below(self.places[:, column], rules, "places")
        return self


class ReplayArrays(Arrays):
    """All arrays of a file."""

    protocols: Annotated[dict[str, ProtocolArrays], Field(min_length=1)]
    record: Annotated[np.ndarray, array("text", axes=0)] | None = None


def _below(values: np.ndarray, limit: int, name: str) -> None:
    if len(values) and not (values.min() >= 0 and values.max() < limit):
        raise ValueError(f"{name} must lie in 0 to {limit - 1}")


def without_copies(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Protocol ``paper`` mostly has the scores of ``uniform``: then only one copy is kept."""
    return {
        name: values
        for name, values in arrays.items()
        if not (
            name.startswith("paper/")
            and (column := name.partition("/")[2]) in _SHARED
            and (first := arrays.get(f"uniform/{column}")) is not None
            and np.array_equal(values, first)
        )
    }


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As npz, the same bytes for the same arrays: an archive's times would differ."""
    with atomic(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, values in sorted(arrays.items()):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(values), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(member, buffer.getvalue(), zipfile.ZIP_LZMA)


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, by ``protocol/column``.

    Raises:
        WsbenchError: it cannot be read, is not one of wsbench, or not what a run left in its folder.
    """
    if not path.is_file():
        raise WsbenchError(f"{path} cannot be read; submit the run again with its predictions")
    if path.name == FILE:
        checksums.require(path)
    stored = read_arrays(path, _WHAT)
    shared = {
        f"paper/{column}": stored[f"uniform/{column}"] for column in _SHARED if f"uniform/{column}" in stored
    }
    arrays = {**shared, **stored}
    protocols: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for name, values in arrays.items():
        protocol, _, column = name.rpartition("/")
        protocols[protocol][column] = values
    others = protocols.pop("", {})
    made = {name: columns for name, columns in protocols.items() if set(columns) - set(_SHARED)}
    try:
        ReplayArrays.model_validate({"protocols": made, **others})
    except ValidationError as error:
        raise WsbenchError(f"{path}: not {_WHAT}: {reason_of(error)}") from None
    return arrays


def check_fit(
    arrays: Mapping[str, np.ndarray], protocol: str, *, images: int, select: int, classes: int, draws: int
) -> None:
    """Raise WsbenchError where a file has no such protocol, or it is of other data.

    Args:
        arrays: as `load` gives them.
        protocol: its name.
        images, select: how many images these roles have.
        classes: of the dataset.
        draws: of its images.
    """
    expected = {"scores": (images, classes), "select": (select, classes), "places": (draws, classes)}
    if f"{protocol}/image" not in arrays:
        raise WsbenchError(f"its predictions have no protocol '{protocol}'; submit the run again")
    for column, shape in expected.items():
        values = arrays.get(f"{protocol}/{column}")
        if values is not None and values.shape != shape:
            raise WsbenchError(
                f"its predictions are of other data: {protocol}/{column} has shape {values.shape}, "
                f"not {shape}"
            )
