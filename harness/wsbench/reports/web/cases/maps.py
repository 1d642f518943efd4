"""Heatmaps as text for a page: exactly what is stored, so that a script can cut the harness's boxes again."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from wsbench.geometry.boxes import quantise, resized_to_grid
from wsbench.types import Prediction, Region


def map_values(prediction: Prediction, column: int, region: Region) -> dict[str, Any]:
    """A heatmap and how boxes are cut from it, as JSON values.

    Args:
        prediction: the prediction of one image, with heatmaps.
        column: the index of the class.
        region: the rectangle of the original image that it covers, if the prediction names none.

    Returns:
        ``shape`` rows and columns, ``values`` the stored half-precision numbers (little-endian, base64),
        ``region`` its corners in pixels, ``grid`` the shape that it is resized to before boxes are cut, and
        ``changes``, pairs of a cell of the grid and its level, where `bilinear` rounds to another level than
        the harness does.
    """
    assert prediction.heatmaps is not None
    stored = np.asarray(prediction.heatmaps[0, column], dtype="<f2")
    covered = prediction.regions[0] if prediction.regions else region
    values: dict[str, Any] = {
        "shape": list(stored.shape),
        "values": base64.b64encode(stored.tobytes()).decode("ascii"),
        "region": list(covered.corners),
        "grid": None,
        "changes": [],
    }
    if prediction.box_grid is not None:
        values["grid"] = list(prediction.box_grid)
        values["changes"] = _changes(stored, prediction.box_grid)
    return values


def _changes(stored: np.ndarray, grid: tuple[int, int]) -> list[int]:
    """Where the levels of `bilinear` differ from those that the harness cuts: cell, level, cell, level ..."""
    harness = quantise(resized_to_grid(stored, grid)).ravel()
    script = np.floor(bilinear(stored, grid) * 255 + 0.5).clip(0, 255).astype(np.uint8).ravel()
    cells = np.flatnonzero(harness != script)
    flat: list[int] = np.stack([cells, harness[cells]], axis=1).ravel().tolist()
    return flat


def bilinear(values: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Resize a map in double precision, by the operations of ``cases_boxes.js`` in their order.

    Every operation is rounded once on both sides, so that both give the same bits. OpenCV's resizing in
    single precision depends on the processor, which a script cannot follow.

    Args:
        values: ``(h, w)`` floats.
        grid: rows and columns of the result.
    """
    doubles = np.asarray(values, dtype=np.float64)
    top, bottom, down = _neighbours(doubles.shape[0], grid[0])
    left, right, across = _neighbours(doubles.shape[1], grid[1])
    lines = doubles[:, left] * (1 - across) + doubles[:, right] * across
    resized: np.ndarray = lines[top] * (1 - down)[:, None] + lines[bottom] * down[:, None]
    return resized


def _neighbours(cells: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cells on both sides of each new cell's centre, and the weight of the second."""
    places = (np.arange(count) + 0.5) * (cells / count) - 0.5
    places = np.clip(places, 0, cells - 1)
    first = np.floor(places).astype(int)
    return first, np.minimum(first + 1, cells - 1), places - first
