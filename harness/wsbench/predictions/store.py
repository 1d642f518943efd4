"""Checks predictions, stores them in shards that survive a kill, and reads them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from wsbench.contract.base import Method
from wsbench.data.views import ImageView
from wsbench.errors import WsbenchError
from wsbench.files.checksums import is_intact_archive
from wsbench.files.writing import atomic
from wsbench.types import Prediction, Region, Role, ScoredBox

Item = TypeVar("Item")

SHARD = 128
"""Images of a shard."""

SCORED_ROLES: tuple[Role, ...] = ("select", "calibrate", "test")
"""The roles whose predictions are stored. For select, only scores are."""

PAPER = "paper"
"""The subfolder of predictions with other weights, where a method has some for protocol ``paper``."""


def predict(
    method: Method, images: ImageView, folder: Path, role: str, *, maps: bool = True, by: str = ""
) -> Iterable[int]:
    """Predict the images of a role shard by shard.

    Args:
        method: a fitted method.
        images: the images of the role.
        folder: the folder of the shards. Sound shards of these images are kept, others are removed.
        role: the role, with which the names of the shards begin.
        maps: whether heatmaps and boxes are stored, or scores alone.
        by: the method and its plugin, for messages.

    Yields:
        The number of images of each shard, when it is done.

    Raises:
        WsbenchError: a prediction does not have the form that `Prediction` describes.
    """
    expected = []
    for number, shard in enumerate(images.chunks(SHARD)):
        path = folder / f"{role}-{number:04d}.npz"
        expected.append(path)
        if not (is_intact_archive(path) and _names(path) == shard.names):
            prediction = method.predict(shard)
            try:
                check(prediction, shard)
            except WsbenchError as error:
                raise WsbenchError(f"{by}: {error}" if by else str(error)) from None
            _write(path, shard, prediction if maps else Prediction(prediction.scores))
        yield len(shard)
    for path in {*folder.glob(f"{role}-*.npz")}.difference(expected):
        path.unlink()


def store(prediction: Prediction, images: ImageView, folder: Path, role: str) -> None:
    """Store predictions of the images of a role, as `predict` does.

    Raises:
        WsbenchError: the prediction does not have the form that `Prediction` describes.
    """
    check(prediction, images)
    for number, start in enumerate(range(0, len(images), SHARD)):
        stop = start + SHARD
        shard = sliced(prediction, start, stop)
        _write(folder / f"{role}-{number:04d}.npz", images.take(start, stop), shard)


def sliced(prediction: Prediction, start: int, stop: int) -> Prediction:
    """Return the predictions of the images from ``start`` up to, but not including, ``stop``."""

    def rows_of(values: Any) -> Any:
        return None if values is None else values[start:stop]

    return Prediction(
        rows_of(prediction.scores),
        rows_of(prediction.heatmaps),
        rows_of(prediction.regions),
        rows_of(prediction.boxes),
        prediction.box_grid,
    )


def read_role(folder: Path, role: str, classes: Sequence[str]) -> tuple[tuple[str, ...], Prediction]:
    """Read the predictions of a role.

    Args:
        folder: the folder of the shards.
        role: the role.
        classes: the names of the classes.

    Returns:
        The names of the images, and their predictions, with scores rounded to single precision.

    Raises:
        WsbenchError: shards hold heatmaps of different shapes.
    """
    paths = sorted(folder.glob(f"{role}-*.npz"))
    images = sum(len(_names(path) or ()) for path in paths)
    names: list[str] = []
    parts: list[Prediction] = []
    maps: np.ndarray | None = None
    for path in paths:
        with np.load(path, allow_pickle=False) as arrays:
            shard = from_arrays(arrays, classes)
            if shard.heatmaps is not None:
                # Heatmaps are the largest array of a run. Those of a shard are copied into the final array at
                # once, so that memory holds them only once.
                if maps is None:
                    maps = np.empty((images, *shard.heatmaps.shape[1:]), shard.heatmaps.dtype)
                if shard.heatmaps.shape[1:] != maps.shape[1:]:
                    raise WsbenchError(
                        f"{path}: its heatmaps have shape {shard.heatmaps.shape[1:]}, those before "
                        f"{maps.shape[1:]}; give all images of a run maps of one shape"
                    )
                maps[len(names) : len(names) + len(shard.heatmaps)] = shard.heatmaps
            names += arrays["names"].tolist()
            parts.append(replace(shard, heatmaps=None))
    return tuple(names), replace(joined(parts), heatmaps=maps)


def unlike_roles(folder: Path, roles: Mapping[Role, Sequence[str]]) -> str | None:
    """Compare the images of stored predictions with those of their roles.

    Args:
        folder: the folder of the shards. Its subfolder `PAPER` is checked too, where it exists.
        roles: for each role that was predicted, the names of its images in their order.

    Returns:
        The first difference in words, with the name of the file; None where there is none.
    """
    for shard_folder in (folder, folder / PAPER):
        for role, names in roles.items() if shard_folder.is_dir() else ():
            shards = sorted(shard_folder.glob(f"{role}-*.npz"))
            for number in range(max(len(shards), -(-len(names) // SHARD))):
                path = shard_folder / f"{role}-{number:04d}.npz"
                if path not in shards:
                    return f"{path.name} is missing"
                if _names(path) != tuple(names[number * SHARD : (number + 1) * SHARD]):
                    return f"{path.name} is not of the images that belong there"
    return None


def _names(path: Path) -> tuple[str, ...] | None:
    """Read the names of the images in a shard; None where it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(arrays["names"].tolist())
    except Exception:  # a damaged archive raises whatever zipfile and its decompressors raise
        return None


def of_protocol(folder: Path, protocol: str) -> Path:
    """Return the folder of a protocol's predictions: for ``paper`` its subfolder, where there is one."""
    paper_folder = folder / PAPER
    return paper_folder if protocol == PAPER and has_role(paper_folder, "test") else folder


def has_role(folder: Path, role: str) -> bool:
    """Return whether predictions of a role are stored."""
    return any(folder.glob(f"{role}-*.npz"))


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Concatenate predictions of several batches of images."""

    def sequence(name: str) -> list[Any] | None:
        values = [getattr(batch, name) for batch in parts]
        return None if values[0] is None else [item for value in values for item in value]

    heatmaps = None
    if parts[0].heatmaps is not None:
        heatmaps = np.concatenate([batch.heatmaps for batch in parts])
    scores = np.concatenate([batch.scores for batch in parts])
    return Prediction(scores, heatmaps, sequence("regions"), sequence("boxes"), parts[0].box_grid)


def check(prediction: Prediction, images: ImageView) -> None:
    """Raise WsbenchError, naming the image, if a prediction does not have the form that `Prediction`
    describes."""
    count, classes = len(images), len(images.classes)
    if not isinstance(prediction, Prediction):
        raise WsbenchError(f"predict gave a {type(prediction).__name__}, not a wsbench.Prediction")
    _check_values(prediction.scores, (count, classes), "scores", images.names)
    if prediction.heatmaps is None and prediction.boxes is None:
        raise WsbenchError("the method gave neither heatmaps nor boxes")
    _check_maps(prediction, images)
    for name, region in _of_images(prediction.regions, images, "regions"):
        if not (region.width > 0 and region.height > 0):
            raise WsbenchError(f"the method's region of {name} has no area: {region}")
    for name, boxes in _of_images(prediction.boxes, images, "boxes"):
        _check_boxes(name, boxes, images.classes)


def _check_maps(prediction: Prediction, images: ImageView) -> None:
    if prediction.heatmaps is not None:
        shape = np.shape(prediction.heatmaps)
        if len(shape) != 4 or 0 in shape[2:]:
            raise WsbenchError(f"the method's heatmaps have shape {shape}, not (N, C, h, w)")
        _check_values(
            prediction.heatmaps, (len(images), len(images.classes), *shape[2:]), "heatmaps", images.names
        )
    if prediction.box_grid is not None and not (
        len(prediction.box_grid) == 2 and min(prediction.box_grid) > 0
    ):
        raise WsbenchError(f"the method's box_grid {prediction.box_grid} must be rows and columns")


def _of_images(values: Sequence[Item] | None, images: ImageView, noun: str) -> Iterable[tuple[str, Item]]:
    if values is not None and len(values) != len(images):
        raise WsbenchError(f"the method gave {len(values)} {noun} for {len(images)} images")
    return zip(images.names, values or (), strict=False)


def _check_values(values: np.ndarray, shape: tuple[int, ...], noun: str, names: Sequence[str]) -> None:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):  # lists of unequal lengths and tensors on a GPU raise these
        raise WsbenchError(f"the method's {noun}, a {type(values).__name__}, are no array") from None
    if array.dtype.kind not in "biuf":
        raise WsbenchError(f"the method's {noun} are of dtype {array.dtype}, not real numbers")
    if array.shape != shape:
        raise WsbenchError(f"the method's {noun} have shape {array.shape}, not {shape}")
    flat = array.reshape(len(names), -1)
    wrong = ~((flat >= 0) & (flat <= 1)).all(axis=1)  # NaN is neither
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        worst = flat[row][~((flat[row] >= 0) & (flat[row] <= 1))][0]
        raise WsbenchError(f"the method's {noun} of {names[row]} must lie in [0, 1], found {worst}")


def _check_boxes(name: str, boxes: Sequence[ScoredBox], classes: Sequence[str]) -> None:
    for box in boxes:
        if box.label not in classes:
            raise WsbenchError(f"the method's box on {name} has the unknown class '{box.label}'")
        if not (box.x1 > box.x0 and box.y1 > box.y0 and np.isfinite(box.score)):
            raise WsbenchError(f"the method's box on {name} has no area or no score: {box}")


def _write(path: Path, images: ImageView, prediction: Prediction) -> None:
    arrays = {"names": np.array(images.names), "scores": np.asarray(prediction.scores, dtype=np.float64)}
    if prediction.heatmaps is not None:
        arrays["heatmaps"] = np.asarray(prediction.heatmaps, dtype=np.float16)
    if prediction.regions is not None:
        arrays["regions"] = np.array([(r.x0, r.y0, r.x1, r.y1) for r in prediction.regions])
    if prediction.box_grid is not None:
        arrays["box_grid"] = np.array(prediction.box_grid)
    if prediction.boxes is not None:
        column = {name: index for index, name in enumerate(images.classes)}
        rows = [
            (row, column[box.label], box.x0, box.y0, box.x1, box.y1, box.score)
            for row, boxes in enumerate(prediction.boxes)
            for box in boxes
        ]
        arrays["boxes"] = np.array(rows, dtype=np.float64).reshape(-1, 7)
    with atomic(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type] # one might be named allow_pickle


def from_arrays(arrays: np.lib.npyio.NpzFile, classes: Sequence[str]) -> Prediction:
    """Return the predictions of a shard.

    Args:
        arrays: the arrays of its file.
        classes: the names of the classes.
    """
    regions = [Region(*row) for row in arrays["regions"].tolist()] if "regions" in arrays else None
    boxes: list[list[ScoredBox]] | None = None
    if "boxes" in arrays:
        boxes = [[] for _ in arrays["names"]]
        for row, label, x0, y0, x1, y1, score in arrays["boxes"].tolist():
            boxes[int(row)].append(ScoredBox(classes[int(label)], x0, y0, x1, y1, score))
    grid = tuple(arrays["box_grid"].tolist()) if "box_grid" in arrays else None
    # Submissions keep single precision, and scoring one again must give the values that were computed first.
    scores = arrays["scores"].astype(np.float32).astype(np.float64)
    return Prediction(scores, arrays.get("heatmaps"), regions, boxes, grid)
