"""Things finer than a pixel: they leave their volume in the pixels around them.

Vessels and small nodules are far thinner than a pixel at small sizes, so they are not drawn but deposited,
piece by piece. That gives the mean path length per pixel at any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ._frame import AnyArray, Array, Grid, Points, Window

_WIDTHS = (0.1, 0.25, 0.6, 10.0)
"""Upper limits, in cm, of the radii of branches that are deposited and blurred together."""


@dataclass(frozen=True)
class Branches:
    """Slightly bent threads.

    Attributes:
        start, end: (count, 2) cm.
        bend: (count,) cm by which the middle strays sideways.
        radius: (count,) cm.
    """

    start: Points
    end: Points
    bend: Array
    radius: Array


def branch_depth(grid: Grid, window: Window, sets: Sequence[Branches]) -> Array:
    """Mean length of the rays of each pixel in the branches, (rows, columns) cm."""
    pieces = [_pieces(branches, grid.pitch) for branches in sets]
    points, volume, radius = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
    depth = np.zeros((window.y.size, window.x.size), np.float32)
    lower = 0.0
    for upper in _WIDTHS:
        chosen = np.flatnonzero((radius > lower) & (radius <= upper))
        if chosen.size:
            layer = deposit(grid, window, points[chosen], volume[chosen])
            depth += soften(layer, 0.4 * float(radius[chosen].mean()) / grid.pitch)
        lower = upper
    return depth


def _pieces(branches: Branches, pitch: float) -> tuple[Points, Array, Array]:
    """Points along all branches, each with the volume, in cm3, and radius of the piece it stands for."""
    step = branches.end - branches.start
    length = np.hypot(step[:, 0], step[:, 1])
    count = max(int(float(length.mean()) / (0.8 * pitch)), 2)
    along = ((np.arange(count) + 0.5) / count).astype(np.float32)[None, :, None]
    sideways = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.maximum(length, 1e-6)[:, None]
    bow = (4 * along * (1 - along)) * branches.bend[:, None, None]
    points = branches.start[:, None] + along * step[:, None] + bow * sideways[:, None]
    volume = np.pi * branches.radius**2 * length / count
    return (
        points.reshape(-1, 2).astype(np.float32),
        np.repeat(volume.astype(np.float32), count),
        np.repeat(branches.radius.astype(np.float32), count),
    )


def deposit(grid: Grid, window: Window, points: Points, volume: Array) -> Array:
    """Share each volume (cm3) among the four pixels around its point: (rows, columns) cm of path length."""
    rows, columns = window.y.size, window.x.size
    cells = grid.cells(points) - np.array([window.index[1].start, window.index[0].start], np.float32)
    floored = np.floor(cells).astype(np.int32)
    column, row = floored[:, 0], floored[:, 1]
    in_window = np.flatnonzero((column >= 0) & (column < columns - 1) & (row >= 0) & (row < rows - 1))
    corner = row[in_window] * columns + column[in_window]
    right, down = (cells[in_window] - floored[in_window]).T
    volume = volume[in_window] / grid.pitch**2
    upper, lower = volume * (1 - down), volume * down
    targets = np.concatenate([corner, corner + 1, corner + columns, corner + columns + 1])
    shares = np.concatenate([upper * (1 - right), upper * right, lower * (1 - right), lower * right])
    return np.bincount(targets, shares, rows * columns).astype(np.float32).reshape(rows, columns)


def soften(layer: Array, sigma: float) -> Array:
    """Gaussian blur by ``sigma`` pixels; less than a third of a pixel is left alone."""
    blurred: AnyArray = cv2.GaussianBlur(layer, (0, 0), sigma) if sigma > 0.3 else layer
    return blurred
