"""Healed tuberculosis: streaks of scar that shrink the upper zone and pull its neighbours up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._deposit import Branches, branch_depth
from ._finding import Activity
from ._nodules import replace_lung
from ._opacities import Opacity, fill_lung, filled_depth
from ._patch import draw_patch
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Fibrosis(Opacity):
    """Streaks that fan out from the hilum to the apex, in a thin veil of scar.

    Attributes:
        streaks: How many.
        radius: Of the thickest streak, in cm.
        pull: cm by which the hilum is drawn up; the trachea follows by a third, the apex sinks by a quarter.
    """

    name: ClassVar[str] = "fibrosis"
    streaks: int
    radius: float
    pull: float

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Raise the hilum, lower the apex, draw the trachea to this side."""
        left = self.patch.side > 0
        hila, lungs = list(anatomy.hila), list(anatomy.lungs)
        hila[left] = replace(hila[left], y=hila[left].y - self.pull)
        lungs[left] = replace(lungs[left], top=lungs[left].top + self.pull / 4)
        airway = replace(anatomy.airway, lean=anatomy.airway.lean + self.patch.side * self.pull / 3)
        return replace(anatomy, hila=(hila[0], hila[1]), lungs=(lungs[0], lungs[1]), airway=airway)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """The veil, then the streaks."""
        window = self.patch.window(scene.grid, anatomy)
        fill_lung(scene, window, filled_depth(self, window, stream))
        depth = branch_depth(scene.grid, window, [self._fan(anatomy, stream)])
        depth *= np.clip((1 - self.patch.radius_at(window)) / 0.15, 0, 1)
        replace_lung(scene, window, depth, tissue.SOFT)

    def _fan(self, anatomy: Anatomy, stream: Stream) -> Branches:
        hilum = anatomy.hila[self.patch.side > 0]
        end = self.patch.points(stream, self.streaks, reach=1.0)
        root = np.array([float(anatomy.thorax.midline(hilum.y)) + hilum.x, hilum.y], np.float32)
        start = end + (root - end) * stream.uniforms(self.streaks, 1, low=0.25, high=0.7)
        start += stream.uniforms(self.streaks, 2, low=-1.2, high=1.2)
        bend = stream.uniforms(self.streaks, low=-0.7, high=0.7)
        radius = self.radius * stream.uniforms(self.streaks, low=0.35, high=1.0)
        return Branches(start.astype(np.float32), end.astype(np.float32), bend, radius)


def draw_fibrosis(stream: Stream, anatomy: Anatomy, side: int, activity: Activity) -> Fibrosis:
    """Draw fibrosis of an apex."""
    patch = draw_patch(stream, anatomy, side, (0.08, 0.36), stream.around(4.8, 1.8))
    return Fibrosis(
        activity,
        patch,
        depth=stream.uniform(1.2, 3.2),
        patchiness=stream.uniform(0.6, 1.0),
        edge=stream.uniform(0.3, 0.7),
        streaks=stream.integer(18, 45),
        radius=stream.uniform(0.18, 0.34),
        pull=stream.uniform(0.6, 2.4),
    )
