"""The spine: a column of vertebral bodies and discs, with pedicles, spinous and transverse processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._frame import Array, Grid, Window
from ._ribs import Ribs
from ._streams import Stream
from ._thorax import Thorax


@dataclass(frozen=True, slots=True)
class Spine:
    """The vertebral column, in cm.

    Attributes:
        half_width: Half width of a vertebral body in the middle of the chest.
        disc: Share of each segment that the disc takes.
        curve: Sideways swing of the column (scoliosis).
        phase: Where that swing starts, in radians.
        density: Bone mineral relative to a young adult.
    """

    half_width: float
    disc: float
    curve: float
    phase: float
    density: float


def draw_spine(stream: Stream) -> Spine:
    """A nearly straight column."""
    return Spine(
        half_width=stream.around(1.55, 0.2),
        disc=stream.around(0.2, 0.06),
        curve=stream.around(0, 0.9),
        phase=stream.uniform(0, 6.28),
        density=stream.uniform(0.45, 1.05),
    )


def spine_axis(thorax: Thorax, spine: Spine, y: Array) -> Array:
    """x of the column at each height."""
    swing = spine.curve * np.sin(y * 0.22 + spine.phase)
    axis: Array = thorax.midline(y, -0.7 * thorax.depth) + swing
    return axis


def spine_window(grid: Grid, thorax: Thorax) -> Window:
    """The part of the grid that the column can touch."""
    middle = float(thorax.midline(10, -0.7 * thorax.depth))
    return grid.window(middle - 5.5, middle + 5.5, -1e3, 1e3)


def spine_chords(window: Window, thorax: Thorax, ribs: Ribs, spine: Spine) -> tuple[Array, Array]:
    """Lengths of each ray, in cm, in (cortical bone, spongy bone)."""
    level, along = _segments(window.y, ribs)
    off = window.x - spine_axis(thorax, spine, window.y)
    half = spine.half_width * (1 + 0.022 * (level - 6))
    body = 1 - np.exp(-(((0.5 - np.abs(along - 0.5)) / (0.5 * spine.disc)) ** 4))
    waist = half * (1 - 0.13 * np.sin(np.pi * along))
    across = np.abs(off) / waist
    in_column = np.clip((1 - across) / 0.09, 0, 1)
    endplate = np.exp(-((((0.5 - np.abs(along - 0.5)) / spine.disc - 0.62) / 0.22) ** 2))
    rim = np.exp(-(((across - 0.95) / 0.07) ** 2)) * body
    spongy = 0.75 * body * in_column * np.sqrt(np.clip(1.15 - across * across, 0, 1))
    cortical = (0.12 + 0.3 * endplate) * in_column * np.maximum(body, 0.5) + 0.3 * rim
    cortical = cortical + _processes(off, along, half)
    seen = spine.density * np.clip(1 + 0.06 * level, 0.8, 1)
    return cortical * seen, spongy * seen


def _segments(y: Array, ribs: Ribs) -> tuple[Array, Array]:
    """Number of the vertebra (1 = first thoracic) and place within its segment, 0 to 1, at each height."""
    numbers = np.arange(-8, 24)
    position = np.interp(y, ribs.heads(numbers), numbers).astype(np.float32) + 0.5
    level = np.floor(position)
    return level + 1, position - level


def _processes(off: Array, along: Array, half: Array) -> Array:
    """Pedicles as small rings, the spinous process as a drop, the transverse processes as faint bars."""
    aside = (np.abs(off) - 0.66 * half) / 0.36
    upright = (along - 0.42) / 0.2
    ring = aside * aside + upright * upright
    pedicle = 0.3 * np.exp(-(((np.sqrt(ring) - 0.85) / 0.28) ** 2))
    drop = (off / 0.3) ** 2 + ((along - 0.8) / 0.24) ** 2
    spinous = 0.36 * np.exp(-(((np.sqrt(drop) - 0.75) / 0.35) ** 2))
    bar = np.exp(-(((along - 0.4) / 0.16) ** 2)) * np.clip((half + 1.5 - np.abs(off)) / 0.5, 0, 1)
    processes: Array = pedicle + spinous + 0.16 * bar
    return processes
