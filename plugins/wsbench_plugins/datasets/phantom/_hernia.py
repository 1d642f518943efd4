"""Hiatal hernia: a part of the stomach that lies above the diaphragm, behind the heart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._finding import Finding, Region
from ._scene import Scene
from ._shapes import Ellipsoid
from ._streams import Stream

_WALL = 0.3
"""Thickness of the stomach's wall, in cm."""


@dataclass(frozen=True, slots=True)
class Hernia(Finding):
    """A sac that holds gas above fluid.

    Attributes:
        sac: Its outer surface.
        level: Height, in cm, of the fluid.
    """

    name: ClassVar[str] = "hernia"
    sac: Ellipsoid
    level: float

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """The sac."""
        return ((self.sac.outline(),),)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Soft tissue in the place of lung, gas in the upper part of it."""
        window = self.sac.window(scene.grid)
        chord = self.sac.chord(window.x, window.y)
        soft = np.minimum(chord, 0.9 * scene.lung[window.index])
        above = np.clip((self.level - window.y) / scene.grid.pitch + 0.5, 0, 1)
        gas = self.sac.shrunk(_WALL).chord(window.x, window.y) * above
        scene.integral[window.index] += (tissue.SOFT - tissue.LUNG) * soft - (tissue.SOFT - tissue.AIR) * gas


def draw_hernia(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Hernia, ...]:
    """Draw a hernia on the middle of the diaphragm, most often a little to the left."""
    wide, tall = stream.uniform(2.6, 4.6), stream.uniform(2.2, 3.8)
    y = anatomy.lungs[1].dome_middle - 0.75 * tall
    x = float(anatomy.thorax.midline(y, -0.3 * anatomy.thorax.depth)) + stream.around(0.9, 1.8)
    sac = Ellipsoid(x, y, wide, tall, stream.uniform(1.8, 3.0), stream.around(0, 0.3))
    return (Hernia(None, sac, y + tall * stream.uniform(-0.35, 0.35)),)
