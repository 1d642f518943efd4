"""Pleural effusion: fluid that sinks to the base and climbs the chest wall in a meniscus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._finding import Activity, Finding, Region
from ._frame import Array
from ._lungs import lung_window
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Effusion(Finding):
    """Fluid at the base of one lung.

    Attributes:
        side: -1 the patient's right, 1 the left.
        rise: cm by which the fluid stands above the lateral edge of the diaphragm, at the chest wall.
        fall: cm by which its surface falls from the wall to the midline.
    """

    name: ClassVar[str] = "effusion"
    side: int
    rise: float
    fall: float

    def surface(self, anatomy: Anatomy, distance: Array) -> Array:
        """Height of the meniscus at each distance from the midline."""
        thorax, lung = anatomy.thorax, anatomy.lungs[self.side > 0]
        inwards = np.clip(1 - distance / thorax.width, 0, 1)
        top = lung.dome + lung.fall_lateral - self.rise
        surface: Array = top + self.fall * (1 - (1 - inwards) ** 3)
        return surface

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """From the meniscus down to the diaphragm, where the fluid stands above it."""
        thorax, lung = anatomy.thorax, anatomy.lungs[self.side > 0]
        distance = np.linspace(2.3, thorax.width, 60)
        over, under = self.surface(anatomy, distance), lung.dome_at(distance, thorax) + 0.8
        # Neither end of the crescent is outlined where it is thinner than 3 mm.
        seen = (under > over + 0.3) & (distance < lung.edges(over, thorax)[1])
        across = np.concatenate([distance[seen], distance[seen][::-1]])
        down = np.concatenate([over[seen], under[seen][::-1]])
        corners = np.stack([thorax.midline(down) + self.side * across, down], axis=1)
        return ((corners.astype(np.float32),),)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Fill the lung below the surface, over 1.5 cm: the fluid is a wedge, thin at its upper edge."""
        thorax, lung = anatomy.thorax, anatomy.lungs[self.side > 0]
        window = lung_window(scene.grid, thorax, lung)
        distance = (window.x - thorax.midline(window.y)) * self.side
        below = np.clip((window.y - self.surface(anatomy, distance)) / 1.5, 0, 1)
        below *= np.clip(distance - 2, 0, 1)
        below *= np.clip(lung.dome_at(distance, thorax) + 1.2 - window.y, 0, 1)
        depth = 0.52 * scene.lung[window.index] * np.sqrt(below)
        scene.integral[window.index] += (tissue.SOFT - tissue.LUNG) * depth


def draw_effusion(stream: Stream, anatomy: Anatomy, side: int, activity: Activity | None = None) -> Effusion:
    """Draw an effusion, from a blunted angle to half of the lung."""
    rise = stream.uniform(4.2, 7.0) if stream.chance(0.6) else stream.uniform(7.0, 12.0)
    return Effusion(activity, side, rise, stream.uniform(2.0, 4.5))
