"""Solitary lumps in the lung: masses wider than 3 cm, and nodules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._finding import Finding, Region
from ._patch import Patch, draw_patch
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Lumps(Finding):
    """Balls with a slightly wavy surface.

    Attributes:
        patches: The outline of each.
        attenuation: Of their tissue, in 1/cm.
    """

    patches: tuple[Patch, ...]
    attenuation: float

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """One box around each."""
        return tuple((patch.outline(anatomy),) for patch in self.patches)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Their tissue in the place of lung; as deep as they are wide."""
        for patch in self.patches:
            window = patch.window(scene.grid, anatomy)
            radius = patch.radius_at(window)
            depth = (patch.a + patch.b) * np.sqrt(np.maximum(1 - radius * radius, 0))
            depth = np.minimum(depth, 0.85 * scene.lung[window.index])
            scene.integral[window.index] += (self.attenuation - tissue.LUNG) * depth


@dataclass(frozen=True, slots=True)
class Mass(Lumps):
    """One lump of 3 to 8 cm."""

    name: ClassVar[str] = "mass"


def draw_mass(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Mass, ...]:
    """Anywhere in one lung."""
    return (Mass(None, (_lump(stream, anatomy, sides[0], stream.uniform(1.7, 3.7)),), tissue.SOFT),)


@dataclass(frozen=True, slots=True)
class Nodule(Lumps):
    """One to three lumps below 3 cm."""

    name: ClassVar[str] = "nodule"


def draw_nodule(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Nodule, ...]:
    """Anywhere; a fifth are calcified."""
    count = stream.choose({1: 0.65, 2: 0.22, 3: 0.13})
    attenuation = stream.uniform(0.3, 0.42) if stream.chance(0.2) else tissue.SOFT
    patches = tuple(
        _lump(stream, anatomy, stream.choose(dict.fromkeys(sides, 1.0)), stream.uniform(0.55, 1.3))
        for _ in range(count)
    )
    return (Nodule(None, patches, attenuation),)


def _lump(stream: Stream, anatomy: Anatomy, side: int, radius: float) -> Patch:
    patch = draw_patch(stream, anatomy, side, (0.12, 0.9), radius)
    # Round as lumps are: the half axes and the waves of a patch vary more.
    return replace(
        patch,
        a=radius * stream.around(1.0, 0.12),
        b=radius * stream.around(1.0, 0.12),
        waves=tuple((0.35 * size, phase) for size, phase in patch.waves),
    )
