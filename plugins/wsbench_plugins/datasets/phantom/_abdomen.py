"""Gas under the diaphragm: the stomach's bubble and loops of bowel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._frame import Array, Grid
from ._lungs import Lung
from ._shapes import Ellipsoid
from ._streams import Stream
from ._thorax import Thorax


@dataclass(frozen=True, slots=True)
class Gas:
    """One pocket of gas.

    Attributes:
        solid: Its shape.
        level: Height, in cm, of the fluid that cuts it off below, if any.
    """

    solid: Ellipsoid
    level: float | None


def draw_gas(stream: Stream, thorax: Thorax, left: Lung) -> tuple[Gas, ...]:
    """A stomach bubble in most patients, standing on fluid in some; loops of colon in some."""
    pockets = []
    if stream.chance(0.75):
        pockets.append(_stomach(stream, thorax, left))
    if stream.chance(0.45):
        pockets.extend(_loops(stream, thorax, left))
    return tuple(pockets)


def _stomach(stream: Stream, thorax: Thorax, left: Lung) -> Gas:
    wide, tall = stream.uniform(1.3, 3.8), stream.uniform(0.8, 2.0)
    y = left.dome + 0.9 + tall + stream.uniform(0, 1.0)
    x = float(thorax.midline(y)) + thorax.width * stream.around(0.42, 0.12)
    level = y + tall * stream.uniform(-0.2, 0.6) if stream.chance(0.5) else None
    return Gas(Ellipsoid(x, y, wide, tall, stream.uniform(1.0, 3.0), stream.around(0, 0.35)), level)


def _loops(stream: Stream, thorax: Thorax, left: Lung) -> list[Gas]:
    """A chain of haustra near the splenic flexure."""
    x, y = thorax.width * stream.uniform(0.35, 0.75), left.dome + stream.uniform(4.0, 7.0)
    loops = []
    for _ in range(stream.integer(2, 7)):
        radius = stream.uniform(0.5, 1.3)
        loops.append(Gas(Ellipsoid(x, y, radius, radius * stream.uniform(0.7, 1.2), 0.7 * radius), None))
        x += radius * stream.uniform(-1.6, 1.6)
        y += radius * stream.uniform(0.3, 1.6)
    return loops


def gas_depth(grid: Grid, pockets: tuple[Gas, ...]) -> Array:
    """Length of each ray in abdominal gas, (rows, columns) cm."""
    gas = grid.empty()
    for pocket in pockets:
        window = pocket.solid.window(grid)
        pocket_depth = pocket.solid.chord(window.x, window.y)
        if pocket.level is not None:
            pocket_depth = pocket_depth * np.clip((pocket.level - window.y) / grid.pitch + 0.5, 0, 1)
        gas[window.index] = np.maximum(gas[window.index], pocket_depth)
    return gas
