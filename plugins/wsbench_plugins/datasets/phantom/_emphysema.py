"""Emphysema: lungs that have lost tissue and stay blown up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._diaphragm import move_domes
from ._finding import Finding, Region
from ._lungs import Lung
from ._nodules import lung_outline
from ._scene import Scene
from ._shapes import Ellipsoid
from ._streams import Stream
from ._texture import cloud

_WALL = 0.06
"""Thickness of a bulla's wall, in cm."""


@dataclass(frozen=True, slots=True)
class Emphysema(Finding):
    """Overinflation of both lungs.

    Attributes:
        drop: cm by which the domes stand lower.
        loss: Share of the lungs' tissue that is gone.
        rarefied: Number and strength of the vessels, relative to those of the same patient in health.
        barrel: Growth of the chest from front to back.
        narrow: Width of the heart, relative to that in health.
        bullae: Pockets of air with a thin wall.
    """

    name: ClassVar[str] = "emphysema"
    drop: float
    loss: float
    rarefied: float
    barrel: float
    narrow: float
    bullae: tuple[Ellipsoid, ...]

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Low and flat domes, a deep chest, a narrow heart, few and thin vessels."""
        anatomy = move_domes(anatomy, self.drop, self.drop)
        right, left = (
            replace(hilum, crowding=hilum.crowding * self.rarefied, radius=hilum.radius * self.rarefied**0.4)
            for hilum in anatomy.hila
        )
        return replace(
            anatomy,
            hila=(right, left),
            heart=replace(anatomy.heart, width=anatomy.heart.width * self.narrow),
            thorax=replace(anatomy.thorax, depth=anatomy.thorax.depth * self.barrel),
        )

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """The seen part of each lung."""
        return tuple((lung_outline(anatomy, side),) for side in (-1, 1))

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Air in the place of lung: some everywhere, nothing else in the bullae."""
        uneven = 1 + 0.3 * cloud(stream, scene.lung.shape, 6, 0.6)
        lost = np.clip(self.loss * uneven, 0, 0.8)
        scene.integral[:] -= (tissue.LUNG - tissue.AIR) * lost * scene.lung
        for bulla in self.bullae:
            window = bulla.window(scene.grid)
            held = np.minimum(scene.lung[window.index] / 3, 1)
            outer = held * bulla.chord(window.x, window.y)
            inner = held * bulla.shrunk(_WALL).chord(window.x, window.y)
            left = tissue.LUNG * (1 - lost[window.index])
            scene.integral[window.index] += (tissue.SOFT - left) * (outer - inner) - left * inner


def draw_emphysema(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Emphysema, ...]:
    """Draw emphysema of both lungs, with up to four bullae in the upper halves."""
    count = stream.integer(0, 4)
    return (
        Emphysema(
            None,
            drop=stream.uniform(1.7, 3.4),
            loss=stream.uniform(0.25, 0.5),
            rarefied=stream.uniform(0.35, 0.65),
            barrel=stream.uniform(1.02, 1.1),
            narrow=stream.uniform(0.78, 0.92),
            bullae=tuple(
                _bulla(stream, anatomy, anatomy.lungs[stream.choose(dict.fromkeys(sides, 1.0)) > 0])
                for _ in range(count)
            ),
        ),
    )


def _bulla(stream: Stream, anatomy: Anatomy, lung: Lung) -> Ellipsoid:
    radius = stream.uniform(0.9, 2.4)
    y = lung.top + radius + (lung.dome - lung.top) * stream.uniform(0.02, 0.4)
    lateral = float(lung.edges(np.float32(y), anatomy.thorax)[1])
    x = float(anatomy.thorax.midline(y)) + lung.side * (lateral - stream.uniform(1.0, 1.6) * radius)
    return Ellipsoid(x, y, radius, radius * stream.around(1.15, 0.3), radius, stream.around(0, 0.5))
