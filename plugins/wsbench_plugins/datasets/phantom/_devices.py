"""Monitoring leads that cross the chest of some patients, whatever their group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._deposit import Branches, branch_depth
from ._frame import Array, Grid
from ._shapes import Ellipsoid
from ._streams import Stream
from ._thorax import Thorax

_WIRE = 4.0
"""Attenuation of copper strands in plastic, in 1/cm, averaged over the cable."""
_SNAP = 1.6
"""Attenuation of an electrode's metal snap in its gel, in 1/cm."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A cable from the edge of the body to an electrode on the skin, in cm.

    Attributes:
        x, y: The electrode.
        away_x, away_y: The far end of the cable.
        sag: How far the middle of the cable strays sideways.
        radius: Of the cable.
    """

    x: float
    y: float
    away_x: float
    away_y: float
    sag: float
    radius: float


def draw_leads(stream: Stream, thorax: Thorax) -> tuple[Lead, ...]:
    """Draw leads: none in most patients, two to four in the others."""
    if not stream.chance(0.12):
        return ()
    return tuple(_draw_lead(stream, thorax) for _ in range(stream.integer(2, 4)))


def _draw_lead(stream: Stream, thorax: Thorax) -> Lead:
    side = stream.sign()
    return Lead(
        x=side * thorax.width * stream.uniform(0.35, 1.0),
        y=thorax.height * stream.uniform(0.05, 1.1),
        away_x=side * thorax.width * stream.uniform(0.6, 1.5),
        away_y=thorax.height * stream.choose({-0.5: 1, 1.8: 1}),
        sag=stream.around(0, 4.0),
        radius=stream.uniform(0.04, 0.07),
    )


def device_attenuation(grid: Grid, leads: tuple[Lead, ...]) -> Array:
    """Line integral of all leads, (rows, columns)."""
    cables = Branches(
        start=np.array([[lead.x, lead.y] for lead in leads], np.float32),
        end=np.array([[lead.away_x, lead.away_y] for lead in leads], np.float32),
        bend=np.array([lead.sag for lead in leads], np.float32),
        radius=np.array([lead.radius for lead in leads], np.float32),
    )
    everywhere = grid.window(-1e3, 1e3, -1e3, 1e3)
    integral = _WIRE * branch_depth(grid, everywhere, [cables])
    for lead in leads:
        snap = Ellipsoid(lead.x, lead.y, 0.55, 0.55, 0.12)
        window = snap.window(grid)
        integral[window.index] += _SNAP * snap.chord(window.x, window.y)
    return integral
