"""The pleural surface of a lung as a line, from the mediastinum over the apex and down the ribs."""

from __future__ import annotations

import numpy as np

from ._anatomy import Anatomy
from ._frame import Array, Points

_CORNERS = 90


def chest_wall(anatomy: Anatomy, side: int, start: float, end: float) -> Points:
    """Part of the line, (90, 2) cm.

    Args:
        anatomy: Of the patient.
        side: -1 the patient's right, 1 the left.
        start, end: Heights, as shares of the way from the apex to the lateral edge of the diaphragm; a
            negative start lies that far down the mediastinal side.
    """
    thorax, lung = anatomy.thorax, anatomy.lungs[side > 0]
    # Heights go with the square, so that the narrow apex has its share of corners.
    root = np.linspace(np.sign(start) * np.sqrt(abs(start)), np.sqrt(end), _CORNERS)
    way = np.sign(root) * root**2
    y = lung.top + 0.05 + np.abs(way) * (lung.dome + lung.fall_lateral - lung.top)
    medial, lateral = lung.edges(y, thorax)
    distance = np.where(way < 0, np.maximum(medial, 1.5), lateral)
    return np.stack([thorax.midline(y) + side * distance, y], axis=1).astype(np.float32)


def moved_inwards(line: Points, anatomy: Anatomy, side: int, gap: Array) -> Points:
    """The line moved towards the middle of the lung by ``gap`` cm, (corners,)."""
    lung, hilum = anatomy.lungs[side > 0], anatomy.hila[side > 0]
    middle = float(anatomy.thorax.midline(hilum.y))
    centre = np.array([middle + 1.35 * hilum.x, lung.top + 0.62 * (lung.dome - lung.top)])
    towards = centre - line
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return (line + towards * gap[:, None]).astype(np.float32)
