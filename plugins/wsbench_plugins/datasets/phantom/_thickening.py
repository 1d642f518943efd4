"""Pleural thickening: an uneven rind of scar along the chest wall or over the apex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._finding import Finding, Region
from ._outline import between, inside, outline_window
from ._pleura import chest_wall, moved_inwards
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class PleuralThickening(Finding):
    """A rind on one lung.

    Attributes:
        side: -1 the patient's right, 1 the left.
        start, end: Where it begins and ends along the chest wall, as `chest_wall` counts.
        thickness: In cm, at its thickest.
        share: Of the lung along a ray through the rind that it replaces.
        waves: (amplitude relative to the thickness, phase) of 1, 2 and 4 waves along it; the amplitude is
            divided by their number.
    """

    name: ClassVar[str] = "pleural thickening"
    side: int
    start: float
    end: float
    thickness: float
    share: float
    waves: tuple[tuple[float, float], ...]

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """From the chest wall to the inner surface."""
        wall = chest_wall(anatomy, self.side, self.start, self.end)
        along = np.linspace(0, 1, len(wall))
        gap = self.thickness * np.sqrt(np.sin(np.pi * along).clip(0))
        for count, (size, phase) in zip((1, 2, 4), self.waves, strict=True):
            gap *= 1 + size / count * np.sin(6.28 * count * along + phase)
        return (between(wall, moved_inwards(wall, anatomy, self.side, gap)),)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Scar in the place of lung."""
        (region,) = self.regions(anatomy)
        window = outline_window(scene.grid, region, 0.5)
        rind = inside(scene.grid, window, region, 0.12)
        scar = self.share * rind * scene.lung[window.index]
        scene.integral[window.index] += (tissue.SOFT - tissue.LUNG) * scar


def draw_thickening(
    stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]
) -> tuple[PleuralThickening, ...]:
    """Along the ribs down to the angle, or over the apex; in a quarter of the patients on both sides."""
    apical = stream.chance(0.35)
    chosen = sides if stream.chance(0.25) else sides[:1]
    return tuple(_rind(stream, side, apical) for side in chosen)


def _rind(stream: Stream, side: int, apical: bool) -> PleuralThickening:
    start = -stream.uniform(0.03, 0.1) if apical else stream.uniform(0.2, 0.6)
    end = stream.uniform(0.15, 0.35) if apical else stream.uniform(0.85, 0.99)
    thickness = stream.uniform(0.9, 1.7) if apical else stream.uniform(0.7, 1.7)
    waves = tuple((stream.uniform(0.1, 0.5), stream.uniform(0, 6.28)) for _ in range(3))
    return PleuralThickening(None, side, start, end, thickness, stream.uniform(0.55, 0.85), waves)
