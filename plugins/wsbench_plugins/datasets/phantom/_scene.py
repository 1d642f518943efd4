"""The patient on the raster: line integrals of attenuation, organ by organ."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from . import _tissues as tissue
from ._abdomen import gas_depth
from ._airway import airway_chords
from ._anatomy import Anatomy
from ._deposit import branch_depth
from ._devices import device_attenuation
from ._frame import Array, Grid, Window
from ._lungs import lung_window, pleural_space
from ._mediastinum import mediastinum_chord
from ._ribs import rib_tubes
from ._shoulders import blade, girdle_tubes, humeral_heads
from ._spine import spine_chords, spine_window
from ._texture import cloud
from ._torso import body_thickness, breasts
from ._vessels import grow


@dataclass(frozen=True)
class Scene:
    """A patient on a raster.

    Attributes:
        grid: The raster.
        integral: (count, count) line integrals of attenuation, without unit.
        lung: (count, count) cm of aerated lung along each ray.
    """

    grid: Grid
    integral: Array
    lung: Array


def build_scene(grid: Grid, anatomy: Anatomy) -> Scene:
    """Add up the whole patient."""
    integral, lean = _soft_tissue(grid, anatomy)
    lung = np.minimum(lung_depth(grid, anatomy), 0.95 * lean)
    add_lungs(grid, anatomy, integral, lung)
    _add_bones(grid, anatomy, integral)
    air = airway_chords(grid, anatomy.thorax, anatomy.airway)
    air += gas_depth(grid, anatomy.gas)
    integral -= tissue.SOFT * np.minimum(air, 0.7 * lean)
    if anatomy.leads:
        integral += device_attenuation(grid, anatomy.leads)
    return Scene(grid, integral, lung)


def _soft_tissue(grid: Grid, anatomy: Anatomy) -> tuple[Array, Array]:
    """The line integral of a body without bones and air, and the depth of its lean part in cm."""
    thorax, torso = anatomy.thorax, anatomy.torso
    body, lean = body_thickness(grid, thorax, torso)
    integral = tissue.FAT * body
    integral += (tissue.SOFT - tissue.FAT) * lean
    for window, depth in breasts(grid, thorax, torso):
        integral[window.index] += ((tissue.FAT + tissue.SOFT) / 2) * depth
    uneven = cloud(anatomy.stream("muscle"), (64, 64), 6, 0.7)
    integral *= 1 + 0.015 * cv2.resize(uneven, integral.shape, interpolation=cv2.INTER_LINEAR)
    return integral, lean


def lung_depth(grid: Grid, anatomy: Anatomy) -> Array:
    """Length of each ray in aerated lung, (rows, columns) cm."""
    depth, taken = grid.empty(), grid.empty()
    window, chord = mediastinum_chord(grid, anatomy.thorax, anatomy.heart)
    taken[window.index] = chord
    for lung in anatomy.lungs:
        window = lung_window(grid, anatomy.thorax, lung)
        space, dome = pleural_space(window, anatomy.thorax, lung)
        # Heart and dome both lie in front, so the larger one hides the other.
        space -= np.maximum(taken[window.index], dome)
        depth[window.index] = np.maximum(depth[window.index], space)
    return depth


def _lungs_window(grid: Grid, anatomy: Anatomy) -> Window:
    """The part of the grid that holds both lungs."""
    right, left = anatomy.lungs
    reach = anatomy.thorax.width + 1.5
    return grid.window(-reach, reach, min(right.top, left.top), max(right.bottom(), left.bottom()))


def add_lungs(grid: Grid, anatomy: Anatomy, integral: Array, lung: Array) -> None:
    """Replace soft tissue by lung, and lung by vessels."""
    grain = cloud(anatomy.stream("parenchyma"), lung.shape, 16, 0.88)
    density = tissue.LUNG * (1 + 0.11 * grain)
    integral -= (tissue.SOFT - density) * lung
    trees = [
        grow(anatomy.stream(purpose), anatomy.thorax, hilum)
        for purpose, hilum in zip(("right tree", "left tree"), anatomy.hila, strict=True)
    ]
    window = _lungs_window(grid, anatomy)
    depth = np.minimum(branch_depth(grid, window, [*trees[0], *trees[1]]), 2.5)
    depth *= np.minimum(lung[window.index] / 11, 1) ** 2
    integral[window.index] += (tissue.SOFT - tissue.LUNG) * depth


def _add_bones(grid: Grid, anatomy: Anatomy, integral: Array) -> None:
    thorax, torso, girdle = anatomy.thorax, anatomy.torso, anatomy.girdle
    for tubes in (*rib_tubes(thorax, anatomy.ribs), *girdle_tubes(thorax, torso, girdle)):
        window = tubes.window(grid)
        _add_bone(integral, window, *tubes.chords(grid, window))
    for side in (-1, 1):
        window, plate = blade(grid, thorax, torso, girdle, side)
        integral[window.index] += (tissue.CORTICAL_BONE - tissue.SOFT) * plate
    for head in humeral_heads(thorax, torso):
        window = head.window(grid)
        depth, marrow = head.chord(window.x, window.y), head.shrunk(0.05).chord(window.x, window.y)
        _add_bone(integral, window, depth - marrow, 0.6 * marrow)
    window = spine_window(grid, thorax)
    _add_bone(integral, window, *spine_chords(window, thorax, anatomy.ribs, anatomy.spine))


def _add_bone(integral: Array, window: Window, cortical: Array, spongy: Array) -> None:
    """Replace soft tissue by these lengths of bone, in cm."""
    integral[window.index] += (tissue.CORTICAL_BONE - tissue.SOFT) * cortical
    integral[window.index] += (tissue.SPONGY_BONE - tissue.SOFT) * spongy
