"""Atelectasis: lung without air, as plates across a base or as a collapsed lobe; the rest moves up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._deposit import Branches, branch_depth
from ._diaphragm import move_domes
from ._finding import Finding, Region
from ._frame import Array
from ._nodules import replace_lung
from ._opacities import Opacity
from ._outline import inside, outline_window
from ._patch import draw_patch, within_lung
from ._scene import Scene
from ._streams import Stream
from ._texture import cloud


def _raised(anatomy: Anatomy, side: int, rise: float) -> Anatomy:
    return move_domes(anatomy, -rise if side < 0 else 0.0, -rise if side > 0 else 0.0)


@dataclass(frozen=True, slots=True)
class Plates(Opacity):
    """Thin plates seen on edge, in a faint veil.

    Attributes:
        plates: How many.
        radius: Half the thickness of the thickest, in cm.
        rise: cm by which the dome below stands higher.
    """

    name: ClassVar[str] = "atelectasis"
    plates: int
    radius: float
    rise: float

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Raise the dome of this side."""
        return _raised(anatomy, self.patch.side, self.rise)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """The veil, then the plates: each is a sheet, four times as deep as a thread of its thickness."""
        Opacity.add(self, scene, anatomy, stream)
        window = self.patch.window(scene.grid, anatomy)
        depth = branch_depth(scene.grid, window, [self._edges(stream)])
        depth *= np.clip((1 - self.patch.radius_at(window)) / 0.15, 0, 1)
        replace_lung(scene, window, 4 * depth, tissue.SOFT)

    def _edges(self, stream: Stream) -> Branches:
        patch, count = self.patch, self.plates
        down = (np.arange(count) + stream.uniforms(count, low=0.25, high=0.75)) / count * 1.4 - 0.7
        half = 0.9 * patch.a * np.sqrt(1 - down**2)
        slope = stream.uniforms(count, low=-0.3, high=0.3) * patch.b
        middle = np.stack([np.full(count, patch.x), patch.y + down * patch.b], axis=1)
        step = np.stack([half, slope], axis=1)
        return Branches(
            (middle - step).astype(np.float32),
            (middle + step).astype(np.float32),
            stream.uniforms(count, low=-0.3, high=0.3),
            self.radius * stream.uniforms(count, low=0.6, high=1.0),
        )


@dataclass(frozen=True, slots=True)
class Collapse(Finding):
    """A lower lobe folded against the spine, with a straight edge from the hilum to the diaphragm.

    Attributes:
        side: -1 the patient's right, 1 the left.
        spread: cm from the spine to that edge on the diaphragm.
        share: Of the lung along a ray that has no air.
        rise: cm by which the dome stands higher; the hilum sinks by half as much.
    """

    name: ClassVar[str] = "atelectasis"
    side: int
    spread: float
    share: float
    rise: float

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Raise the dome, lower the hilum, draw the trachea to this side."""
        anatomy = _raised(anatomy, self.side, self.rise)
        hila = list(anatomy.hila)
        hila[self.side > 0] = replace(hila[self.side > 0], y=hila[self.side > 0].y + self.rise / 2)
        airway = replace(anatomy.airway, lean=anatomy.airway.lean + self.side * self.rise / 4)
        return replace(anatomy, hila=(hila[0], hila[1]), airway=airway)

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """A triangle: the hilum, the spine and the edge on the diaphragm."""
        thorax, lung, hilum = (
            anatomy.thorax,
            anatomy.lungs[self.side > 0],
            anatomy.hila[self.side > 0],
        )
        rows = np.linspace(hilum.y - 0.5, lung.dome + 1.0, 40)
        fallen = (rows - rows[0]) / (rows[-1] - rows[0])
        far = abs(hilum.x) + (2.2 + self.spread - abs(hilum.x)) * fallen
        near = np.full(40, 2.2)
        across = np.concatenate([near, far[::-1]])
        down = np.concatenate([rows, rows[::-1]])
        corners = np.stack([thorax.midline(down) + self.side * across, down], axis=1)
        return ((within_lung(corners, thorax, lung),),)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Take the air out of the lobe."""
        (region,) = self.regions(anatomy)
        window = outline_window(scene.grid, region, 0.6)
        lobe = inside(scene.grid, window, region, 0.3)
        airless: Array = self.share * lobe * (1 + 0.12 * cloud(stream, lobe.shape, 5, 0.6))
        scene.integral[window.index] += (tissue.SOFT - tissue.LUNG) * airless * scene.lung[window.index]


def draw_atelectasis(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Finding, ...]:
    """Plates in one base or two, or a collapsed lower lobe."""
    if stream.chance(0.4):
        rise = stream.uniform(1.0, 2.4)
        return (Collapse(None, sides[0], stream.uniform(3.2, 5.6), stream.uniform(0.4, 0.62), rise),)
    return tuple(
        _draw_plates(stream, anatomy, side) for side in (sides if stream.chance(0.25) else sides[:1])
    )


def _draw_plates(stream: Stream, anatomy: Anatomy, side: int) -> Plates:
    patch = draw_patch(stream, anatomy, side, (0.74, 0.97), stream.around(4.2, 1.0))
    # Beside the heart, where they are seen.
    x = float(anatomy.thorax.midline(patch.y)) + side * anatomy.thorax.width * stream.uniform(0.48, 0.68)
    patch = replace(patch, x=x, b=patch.a * stream.uniform(0.4, 0.65), waves=patch.waves[:2])
    return Plates(
        None,
        patch,
        depth=stream.uniform(0.8, 2.4),
        patchiness=stream.uniform(0.3, 0.7),
        edge=stream.uniform(0.5, 0.8),
        plates=stream.integer(1, 4),
        radius=stream.uniform(0.18, 0.3),
        rise=stream.uniform(0.4, 1.5),
    )
