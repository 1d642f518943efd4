"""Pulmonary edema: fluid that fills the lungs from the hila outwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._deposit import Branches, branch_depth
from ._finding import Finding, Region
from ._frame import Points
from ._nodules import replace_lung
from ._opacities import Opacity
from ._outline import between, outline_window
from ._patch import Patch
from ._scene import Scene
from ._streams import Stream

_BAND = 2.2
"""Width, in cm, of the strip along the ribs that holds Kerley's lines."""


@dataclass(frozen=True, slots=True)
class Edema(Finding):
    """Wings of haze around the hila, wide vessels, septal lines at the bases.

    Attributes:
        wings: One per lung.
        congestion: Growth of the vessels' radius.
        lines: Kerley's B lines in each lung.
    """

    name: ClassVar[str] = "edema"
    wings: tuple[Opacity, ...]
    congestion: float
    lines: int

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Widen the vessels; more of them come into sight."""
        right, left = (
            replace(
                hilum,
                radius=hilum.radius * self.congestion,
                crowding=hilum.crowding * self.congestion,
            )
            for hilum in anatomy.hila
        )
        return replace(anatomy, hila=(right, left))

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """The wing and the strip of each lung, together."""
        return tuple(
            (wing.patch.outline(anatomy), *between(*_strip(anatomy, wing.patch.side))) for wing in self.wings
        )

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """The wings, then the lines."""
        for wing in self.wings:
            wing.add(scene, anatomy, stream)
            outer, inner = _strip(anatomy, wing.patch.side)
            window = outline_window(scene.grid, (outer, inner), 0.0)
            depth = branch_depth(scene.grid, window, [self._septa(outer, inner, stream)])
            replace_lung(scene, window, 3 * depth, tissue.SOFT)

    def _septa(self, outer: Points, inner: Points, stream: Stream) -> Branches:
        """Short lines from the pleura inwards. A septum is a sheet on edge, of thrice a thread's depth."""
        chosen = (stream.uniforms(self.lines) * len(outer)).astype(int)
        start = outer[chosen]
        end = start + (inner[chosen] - start) * stream.uniforms(self.lines, 1, low=0.4, high=0.95)
        return Branches(
            start,
            end.astype(np.float32),
            np.zeros(self.lines, np.float32),
            np.full(self.lines, 0.075, np.float32),
        )


def _strip(anatomy: Anatomy, side: int) -> tuple[Points, Points]:
    """Outer and inner border, (40, 2) each, of the strip along the lower ribs."""
    thorax, lung = anatomy.thorax, anatomy.lungs[side > 0]
    y = np.linspace(lung.top + 0.62 * (lung.dome - lung.top), lung.dome + 0.5 * lung.fall_lateral, 40)
    lateral, middle = lung.edges(y, thorax)[1] - 0.3, thorax.midline(y)
    outer = np.stack([middle + side * lateral, y], axis=1)
    inner = np.stack([middle + side * (lateral - _BAND), y - 0.3], axis=1)
    return outer.astype(np.float32), inner.astype(np.float32)


def draw_edema(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Edema, ...]:
    """Draw edema of both lungs, which are nearly alike."""
    depth, size = stream.uniform(3.2, 6.8), stream.uniform(0.9, 1.15)
    wings = tuple(_wing(stream, anatomy, side, depth, size) for side in (-1, 1))
    return (Edema(None, wings, stream.uniform(1.15, 1.4), stream.integer(8, 22)),)


def _wing(stream: Stream, anatomy: Anatomy, side: int, depth: float, size: float) -> Opacity:
    hilum, height = anatomy.hila[side > 0], anatomy.thorax.height
    middle = float(anatomy.thorax.midline(hilum.y))
    waves = tuple((stream.uniform(0.02, 0.09), stream.uniform(0, 6.28)) for _ in range(4))
    patch = Patch(
        side,
        middle + hilum.x + side * 0.1 * anatomy.thorax.width,
        hilum.y + height * stream.around(0.12, 0.05),
        a=0.42 * anatomy.thorax.width * size,
        b=0.36 * height * size,
        waves=waves,
    )
    return Opacity(
        None, patch, depth * stream.around(1.0, 0.15), stream.uniform(0.3, 0.6), stream.uniform(0.6, 0.9)
    )
