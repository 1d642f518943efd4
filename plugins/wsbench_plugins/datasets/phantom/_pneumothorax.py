"""Pneumothorax: air between the lung and the chest wall."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._deposit import branch_depth
from ._diaphragm import move_domes
from ._finding import Finding, Region
from ._frame import Points
from ._outline import along, between, inside, outline_window
from ._pleura import chest_wall, moved_inwards
from ._scene import Scene, add_lungs
from ._streams import Stream

_LINE = 0.22
"""Radius, in cm, of a thread that weighs as much as pleura and folded lung where rays graze them."""
_ROUND = 0.5
"""cm over which the rounded edge of the lung grows to its full depth."""


@dataclass(frozen=True, slots=True)
class Pneumothorax(Finding):
    """A lung that has come off the chest wall, most of all at its apex.

    Attributes:
        side: -1 the patient's right, 1 the left.
        gap: cm between lung and chest wall at the widest.
        base: The gap near its lower end, relative to the widest.
        end: How far down the chest wall it reaches, as `chest_wall` counts.
        pressure: cm by which it lowers the dome; the trachea goes aside by a third.
    """

    name: ClassVar[str] = "pneumothorax"
    side: int
    gap: float
    base: float
    end: float
    pressure: float

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Lower the dome, push the trachea away."""
        down = self.pressure
        anatomy = move_domes(anatomy, down if self.side < 0 else 0.0, down if self.side > 0 else 0.0)
        airway = replace(anatomy.airway, lean=anatomy.airway.lean - self.side * self.pressure / 3)
        return replace(anatomy, airway=airway)

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """From the chest wall to the pleural line."""
        return (between(*self._borders(anatomy)),)

    def _borders(self, anatomy: Anatomy) -> tuple[Points, Points]:
        # The gap starts at the mediastinum, half open, and is widest beside the apex.
        wall = chest_wall(anatomy, self.side, -0.03, self.end)
        way = np.linspace(0, 1, len(wall))
        opening = np.clip(way / 0.4, 0, 1)
        closing = np.clip((way - 0.3) / 0.7, 0, 1)
        profile = 0.5 + 0.5 * opening * opening * (3 - 2 * opening)
        profile *= 1 - (1 - self.base) * closing**0.8
        # At its lower end the lung touches the wall again.
        profile *= np.sqrt(np.clip((1 - way) / 0.1, 0, 1))
        return wall, moved_inwards(wall, anatomy, self.side, self.gap * profile)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Take the lung with all its vessels out of the gap, leave air, and draw the edge of what is left."""
        wall, line = self._borders(anatomy)
        region = between(wall, line)
        window = outline_window(scene.grid, region, 2.5 * _ROUND)
        # At the line the lung is half as deep as it is further in.
        rounded = inside(scene.grid, window, region, _ROUND)
        beyond = np.maximum(inside(scene.grid, window, region, 0.04), rounded)
        lungs = scene.grid.empty()
        add_lungs(scene.grid, anatomy, lungs, scene.lung)
        lung = scene.lung[window.index]
        air = (tissue.AIR - tissue.SOFT) * lung
        scene.integral[window.index] += beyond * (air - lungs[window.index])
        pleura = branch_depth(scene.grid, window, [along(line, _LINE)]) * np.minimum(lung / 4, 1)
        scene.integral[window.index] += (tissue.SOFT - tissue.LUNG) * pleura
        # Whatever else ails this lung has no place there any more.
        scene.lung[window.index] = lung * (1 - beyond)


def draw_pneumothorax(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Pneumothorax, ...]:
    """Draw a pneumothorax, from an apical crescent to a half collapsed lung."""
    large = stream.chance(0.5)
    gap = stream.uniform(2.5, 5.5) if large else stream.uniform(1.2, 2.5)
    pressure = stream.uniform(0.3, 1.8) if large else stream.uniform(0.0, 0.4)
    end = stream.uniform(0.7, 0.95) if large else stream.uniform(0.35, 0.75)
    return (Pneumothorax(None, sides[0], gap, stream.uniform(0.2, 0.7), end, pressure),)
