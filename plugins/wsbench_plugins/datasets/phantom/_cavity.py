"""A tuberculous cavity: a thick-walled ring with a lucent centre in a patch of consolidation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._finding import Activity
from ._frame import Array, Window
from ._opacities import Opacity, filled_depth, foci
from ._patch import Patch, draw_patch
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Cavity(Opacity):
    """Consolidation around a ring.

    Attributes:
        ring: Outer outline of the wall.
        hole: Its inner outline, a little off its centre.
    """

    name: ClassVar[str] = "cavity"
    ring: Patch
    hole: Patch

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Consolidation everywhere, then an uneven shell of soft tissue, and air instead of lung in it."""
        window = self.patch.window(scene.grid, anatomy)
        lung = scene.lung[window.index]
        aerated = np.minimum(lung / (2 * self.ring.a), 1)
        outer, inner = _ball(self.ring, window) * aerated, _ball(self.hole, window) * aerated
        around = np.minimum(filled_depth(self, window, stream), np.maximum(lung - outer, 0))
        around *= 1 - 0.7 * np.minimum(inner / np.maximum(outer, 0.1), 1)
        wall = np.maximum(outer - inner, 0) * (0.7 + 0.6 * foci(stream, lung.shape))
        change = (tissue.SOFT - tissue.LUNG) * (around + wall)
        scene.integral[window.index] += change - (tissue.LUNG - tissue.AIR) * inner


def _ball(patch: Patch, window: Window) -> Array:
    """Length of each ray in a ball with this outline, (rows, columns) cm."""
    radius = patch.radius_at(window)
    return 2 * patch.a * np.sqrt(np.maximum(1 - radius * radius, 0))


def draw_cavity(stream: Stream, anatomy: Anatomy, side: int, activity: Activity) -> Cavity:
    """One ring of 1.3 to 3 cm radius somewhere within an upper-zone patch."""
    patch = draw_patch(stream, anatomy, side, (0.06, 0.42), stream.around(4.4, 1.9))
    radius = min(stream.uniform(1.3, 3.0), 0.65 * patch.a, 0.65 * patch.b)
    x, y = patch.x + stream.around(0, 0.25) * patch.a, patch.y + stream.around(0, 0.25) * patch.b
    ring = _circle(stream, side, x, y, radius)
    off = 0.16 * radius
    hole = _circle(
        stream, side, x + stream.around(0, off), y + stream.around(0, off), radius * stream.uniform(0.55, 0.8)
    )
    return Cavity(
        activity,
        patch,
        depth=1.5 * 2.6 ** stream.uniform(),
        patchiness=stream.uniform(0.5, 1.0),
        edge=stream.uniform(0.4, 0.8),
        ring=ring,
        hole=hole,
    )


def _circle(stream: Stream, side: int, x: float, y: float, radius: float) -> Patch:
    """A circle drawn by an unsteady hand."""
    waves = tuple((stream.uniform(0.0, 0.1) / (1 + count), stream.uniform(0, 6.28)) for count in range(4))
    return Patch(side, x, y, radius, radius * stream.around(1.0, 0.25), waves)
