"""Nodules: clusters of soft ones, calcified remains of old ones, countless tiny ones in miliary spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._deposit import deposit, soften
from ._finding import Activity, Finding, Region
from ._frame import Array, Points, Window
from ._patch import Patch, draw_patch, in_lung, within_lung
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Nodules(Finding):
    """A cluster of round nodules within a patch.

    Attributes:
        patch: Where they lie.
        count: How many.
        radius: Of the largest, in cm; the smallest have a third of it.
        attenuation: Of their tissue, in 1/cm.
    """

    patch: Patch
    count: int
    radius: float
    attenuation: float

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """One box around the cluster."""
        return ((self.patch.outline(anatomy),),)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Spheres with slightly soft edges, where there is lung to hold them."""
        window = self.patch.window(scene.grid, anatomy)
        lung = anatomy.lungs[self.patch.side > 0]
        places = self.patch.points(stream, self.count)
        radii = self.radius * stream.uniforms(self.count, low=0.35, high=1.0)
        held = in_lung(places, anatomy.thorax, lung)
        depth = spheres(scene, window, places[held], radii[held])
        replace_lung(scene, window, depth, self.attenuation)


def spheres(scene: Scene, window: Window, places: Points, radii: Array) -> Array:
    """Mean length of each ray in many small balls with soft edges, (rows, columns) cm."""
    depth = np.zeros((window.y.size, window.x.size), np.float32)
    order = np.argsort(radii, kind="stable")
    for group in np.array_split(order, min(3, len(order)) or 1):
        volume = (4 / 3 * np.pi * radii[group] ** 3).astype(np.float32)
        layer = deposit(scene.grid, window, places[group], volume)
        depth += soften(layer, 0.45 * float(radii[group].mean()) / scene.grid.pitch)
    return depth


def replace_lung(scene: Scene, window: Window, depth: Array, attenuation: float) -> None:
    """Put ``depth`` cm of tissue of this attenuation, in 1/cm, in the place of lung."""
    depth = depth * np.minimum(scene.lung[window.index] / 2, 1)
    scene.integral[window.index] += (attenuation - tissue.LUNG) * depth


@dataclass(frozen=True, slots=True)
class SoftNodules(Nodules):
    """Active: caseating nodules of soft tissue."""

    name: ClassVar[str] = "nodules"


def draw_soft_nodules(stream: Stream, anatomy: Anatomy, side: int, activity: Activity) -> SoftNodules:
    """A cluster in the upper zone."""
    patch = draw_patch(stream, anatomy, side, (0.06, 0.46), stream.around(4.5, 2.7))
    crowd = patch.a * patch.b * stream.uniform(0.5, 1.3)
    return SoftNodules(activity, patch, max(6, round(1.3 * crowd)), stream.uniform(0.6, 1.05), tissue.SOFT)


@dataclass(frozen=True, slots=True)
class CalcifiedNodules(Nodules):
    """Obsolete: healed, calcified nodules, small, dense and sharp."""

    name: ClassVar[str] = "calcified nodules"


def draw_calcified_nodules(
    stream: Stream, anatomy: Anatomy, side: int, activity: Activity
) -> CalcifiedNodules:
    """A scatter in the upper zone."""
    patch = draw_patch(stream, anatomy, side, (0.06, 0.46), stream.around(3.9, 1.8))
    crowd = patch.a * patch.b * stream.uniform(0.6, 1.4)
    attenuation = stream.uniform(0.38, tissue.CORTICAL_BONE)
    return CalcifiedNodules(activity, patch, max(6, round(crowd)), stream.uniform(0.45, 0.7), attenuation)


@dataclass(frozen=True, slots=True)
class Miliary(Finding):
    """Millet-sized nodules all over both lungs; one box per lung.

    Attributes:
        count: Nodules in the rectangle around each lung.
        radius: Of the largest, in cm.
    """

    name: ClassVar[str] = "miliary"
    count: int
    radius: float

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """The seen part of each lung."""
        return tuple((lung_outline(anatomy, side),) for side in (-1, 1))

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Scatter the nodules evenly over both lungs."""
        for side, (outline,) in zip((-1, 1), self.regions(anatomy), strict=True):
            low, high = outline.min(axis=0), outline.max(axis=0)
            window = scene.grid.window(float(low[0]), float(high[0]), float(low[1]), float(high[1]))
            places = low + (high - low) * stream.uniforms(self.count, 2)
            radii = self.radius * stream.uniforms(self.count, low=0.6, high=1.0)
            held = in_lung(places, anatomy.thorax, anatomy.lungs[side > 0])
            depth = spheres(scene, window, places[held], radii[held])
            share = np.minimum(scene.lung[window.index] / (0.9 * 2 * anatomy.thorax.depth), 1)
            replace_lung(scene, window, depth * share, tissue.SOFT)


def lung_outline(anatomy: Anatomy, side: int) -> Points:
    """Corners around the part of one lung that the heart and the diaphragm leave to be seen."""
    lung = anatomy.lungs[side > 0]
    down = np.linspace(lung.top, lung.bottom(), 40)
    rows = np.concatenate([down, down[::-1]])
    distance = np.where(np.arange(80) < 40, 0.0, 1e3)
    return within_lung(
        np.stack([anatomy.thorax.midline(rows) + side * distance, rows], axis=1), anatomy.thorax, lung
    )


def draw_miliary(stream: Stream, anatomy: Anatomy, activity: Activity) -> Miliary:
    """Some thousands of nodules of 1 to 2 mm radius."""
    return Miliary(activity, stream.integer(5000, 9000), stream.uniform(0.19, 0.26))
