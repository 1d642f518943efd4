"""The lungs: aerated space between the ribs, the mediastinum and the domes of the diaphragm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._frame import Array, Grid, Window
from ._streams import Stream
from ._thorax import Thorax


@dataclass(frozen=True, slots=True)
class Lung:
    """One lung, in cm.

    Attributes:
        side: -1 for the patient's right lung (left in the image), 1 for the left one.
        top: Height of the apex.
        dome: Height of the top of the diaphragm.
        dome_x: Distance of that top from the midline.
        dome_middle: Height of the diaphragm at the midline, common to both lungs.
        fall_lateral: How far the diaphragm falls towards the ribs.
        fall_deep: How far it falls towards the back.
    """

    side: int
    top: float
    dome: float
    dome_x: float
    dome_middle: float
    fall_lateral: float
    fall_deep: float

    def bottom(self) -> float:
        """Height of the lowest recess."""
        return self.dome + self.fall_lateral + self.fall_deep

    def dome_at(self, distance: Array, thorax: Thorax) -> Array:
        """Height of the diaphragm's highest line at each distance from the midline."""
        away = distance - self.dome_x
        lateral = np.maximum(away, 0) / (thorax.width - self.dome_x)
        medial = np.maximum(-away, 0) / self.dome_x
        height: Array = (
            self.dome + self.fall_lateral * lateral**2.4 + (self.dome_middle - self.dome) * medial**2
        )
        return height

    def edges(self, y: Array | np.floating[Any] | float, thorax: Thorax) -> tuple[Array, Array]:
        """Medial and lateral edge at each height, as distances from the midline."""
        medial = thorax.apex - 1.9 * np.sqrt(np.clip(y - self.top, 0, 20))
        return medial, thorax.lateral(np.maximum(y - self.top, 0))


def draw_lungs(stream: Stream, thorax: Thorax) -> tuple[Lung, Lung]:
    """The right and the left lung; the left dome stands about a centimetre lower."""
    middle = thorax.height + stream.around(1.2, 0.8)
    right = _draw_lung(stream, thorax, -1, 0.0, middle)
    return right, _draw_lung(stream, thorax, 1, stream.around(1.0, 1.1), middle)


def _draw_lung(stream: Stream, thorax: Thorax, side: int, drop: float, middle: float) -> Lung:
    return Lung(
        side=side,
        top=stream.around(0.0, 0.5),
        dome=thorax.height + drop,
        dome_x=thorax.width * stream.around(0.5, 0.08),
        dome_middle=middle,
        fall_lateral=stream.around(4.9, 1.6),
        fall_deep=stream.around(3.4, 1.2),
    )


def lung_window(grid: Grid, thorax: Thorax, lung: Lung) -> Window:
    """The part of the grid that the lung can touch."""
    middle = float(thorax.midline(lung.dome))
    near, far = middle - 4.5 * lung.side, middle + lung.side * (thorax.width + 1.5)
    return grid.window(min(near, far), max(near, far), lung.top, lung.bottom())


def pleural_space(window: Window, thorax: Thorax, lung: Lung) -> tuple[Array, Array]:
    """Depth of the cavity along each ray, and how much of it the dome of the diaphragm takes, both in cm."""
    distance = (window.x - thorax.midline(window.y)) * lung.side
    medial, lateral = lung.edges(window.y, thorax)
    centre, half = (medial + lateral) / 2, np.maximum((lateral - medial) / 2, 1e-3)
    across = (distance - centre) / half
    across *= across
    depth = thorax.half_depth(np.maximum(window.y - lung.top, 0))
    reach = depth * np.sqrt(np.maximum(1 - across * across, 0))
    return 2 * reach * (distance >= 0), _under_dome(window, thorax, lung, reach)


def _under_dome(window: Window, thorax: Thorax, lung: Lung, reach: Array) -> Array:
    """The part of each ray that the dome of the diaphragm takes from the pleural space."""
    distance = (window.x - thorax.midline(lung.dome)) * lung.side
    # Beside the spine the recess behind the dome is shallow.
    deep = lung.fall_deep * np.clip(distance / 4, 0.05, 1)
    below = np.maximum(window.y - lung.dome_at(distance, thorax), 0) / deep
    front = 0.25 * thorax.depth
    half = 1.3 * thorax.depth * np.sqrt(below)
    taken = np.minimum(front + half, reach) - np.maximum(front - half, -reach)
    shadowed: Array = np.maximum(taken, 0)
    return shadowed
