"""An irregular patch of lung: the outline from which most opacities are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._anatomy import Anatomy
from ._frame import Array, Grid, Points, Window
from ._lungs import Lung
from ._streams import Stream
from ._thorax import Thorax

_CORNERS = 96


@dataclass(frozen=True, slots=True)
class Patch:
    """An oval with a wavy outline, in cm.

    Attributes:
        side: Of the lung that holds it: -1 the patient's right, 1 the left.
        x, y: Its centre.
        a, b: Its half axes along x and y, before the waves.
        waves: (amplitude relative to the radius, phase) of 2, 3, 4 and 5 waves around the outline.
    """

    side: int
    x: float
    y: float
    a: float
    b: float
    waves: tuple[tuple[float, float], ...]

    def _stretch(self, angle: Array) -> Array:
        waves = (
            size * np.cos(count * angle + phase) for count, (size, phase) in enumerate(self.waves, start=2)
        )
        stretch: Array = 1 + sum(waves)
        return stretch

    def outline(self, anatomy: Anatomy) -> Points:
        """Corners of the part within the lung, (corners, 2)."""
        angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        radius = self._stretch(angle)
        x, y = self.x + self.a * radius * np.cos(angle), self.y + self.b * radius * np.sin(angle)
        held = within_lung(np.stack([x, y], axis=1), anatomy.thorax, anatomy.lungs[self.side > 0])
        # Where a whole row of the patch lies outside the lung, its corners would run along the lung's edge.
        return held[self._radius(held[:, 0], held[:, 1]) < 1.001]

    def window(self, grid: Grid, anatomy: Anatomy) -> Window:
        """The part of the grid that holds the outline."""
        outline = self.outline(anatomy)
        left, top = (float(low) for low in outline.min(axis=0))
        right, bottom = (float(high) for high in outline.max(axis=0))
        return grid.window(left, right, top, bottom)

    def radius_at(self, window: Window) -> Array:
        """Distance from the centre, 0 there and 1 on the outline; (rows, columns)."""
        return self._radius(window.x, window.y)

    def _radius(self, x: Array, y: Array) -> Array:
        right, down = (x - self.x) / self.a, (y - self.y) / self.b
        radius: Array = np.hypot(right, down) / self._stretch(np.arctan2(down, right))
        return radius

    def points(self, stream: Stream, count: int, reach: float = 0.85) -> Points:
        """``count`` random places, evenly spread over the inner ``reach`` of the radius."""
        angle = 2 * np.pi * stream.uniforms(count)
        radius = reach * np.sqrt(stream.uniforms(count)) * self._stretch(angle)
        return np.stack(
            [self.x + self.a * radius * np.cos(angle), self.y + self.b * radius * np.sin(angle)], axis=1
        )


def within_lung(points: Points, thorax: Thorax, lung: Lung) -> Points:
    """Points moved along their row or column into the part of the lung that is seen."""
    y = np.maximum(points[:, 1], lung.top + 0.3)
    _, lateral = lung.edges(y, thorax)
    middle = thorax.midline(y)
    distance = np.clip((points[:, 0] - middle) * lung.side, 2.2, np.maximum(lateral - 0.15, 2.3))
    y = np.minimum(y, lung.dome_at(distance, thorax) + 0.6)
    return np.stack([middle + lung.side * distance, y], axis=1).astype(np.float32)


def in_lung(points: Points, thorax: Thorax, lung: Lung) -> NDArray[np.bool_]:
    """``(count,)`` bool: whether each point lies in the visible part of the lung."""
    moved: Points = np.abs(within_lung(points, thorax, lung) - points)
    in_lung: NDArray[np.bool_] = moved.max(axis=1) < 1e-3
    return in_lung


def draw_patch(stream: Stream, anatomy: Anatomy, side: int, zone: tuple[float, float], half: float) -> Patch:
    """A patch of about ``half`` cm half width whose centre lies at these shares of the lung's height."""
    thorax = anatomy.thorax
    lung = anatomy.lungs[side > 0]
    b = half * stream.around(1.05, 0.4)
    y = lung.top + (lung.dome - lung.top) * stream.around((zone[0] + zone[1]) / 2, (zone[1] - zone[0]) / 2)
    y = max(y, lung.top + 0.75 * b)
    lateral = float(lung.edges(y, thorax)[1])
    a = min(half * stream.around(1.05, 0.35), 0.55 * (lateral - 1.8))
    distance = stream.uniform(2.4 + 0.7 * a, max(lateral - 0.7 * a, 2.5 + 0.7 * a))
    waves = tuple(
        (stream.uniform(0.02, 0.2) / (1 + 0.3 * count), stream.uniform(0, 6.28)) for count in range(4)
    )
    return Patch(side, float(thorax.midline(y)) + side * distance, y, a, b, waves)
