"""Lengths of parallel rays, running along z, inside simple solids. All lengths in cm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ._frame import Array, Grid, Points, Window


def half_circle(square: Array) -> Array:
    """sqrt(1 - square), 0 where square > 1: the profile of every ellipsoid."""
    return np.sqrt(np.maximum(1 - square, 0))


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid whose third axis lies along the rays.

    Attributes:
        x, y: Centre.
        a, b: Half axes in the image plane, a along x before turning.
        c: Half axis along the rays.
        turn: Radians, clockwise in the image.
    """

    x: float
    y: float
    a: float
    b: float
    c: float
    turn: float = 0.0

    def window(self, grid: Grid) -> Window:
        """The part of the grid that the ellipsoid can touch."""
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        across = math.hypot(self.a * cosine, self.b * sine)
        along = math.hypot(self.a * sine, self.b * cosine)
        return grid.window(self.x - across, self.x + across, self.y - along, self.y + along)

    def chord(self, x: Array, y: Array) -> Array:
        """Length of the ray through (x, y) inside the ellipsoid."""
        return 2 * self.c * half_circle(self.square(x, y))

    def square(self, x: Array, y: Array) -> Array:
        """Squared distance from the centre, 1 on the outline."""
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        right, down = x - self.x, y - self.y
        u = (cosine * right + sine * down) / self.a
        v = (cosine * down - sine * right) / self.b
        return u * u + v * v

    def shrunk(self, shell: float) -> Ellipsoid:
        """The same solid with all half axes shorter by ``shell`` cm."""
        return Ellipsoid(self.x, self.y, self.a - shell, self.b - shell, self.c - shell, self.turn)

    def outline(self) -> Points:
        """(96, 2) corners of the shadow."""
        angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        right, down = self.a * np.cos(angle), self.b * np.sin(angle)
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        x, y = self.x + cosine * right - sine * down, self.y + sine * right + cosine * down
        return np.stack([x, y], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Limb:
    """A tapering round limb that lies in the image plane, from (x0, y0) to (x1, y1)."""

    x0: float
    y0: float
    x1: float
    y1: float
    radius0: float
    radius1: float

    def window(self, grid: Grid) -> Window:
        """The part of the grid that the limb can touch."""
        reach = max(self.radius0, self.radius1)
        return grid.window(
            min(self.x0, self.x1) - reach,
            max(self.x0, self.x1) + reach,
            min(self.y0, self.y1) - reach,
            max(self.y0, self.y1) + reach,
        )

    def chord(self, x: Array, y: Array) -> Array:
        """Length of the ray through (x, y) inside the limb; the near end is round."""
        right, down = self.x1 - self.x0, self.y1 - self.y0
        square = right * right + down * down
        from_x, from_y = x - self.x0, y - self.y0
        along = np.clip((from_x * right + from_y * down) / square, 0, 1)
        radius = self.radius0 + (self.radius1 - self.radius0) * along
        off_x, off_y = from_x - along * right, from_y - along * down
        return 2 * np.sqrt(np.maximum(radius * radius - off_x * off_x - off_y * off_y, 0))


def soft_union(first: Array, second: Array) -> Array:
    """Thickness of two bodies grown together: the larger one, with a smooth bridge where they are alike."""
    first, second = first * first, second * second
    return np.sqrt(np.sqrt(first * first + second * second))
