"""Disease of the lung's framework: a net of threads in a thin veil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._deposit import Branches, branch_depth
from ._diaphragm import move_domes
from ._fibrosis import draw_fibrosis
from ._finding import Finding, Region
from ._nodules import replace_lung
from ._opacities import Opacity
from ._patch import Patch, draw_patch
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Reticulation(Finding):
    """One veil or several, each with its net.

    Attributes:
        veils: Where, and how dense between the threads.
        crowd: Threads per cm2.
        length, radius: Of the longest and of the thickest thread, in cm.
    """

    veils: tuple[Opacity, ...]
    crowd: float
    length: float
    radius: float

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """One box around each veil."""
        return tuple((veil.patch.outline(anatomy),) for veil in self.veils)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Veil after veil, each with its net."""
        for veil in self.veils:
            veil.add(scene, anatomy, stream)
            window = veil.patch.window(scene.grid, anatomy)
            depth = branch_depth(scene.grid, window, [self._net(veil.patch, stream)])
            depth *= np.clip((1 - veil.patch.radius_at(window)) / 0.3, 0, 1)
            replace_lung(scene, window, depth, tissue.SOFT)

    def _net(self, patch: Patch, stream: Stream) -> Branches:
        count = max(8, round(self.crowd * np.pi * patch.a * patch.b))
        middle = patch.points(stream, count, reach=0.95)
        turn = np.pi * stream.uniforms(count)
        half = 0.5 * self.length * stream.uniforms(count, low=0.4, high=1.0)
        step = np.stack([np.cos(turn), np.sin(turn)], axis=1) * half[:, None]
        bend = 0.4 * half * stream.uniforms(count, low=-1.0, high=1.0)
        radius = self.radius * stream.uniforms(count, low=0.5, high=1.0)
        return Branches(
            (middle - step).astype(np.float32),
            (middle + step).astype(np.float32),
            bend.astype(np.float32),
            radius,
        )


@dataclass(frozen=True, slots=True)
class Infiltration(Reticulation):
    """An ill-defined haze with streaks."""

    name: ClassVar[str] = "infiltration"


def draw_infiltration(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Infiltration, ...]:
    """Anywhere in one lung, in a third of the patients in both."""
    chosen = sides if stream.chance(0.35) else sides[:1]
    veils = tuple(
        Opacity(
            None,
            draw_patch(stream, anatomy, side, (0.3, 0.95), stream.around(4.5, 1.7)),
            depth=stream.uniform(2.0, 3.8),
            patchiness=stream.uniform(0.6, 1.0),
            edge=stream.uniform(0.6, 0.9),
        )
        for side in chosen
    )
    return (Infiltration(None, veils, stream.uniform(0.8, 1.6), 2.4, stream.uniform(0.1, 0.17)),)


@dataclass(frozen=True, slots=True)
class BasalFibrosis(Reticulation):
    """A fine, dense net at the bases of shrunken lungs.

    Attributes:
        shrinkage: cm by which the domes are drawn up.
    """

    name: ClassVar[str] = "fibrosis"
    shrinkage: float

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Raise both domes."""
        return move_domes(anatomy, -self.shrinkage, -self.shrinkage)


def draw_fibroses(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Finding, ...]:
    """Draw fibrosis of both bases, or streaks in one apex."""
    if stream.chance(0.35):
        return (draw_fibrosis(stream, anatomy, sides[0], "obsolete"),)
    veils = tuple(
        Opacity(
            None,
            draw_patch(stream, anatomy, side, (0.78, 1.0), stream.around(4.4, 1.2)),
            depth=stream.uniform(1.2, 2.4),
            patchiness=stream.uniform(0.5, 0.9),
            edge=stream.uniform(0.5, 0.8),
        )
        for side in sides
    )
    radius, crowd = stream.uniform(0.15, 0.21), stream.uniform(4.0, 7.0)
    return (BasalFibrosis(None, veils, crowd, 1.3, radius, shrinkage=stream.uniform(0.5, 1.8)),)
