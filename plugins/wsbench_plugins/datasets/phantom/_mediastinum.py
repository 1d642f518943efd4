"""Heart and great vessels: the soft column between the lungs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._frame import Array, Grid, Window
from ._shapes import Ellipsoid, half_circle
from ._streams import Stream
from ._thorax import Thorax


@dataclass(frozen=True, slots=True)
class Heart:
    """Heart and great vessels, in cm.

    Attributes:
        width: Transverse diameter of the heart.
        height: From the base of the heart to its lowest point.
        y: Height of the centre of the ventricles.
        turn: Radians by which the long axis points down to the left.
        knob: Radius of the aortic knob.
        knob_y: Height of the knob.
        unfolded: How far the descending aorta stands out to the left.
        pedicle: Half width of the great vessels above the heart.
        trunk: Radius of the bulge of the pulmonary trunk.
    """

    width: float
    height: float
    y: float
    turn: float
    knob: float
    knob_y: float
    unfolded: float
    pedicle: float
    trunk: float


def draw_heart(stream: Stream, thorax: Thorax) -> Heart:
    """A heart of normal size: cardiothoracic ratio 0.38 to 0.50."""
    aged = stream.uniform()
    return Heart(
        width=2 * thorax.width * stream.around(0.42, 0.055),
        height=thorax.height * stream.around(0.56, 0.05),
        y=thorax.height * stream.around(0.89, 0.03),
        turn=stream.around(0.6, 0.3) + 0.02 * (thorax.height - 22),
        knob=1.5 + 0.7 * aged + stream.around(0, 0.2),
        knob_y=thorax.height * stream.around(0.31, 0.03),
        unfolded=0.4 + 1.3 * aged,
        pedicle=stream.around(2.4, 0.5),
        trunk=stream.around(1.9, 0.5),
    )


def heart_solids(thorax: Thorax, heart: Heart) -> tuple[Ellipsoid, ...]:
    """Ventricles, right atrium, base of the heart and pulmonary trunk."""
    middle = float(thorax.midline(heart.y, 0.5 * thorax.depth))
    half, tall = heart.width / 2, heart.height / 2
    right, y, trunk = middle - 0.66 * half, heart.y, heart.trunk
    return (
        Ellipsoid(right + 1.14 * half, y, 1.02 * half, 0.42 * (half + tall), 0.95 * half, heart.turn),
        Ellipsoid(right + 0.74 * half, y + 0.05 * tall, 0.74 * half, 0.9 * tall, 0.85 * half, 0.15),
        Ellipsoid(middle + 0.3 * half, y - 0.62 * tall, 0.6 * half, 0.85 * tall, 0.75 * half, -0.45),
        Ellipsoid(middle + 1.4, y - 1.05 * tall, trunk, trunk * 1.5, trunk * 1.4, -0.3),
    )


def vessel_solids(thorax: Thorax, heart: Heart) -> tuple[Ellipsoid, ...]:
    """Aortic arch and the great vessels at the root of the neck."""
    arch = float(thorax.midline(heart.knob_y, 0.0))
    return (
        Ellipsoid(arch + 1.6, heart.knob_y, heart.knob, heart.knob * 1.15, 3.0),
        Ellipsoid(arch - 0.2, heart.knob_y + 1.4, heart.pedicle, 4.6, 3.2),
    )


def column(thorax: Thorax, heart: Heart, window: Window) -> Array:
    """Depth of the tissue in the midline from the neck to the diaphragm, without heart and arch."""
    y = window.y
    up = np.clip((heart.knob_y - y) / heart.knob_y, 0, 1)
    half = heart.pedicle + 0.4 - 0.55 * np.sin(np.pi * np.minimum(up, 1)) + 0.5 * up * up
    across = (window.x - thorax.midline(y)) / half
    below = np.clip((y - heart.knob_y) / (0.66 * thorax.height), 0, 1)
    share = 0.75 - 0.4 * below + 0.45 * np.clip(2.5 * below - 1.7, 0, 1)
    deep = 2 * thorax.half_depth(np.maximum(y + 3, 0)) * share
    chord: Array = deep * np.maximum(1 - across * across, 0)
    return chord


def aorta(thorax: Thorax, heart: Heart, window: Window) -> Array:
    """Depth of the descending aorta, a vertical tube left of the spine."""
    below = np.clip((window.y - heart.knob_y) / 2, 0, 1)
    centre = thorax.midline(window.y, -0.6 * thorax.depth) + (0.9 + heart.unfolded)
    fall = (window.y - heart.knob_y) * (0.05 * heart.unfolded)
    across = (window.x - centre + fall) / 1.35
    return below * 2.7 * half_circle(across * across)


def _relative(small: Window, large: Window) -> tuple[slice, slice]:
    """The slices of a large window that a smaller window inside it covers."""
    top, left = large.index[0].start, large.index[1].start
    rows, columns = small.index
    return slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)


def mediastinum_window(grid: Grid, thorax: Thorax) -> Window:
    """The part of the grid that the mediastinum can touch."""
    return grid.window(-1.2 * thorax.width, 1.2 * thorax.width, -2, 1.5 * thorax.height)


def mediastinum_chord(grid: Grid, thorax: Thorax, heart: Heart) -> tuple[Window, Array]:
    """Depth of all soft tissue between the lungs."""
    window = mediastinum_window(grid, thorax)
    behind = np.maximum(column(thorax, heart, window), aorta(thorax, heart, window))
    before = np.zeros_like(behind)
    for solid in (*heart_solids(thorax, heart), *vessel_solids(thorax, heart)):
        small = solid.window(grid)
        at = _relative(small, window)
        before[at] = np.maximum(before[at], solid.chord(small.x, small.y))
    return window, np.sqrt(behind * behind + before * before)
