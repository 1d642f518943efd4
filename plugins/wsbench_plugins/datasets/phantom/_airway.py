"""Trachea and main bronchi: the column of air down the middle."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ._frame import Array, Grid
from ._shapes import Limb
from ._streams import Stream
from ._thorax import Thorax


@dataclass(frozen=True, slots=True)
class Airway:
    """The large airways, in cm.

    Attributes:
        radius: Of the trachea.
        carina: Height at which it divides.
        lean: Sideways shift of the carina, positive towards the left.
        angles: Radians between the (right, left) main bronchus and the vertical.
    """

    radius: float
    carina: float
    lean: float
    angles: tuple[float, float]


def draw_airway(stream: Stream, thorax: Thorax) -> Airway:
    """The carina lies near the fifth thoracic vertebra, a little right of the midline."""
    return Airway(
        radius=stream.around(0.74, 0.14),
        carina=thorax.height * stream.around(0.385, 0.035),
        lean=stream.around(-0.35, 0.4),
        angles=(stream.around(0.5, 0.15), stream.around(0.8, 0.15)),
    )


def airway_limbs(thorax: Thorax, airway: Airway) -> tuple[Limb, Limb, Limb]:
    """Trachea, right and left main bronchus."""
    x = float(thorax.midline(airway.carina)) + airway.lean
    top = float(thorax.midline(-12.0)) * 0.5
    trachea = Limb(x, airway.carina - 0.4, top, -12.0, airway.radius, 0.85 * airway.radius)
    bronchi = [
        Limb(
            x,
            airway.carina,
            x + side * length * math.sin(angle),
            airway.carina + length * math.cos(angle),
            0.72 * airway.radius,
            0.5 * airway.radius,
        )
        for side, angle, length in ((-1, airway.angles[0], 4.0), (1, airway.angles[1], 5.5))
    ]
    return trachea, bronchi[0], bronchi[1]


def airway_chords(grid: Grid, thorax: Thorax, airway: Airway) -> Array:
    """Length of each ray in the air of the large airways, (rows, columns) cm."""
    air = grid.empty()
    for limb in airway_limbs(thorax, airway):
        window = limb.window(grid)
        in_window = air[window.index]
        in_window[:] = limb.chord(window.x, window.y).clip(in_window)
    return air
