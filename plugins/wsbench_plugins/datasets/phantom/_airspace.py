"""Airspace disease that is not tuberculous: a consolidated lobe with the bronchi left open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._deposit import Branches, branch_depth
from ._opacities import Opacity, Pneumonia, draw_pneumonia, fill_lung, filled_depth
from ._patch import draw_patch
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class LobarConsolidation(Opacity):
    """Dense and nearly even, crossed by bronchi that still hold air.

    Attributes:
        bronchi: How many of them are seen.
        radius: Of the widest, in cm.
    """

    name: ClassVar[str] = "consolidation"
    bronchi: int
    radius: float

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Fill the lung, but for the bronchi."""
        window = self.patch.window(scene.grid, anatomy)
        depth = filled_depth(self, window, stream)
        fill_lung(scene, window, depth)
        air = branch_depth(scene.grid, window, [self._tree(anatomy, stream)])
        air = np.minimum(air, 0.5 * depth) * np.minimum(scene.lung[window.index] / 7, 1)
        scene.integral[window.index] -= (tissue.SOFT - tissue.AIR) * air

    def _tree(self, anatomy: Anatomy, stream: Stream) -> Branches:
        """From the side of the hilum outwards."""
        hilum = anatomy.hila[self.patch.side > 0]
        root = np.array([float(anatomy.thorax.midline(hilum.y)) + hilum.x, hilum.y], np.float32)
        end = self.patch.points(stream, self.bronchi, reach=0.8)
        start = end + (root - end) * stream.uniforms(self.bronchi, 1, low=0.3, high=0.6)
        bend = stream.uniforms(self.bronchi, low=-0.3, high=0.3)
        radius = self.radius * stream.uniforms(self.bronchi, low=0.5, high=1.0)
        return Branches(start.astype(np.float32), end.astype(np.float32), bend, radius)


def draw_lobar(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[LobarConsolidation, ...]:
    """Draw a consolidation in any lobe."""
    patch = draw_patch(stream, anatomy, sides[0], (0.15, 0.9), stream.around(4.6, 1.5))
    return (
        LobarConsolidation(
            None,
            patch,
            depth=stream.uniform(5.0, 9.0),
            patchiness=stream.uniform(0.1, 0.35),
            edge=stream.uniform(0.3, 0.6),
            bronchi=stream.integer(4, 10),
            radius=stream.uniform(0.16, 0.26),
        ),
    )


def draw_pneumonias(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Pneumonia, ...]:
    """Draw pneumonia in the lower zone of one lung, sometimes of both."""
    chosen = sides if stream.chance(0.2) else sides[:1]
    return tuple(draw_pneumonia(stream, anatomy, side) for side in chosen)
