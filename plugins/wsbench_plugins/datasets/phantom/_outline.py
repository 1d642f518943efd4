"""Findings with an outline of their own: the share of each pixel inside a polygon, threads along a line."""

from __future__ import annotations

import cv2
import numpy as np

from ._deposit import Branches, soften
from ._finding import Region
from ._frame import AnyArray, Array, Grid, Points, Window

_FINER = 4
"""Polygons are filled on a raster this many times finer than the scene's."""


def outline_window(grid: Grid, region: Region, margin: float) -> Window:
    """The part of the grid that holds the region and ``margin`` cm around it."""
    corners = np.concatenate(region)
    left, top = (float(low) - margin for low in corners.min(axis=0))
    right, bottom = (float(high) + margin for high in corners.max(axis=0))
    return grid.window(left, right, top, bottom)


def inside(grid: Grid, window: Window, region: Region, edge: float) -> Array:
    """Share of each pixel inside the region, (rows, columns), with an edge softened over ``edge`` cm."""
    rows, columns = window.y.size, window.x.size
    fine = np.zeros((_FINER * rows, _FINER * columns), np.uint8)
    corner = np.array([window.index[1].start, window.index[0].start], np.float32)
    for polygon in region:
        cells = (grid.cells(polygon) - corner + 0.5) * _FINER - 0.5
        cv2.fillPoly(fine, [np.rint(cells).astype(np.int32)], 255)
    covered = fine.astype(np.float32) / 255
    share: AnyArray = cv2.resize(covered, (columns, rows), interpolation=cv2.INTER_AREA)
    return soften(share, edge / grid.pitch)


def between(outer: Points, inner: Points) -> Region:
    """The band between two lines that run the same way."""
    return (np.concatenate([outer, inner[::-1]]).astype(np.float32),)


def along(line: Points, radius: float) -> Branches:
    """A thread of ``radius`` cm along a line."""
    count = len(line) - 1
    return Branches(
        start=line[:-1].astype(np.float32),
        end=line[1:].astype(np.float32),
        bend=np.zeros(count, np.float32),
        radius=np.full(count, radius, np.float32),
    )
