"""Masks of the organs, for methods that use anatomy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from ._airway import airway_chords
from ._anatomy import Anatomy
from ._case import Case
from ._frame import Array, Grid, Window
from ._lungs import lung_window, pleural_space
from ._mediastinum import aorta, column, heart_solids, mediastinum_window, vessel_solids
from ._render import raster
from ._ribs import rib_tubes
from ._shapes import Ellipsoid
from ._shoulders import blade, clavicles
from ._spine import spine_axis, spine_window
from ._torso import body_thickness

Mask = NDArray[np.bool_]
_RIGHT, _LEFT = -1, 1


def organ_masks(case: Case, size: int) -> dict[str, Mask]:
    """(size, size) masks of what a reader would outline, by name; right and left are the patient's."""
    grid, patient = raster(case, size), case.patient
    return {name: _seen(grid, find(grid, patient), size) for name, find in _ORGANS.items()}


def _seen(grid: Grid, organ: Mask, size: int) -> Mask:
    return grid.to_detector(organ.astype(np.float32), size, cv2.INTER_LINEAR) > 0.5


def _on_grid(grid: Grid, window: Window, values: Mask) -> Mask:
    mask = np.zeros((grid.count, grid.count), np.bool_)
    mask[window.index] = values
    return mask


def _solids(grid: Grid, solids: tuple[Ellipsoid, ...]) -> Mask:
    mask = np.zeros((grid.count, grid.count), np.bool_)
    for solid in solids:
        window = solid.window(grid)
        mask[window.index] |= solid.square(window.x, window.y) < 1
    return mask


def _lung(grid: Grid, anatomy: Anatomy, side: int) -> Mask:
    """Above the diaphragm and beside the mediastinum."""
    lung = anatomy.lungs[side > 0]
    window = lung_window(grid, anatomy.thorax, lung)
    space, dome = pleural_space(window, anatomy.thorax, lung)
    return _on_grid(grid, window, (space > 0.3) & (dome <= 0)) & ~_mediastinum(grid, anatomy)


def _domes(grid: Grid, anatomy: Anatomy) -> tuple[Array, Array]:
    """Distance of each column from the midline, and the height of the diaphragm there."""
    off = grid.x - anatomy.thorax.midline(anatomy.thorax.height)
    right, left = (lung.dome_at(np.abs(off), anatomy.thorax) for lung in anatomy.lungs)
    return np.abs(off), np.where(off < 0, right, left)


def _diaphragm(grid: Grid, anatomy: Anatomy) -> Mask:
    """The diaphragm above the costophrenic angles."""
    distance, dome = _domes(grid, anatomy)
    lowest = max(lung.dome + lung.fall_lateral for lung in anatomy.lungs)
    return (grid.y > dome) & (grid.y < lowest) & (distance < anatomy.thorax.width)


def _abdomen(grid: Grid, anatomy: Anatomy) -> Mask:
    distance, dome = _domes(grid, anatomy)
    body = body_thickness(grid, anatomy.thorax, anatomy.torso)[0] > 0
    return (grid.y > dome) & (distance < anatomy.thorax.width + 2) & body


def _heart(grid: Grid, anatomy: Anatomy) -> Mask:
    _, dome = _domes(grid, anatomy)
    return _solids(grid, heart_solids(anatomy.thorax, anatomy.heart)) & (grid.y < dome + 1)


def _aorta(grid: Grid, anatomy: Anatomy) -> Mask:
    window = mediastinum_window(grid, anatomy.thorax)
    above = window.y < anatomy.thorax.height
    descending = _on_grid(grid, window, (aorta(anatomy.thorax, anatomy.heart, window) > 0.3) & above)
    return descending | _solids(grid, vessel_solids(anatomy.thorax, anatomy.heart)[:1])


def _mediastinum(grid: Grid, anatomy: Anatomy) -> Mask:
    """Heart, great vessels and the column between the lungs."""
    window = mediastinum_window(grid, anatomy.thorax)
    _, dome = _domes(grid, anatomy)
    middle = _on_grid(grid, window, column(anatomy.thorax, anatomy.heart, window) > 0) & (grid.y < dome)
    return middle | _heart(grid, anatomy) | _solids(grid, vessel_solids(anatomy.thorax, anatomy.heart))


def _trachea(grid: Grid, anatomy: Anatomy) -> Mask:
    return airway_chords(grid, anatomy.thorax, anatomy.airway) > 0


def _spine(grid: Grid, anatomy: Anatomy) -> Mask:
    window = spine_window(grid, anatomy.thorax)
    off = np.abs(window.x - spine_axis(anatomy.thorax, anatomy.spine, window.y))
    return _on_grid(grid, window, off < anatomy.spine.half_width)


def _ribs(grid: Grid, anatomy: Anatomy) -> Mask:
    mask = np.zeros((grid.count, grid.count), np.bool_)
    for tubes in rib_tubes(anatomy.thorax, anatomy.ribs):
        window = tubes.window(grid)
        mask[window.index] |= tubes.chords(grid, window)[0] > 0.03
    return mask


def _clavicle(grid: Grid, anatomy: Anatomy, side: int) -> Mask:
    tubes = clavicles(anatomy.thorax, anatomy.torso, anatomy.girdle)
    window = tubes.window(grid)
    middle = anatomy.thorax.midline(anatomy.girdle.clavicle_y, 0.75 * anatomy.thorax.depth)
    bone = tubes.chords(grid, window)[0] > 0.03
    return _on_grid(grid, window, bone & ((window.x - middle) * side > 0))


def _scapula(grid: Grid, anatomy: Anatomy, side: int) -> Mask:
    window, plate = blade(grid, anatomy.thorax, anatomy.torso, anatomy.girdle, side)
    return _on_grid(grid, window, plate > 0.1)


def _hilum(grid: Grid, anatomy: Anatomy, side: int) -> Mask:
    hilum = anatomy.hila[side > 0]
    middle = float(anatomy.thorax.midline(hilum.y))
    return _solids(grid, (Ellipsoid(middle + hilum.x + 0.5 * side, hilum.y + 0.6, 2.0, 3.0, 1.0),))


_ORGANS: Mapping[str, Callable[[Grid, Anatomy], Mask]] = MappingProxyType(
    {
        "right_lung": lambda grid, anatomy: _lung(grid, anatomy, _RIGHT),
        "left_lung": lambda grid, anatomy: _lung(grid, anatomy, _LEFT),
        "heart": _heart,
        "aorta": _aorta,
        "mediastinum": _mediastinum,
        "right_hilum": lambda grid, anatomy: _hilum(grid, anatomy, _RIGHT),
        "left_hilum": lambda grid, anatomy: _hilum(grid, anatomy, _LEFT),
        "trachea": _trachea,
        "diaphragm": _diaphragm,
        "abdomen": _abdomen,
        "spine": _spine,
        "ribs": _ribs,
        "right_clavicle": lambda grid, anatomy: _clavicle(grid, anatomy, _RIGHT),
        "left_clavicle": lambda grid, anatomy: _clavicle(grid, anatomy, _LEFT),
        "right_scapula": lambda grid, anatomy: _scapula(grid, anatomy, _RIGHT),
        "left_scapula": lambda grid, anatomy: _scapula(grid, anatomy, _LEFT),
    }
)
