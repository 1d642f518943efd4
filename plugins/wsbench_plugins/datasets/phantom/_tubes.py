"""Hollow bones that follow a curve: ribs, clavicles, the ridges of the scapula, the shaft of the humerus.

Every pixel is assigned to the nearest point of the nearest curve by one distance transform; the exact
distance to the curve there then gives the length of the ray in the cortical shell and in the spongy inside.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ._frame import Array, Grid, Window

KNOTS = 48
"""Points along each tube, evenly spread over its parameter."""

_BLOCK = 8192
"""Pixels handled at once: all their numbers stay in the cache."""


@dataclass(frozen=True)
class Tubes:
    """Bones along curves that do not cross each other.

    Attributes:
        points: (tubes, KNOTS, 2) cm, the axes as seen by the detector.
        half_width: (tubes, KNOTS) cm, half the visible width.
        half_depth: (tubes, KNOTS) cm, half the thickness along the rays.
        cortex: (tubes, KNOTS) cm, thickness of the cortical shell.
        density: (tubes, KNOTS) share of bone, 0 to 1, which lets an end fade into cartilage.
    """

    points: Array
    half_width: Array
    half_depth: Array
    cortex: Array
    density: Array

    def window(self, grid: Grid) -> Window:
        """The part of the grid that the tubes can touch."""
        reach = float(self.half_width.max())
        left, top = (float(low) - reach for low in self.points.min(axis=(0, 1)))
        right, bottom = (float(high) + reach for high in self.points.max(axis=(0, 1)))
        return grid.window(left, right, top, bottom)

    def chords(self, grid: Grid, window: Window) -> tuple[Array, Array]:
        """Lengths of each ray of the window, in cm, in (cortical bone, spongy bone)."""
        shape = (window.y.size, window.x.size)
        cortical, spongy = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        samples = _sample(self, grid)
        pixels, nearest = _assign(grid, window, samples, float(self.half_width.max()))
        x, y = window.x.ravel(), window.y.ravel()
        for start in range(0, pixels.size, _BLOCK):
            block = pixels[start : start + _BLOCK]
            row, column = np.divmod(block, np.int32(shape[1]))
            chords = _cross_section(samples, nearest[start : start + _BLOCK], x.take(column), y.take(row))
            cortical.ravel()[block], spongy.ravel()[block] = chords
        return cortical, spongy


def join(*parts: Tubes) -> Tubes:
    """All tubes of the parts in one set."""
    return Tubes(
        *(np.concatenate([getattr(tubes, field.name) for tubes in parts]) for field in fields(Tubes))
    )


@dataclass(frozen=True)
class _Samples:
    """Points of all tubes at half-pixel spacing or less, with what a pixel near each needs to know.

    Attributes:
        axis: Rows x and y in cm, the unit normal's x and y, samples per cm, and how many samples one may go
            back or on within the tube; (7, samples).
        end: Rows x and y of a vector that points outwards near an end, per pixel, and 0 elsewhere, and its
            offset: ``offset - end . p`` is 1 or more within the tube and 0 or less beyond; (3, samples).
        section: Rows half_width, half_depth, cortex and density, as in ``Tubes``; (4, samples).
    """

    axis: Array
    end: Array
    section: Array


def _sample(tubes: Tubes, grid: Grid) -> _Samples:
    steps = np.diff(tubes.points, axis=1)
    lengths = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1)
    count = max(int(2 * float(lengths.max()) / grid.pitch), KNOTS)
    at = np.linspace(0, KNOTS - 1, count)
    knot = np.minimum(at.astype(np.int32), KNOTS - 2)
    share = (at - knot).astype(np.float32)
    along = np.gradient(tubes.points, axis=1)
    curves = [tubes.points[..., 0], tubes.points[..., 1], along[..., 0], along[..., 1]]
    curves += [tubes.half_width, tubes.half_depth, tubes.cortex, tubes.density]
    knots = np.stack(curves).astype(np.float32)
    samples = knots[:, :, knot] * (1 - share) + knots[:, :, knot + 1] * share
    position, direction, section = samples[:2], samples[2:4], samples[4:]
    speed = np.hypot(direction[0], direction[1])
    direction = direction / speed
    density = ((count - 1) / (KNOTS - 1)) / speed
    back = np.broadcast_to(-np.arange(count, dtype=np.float32), speed.shape)
    axis = np.stack([*position, -direction[1], direction[0], density, back, back + (count - 1)])
    end = _ends(position, direction, grid.pitch)
    return _Samples(axis.reshape(7, -1), end.reshape(3, -1), section.reshape(4, -1))


def _ends(position: Array, direction: Array, pitch: float) -> Array:
    """The rows of ``_Samples.end`` from positions and unit directions, (2, tubes, samples)."""
    ends = np.zeros((3, *position.shape[1:]), np.float32)
    ends[2] = 1
    for tip, sign in ((0, -1), (-1, 1)):
        corner = position[:, :, tip, None]
        outwards = direction[:, :, tip, None] * (sign / pitch)
        near = np.hypot(*(position - corner)) < 3 * pitch
        offset = 0.5 + (outwards * corner).sum(axis=0, keepdims=True)
        ends = np.where(near, np.concatenate([outwards, offset]), ends)
    return ends


def _cross_section(samples: _Samples, nearest: NDArray[np.int32], x: Array, y: Array) -> tuple[Array, Array]:
    """Lengths in (cortical, spongy) bone of rays at (x, y) with roughly known nearest samples; (pixels,)."""
    at_x, at_y, normal_x, normal_y, per_cm, back, on = samples.axis.take(nearest, axis=1)
    # The distance transform is a few samples off; the foot of the perpendicular is not.
    ahead = ((x - at_x) * normal_y - (y - at_y) * normal_x) * per_cm
    nearest = nearest + np.rint(np.minimum(np.maximum(ahead, back), on)).astype(np.int32)
    at_x, at_y, normal_x, normal_y = samples.axis[:4].take(nearest, axis=1)
    off = (x - at_x) * normal_x + (y - at_y) * normal_y
    off *= off
    end_x, end_y, offset = samples.end.take(nearest, axis=1)
    half_width, half_depth, cortex, density = samples.section.take(nearest, axis=1)
    bone = np.clip(offset - x * end_x - y * end_y, 0, 1) * density
    outer = _ellipse_chord(off, half_width, half_depth) * bone
    inner = (
        _ellipse_chord(off, np.maximum(half_width - cortex, 1e-3), np.maximum(half_depth - cortex, 0)) * bone
    )
    return outer - inner, inner


def _ellipse_chord(off_square: Array, half_width: Array, half_depth: Array) -> Array:
    return 2 * half_depth * np.sqrt(np.maximum(1 - off_square / (half_width * half_width), 0))


def _assign(
    grid: Grid, window: Window, samples: _Samples, reach: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Flat indices in the window of all pixels within ``reach`` cm of a sample, and their nearest samples."""
    # An axis may run just outside the window, so the canvas is wider than the window by the reach.
    pixels = reach / grid.pitch + 1.5
    margin = int(pixels) + 1
    rows, columns = window.y.size + 2 * margin, window.x.size + 2 * margin
    cells = np.rint(grid.cells(samples.axis[:2].T)).astype(np.int32) + margin
    column, row = cells[:, 0] - window.index[1].start, cells[:, 1] - window.index[0].start
    in_canvas = np.flatnonzero((column >= 0) & (column < columns) & (row >= 0) & (row < rows))
    if in_canvas.size == 0:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    unmarked = np.ones((rows, columns), np.uint8)
    unmarked[row[in_canvas], column[in_canvas]] = 0
    labels: Any  # whole numbers, which cv2's types do not say
    distance, labels = cv2.distanceTransformWithLabels(
        unmarked, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    sample_of = np.zeros(int(labels.max()) + 1, np.int32)
    sample_of[labels[row[in_canvas], column[in_canvas]]] = in_canvas
    seen = slice(margin, rows - margin), slice(margin, columns - margin)
    near = np.flatnonzero(distance[seen] < pixels).astype(np.int32)
    return near, sample_of.take(labels[seen].ravel().take(near))
