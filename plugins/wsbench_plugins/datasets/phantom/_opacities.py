"""Airspace filled with fluid or cells: tuberculous consolidation above, pneumonia below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._finding import Activity, Finding, Region
from ._frame import Array, Window
from ._patch import Patch, draw_patch
from ._scene import Scene
from ._streams import Stream
from ._texture import cloud


@dataclass(frozen=True, slots=True)
class Opacity(Finding):
    """A patch of lung that holds fluid instead of air.

    Attributes:
        patch: Where it lies.
        depth: cm of lung that is filled along a ray through the densest part.
        patchiness: 0 for an even veil, 1 for scattered foci.
        edge: Share of the radius over which it fades out.
    """

    patch: Patch
    depth: float
    patchiness: float
    edge: float

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """One box around the patch."""
        return ((self.patch.outline(anatomy),),)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Fill the lung, unevenly."""
        window = self.patch.window(scene.grid, anatomy)
        fill_lung(scene, window, filled_depth(self, window, stream))


def filled_depth(opacity: Opacity, window: Window, stream: Stream) -> Array:
    """cm of filled lung at each pixel of the window."""
    fade = np.clip((1 - opacity.patch.radius_at(window)) / opacity.edge, 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    filled: Array = opacity.depth * fade * (1 + opacity.patchiness * (foci(stream, fade.shape) - 1))
    return filled


def foci(stream: Stream, shape: tuple[int, int]) -> Array:
    """Blotches from 0 to 1.5 of mean about 0.5, (rows, columns)."""
    blotches: Array = np.clip(0.5 + 0.75 * cloud(stream, shape, 5, 0.6), 0, 1.5)
    return blotches


def fill_lung(scene: Scene, window: Window, depth: Array) -> None:
    """Replace up to ``depth`` cm of lung along each ray by soft tissue, never all of it."""
    lung = scene.lung[window.index]
    depth = np.minimum(depth * np.minimum(lung / 7, 1), 0.7 * lung)
    scene.integral[window.index] += (tissue.SOFT - tissue.LUNG) * depth


@dataclass(frozen=True, slots=True)
class Consolidation(Opacity):
    """Patchy upper-zone consolidation, the commonest picture of active tuberculosis."""

    name: ClassVar[str] = "consolidation"


def draw_consolidation(stream: Stream, anatomy: Anatomy, side: int, activity: Activity) -> Consolidation:
    """Draw a consolidation in the apical and posterior segments."""
    patch = draw_patch(stream, anatomy, side, (0.06, 0.46), stream.around(4.7, 3.1))
    return Consolidation(
        activity, patch, 2.6 * 2.6 ** stream.uniform(), stream.uniform(0.45, 1.0), stream.uniform(0.35, 0.8)
    )


@dataclass(frozen=True, slots=True)
class Pneumonia(Opacity):
    """Lower-zone consolidation, not tuberculous."""

    name: ClassVar[str] = "pneumonia"


def draw_pneumonia(stream: Stream, anatomy: Anatomy, side: int) -> Pneumonia:
    """Draw pneumonia in the middle lobe, lingula or lower lobes."""
    patch = draw_patch(stream, anatomy, side, (0.66, 0.94), stream.around(4.2, 1.8))
    return Pneumonia(
        None, patch, 2.6 * 2.6 ** stream.uniform(), stream.uniform(0.2, 0.9), stream.uniform(0.35, 0.8)
    )
