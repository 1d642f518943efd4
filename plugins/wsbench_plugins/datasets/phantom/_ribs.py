"""The ribs: hollow bones that leave the spine, arch over the back, turn at the side and fall to the front."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from ._frame import Array
from ._streams import Stream
from ._thorax import Thorax
from ._tubes import KNOTS, Tubes

PAIRS = 12
FRONTS = 10
"""Pairs that reach the front of the chest; the last two float."""

# Share of its whole fall that a rib has made at each share of its turn from the spine (0) over the side (0.5)
# to the front (1): level at first, steepest at the side, then straightening; set by eye on frontal films.
_TURN = (0.0, 0.12, 0.25, 0.4, 0.5, 0.6, 0.75, 0.88, 1.0)
_FALLEN = (0.0, 0.02, 0.1, 0.27, 0.42, 0.57, 0.75, 0.885, 1.0)

# Share of the turn at which the bone of each pair ends.
_LAST = np.array([0.93] * 7 + [0.86, 0.8, 0.72, 0.44, 0.3])

# The two uppermost ribs lie flat to the rays and show weakly.
_DENSITY = np.array([0.55, 0.8] + [1.0] * 10)


@dataclass(frozen=True, slots=True)
class Ribs:
    """The cage of bones, in cm.

    Attributes:
        first: Height of the head of the first rib.
        pitch: Distance between the heads of the first two ribs.
        spread: Relative growth of that distance from each rib to the next.
        fall: How far a middle rib falls from the spine to its front end.
        half_width: Half the visible width of a middle rib.
        cortex: Thickness of the cortical shell.
        jitter: Heights by which single ribs stray, right and left of each pair in turn.
    """

    first: float
    pitch: float
    spread: float
    fall: float
    half_width: float
    cortex: float
    jitter: tuple[float, ...]

    def heads(self, pairs: NDArray[np.integer[Any]]) -> Array:
        """Heights of the heads of these pairs, 0 the first; numbers outside 0 to 11 go on along the spine."""
        return self.first + self.pitch * pairs * (1 + self.spread * pairs)


def draw_ribs(stream: Stream, thorax: Thorax) -> Ribs:
    """Ribs for a thorax; the tenth stands near the right diaphragm in a good breath."""
    return Ribs(
        first=stream.around(-0.8, 0.5),
        pitch=thorax.height / stream.around(10.4, 0.8),
        spread=0.012,
        fall=stream.around(12.8, 3.0),
        half_width=stream.around(0.62, 0.13),
        cortex=stream.around(0.19, 0.07),
        jitter=tuple(stream.around(0, 0.22) for _ in range(2 * PAIRS)),
    )


def rib_tubes(thorax: Thorax, ribs: Ribs) -> tuple[Tubes, Tubes]:
    """The (back, front) halves of all ribs, apart because they cross each other."""
    back, front = np.linspace(0, np.pi / 2, KNOTS), np.linspace(np.pi / 2, np.pi, KNOTS)
    return _halves(thorax, ribs, PAIRS, back), _halves(thorax, ribs, FRONTS, front)


def _halves(thorax: Thorax, ribs: Ribs, count: int, angle: Array) -> Tubes:
    """The first ``count`` pairs at these angles: 0 at the spine, pi / 2 at the side, pi at the front."""
    pair, side = (grid.reshape(-1, 1) for grid in np.meshgrid(np.arange(count), (-1, 1), indexing="ij"))
    head = ribs.heads(pair) + np.reshape(ribs.jitter[: 2 * count], (-1, 1))
    fall = ribs.fall * (0.42 + 0.145 * np.minimum(pair, 4) + 0.02 * np.maximum(pair - 4, 0))
    out, end = _reaches(thorax, head + 0.42 * fall, pair)
    behind = angle < np.pi / 2
    inner = np.where(behind, 1.6, end)
    away = inner + (out - inner) * np.maximum(np.sin(angle), 1e-3) ** np.where(behind, 0.85, 1.0)
    y = head + fall * _fallen()(angle / np.pi) - 0.25 * np.sin(2 * angle) * behind
    x = thorax.midline(y) - thorax.rotation * thorax.depth * np.cos(angle) + side * away
    return _sections(ribs, pair, angle, np.stack([x, y], axis=2))


@cache
def _fallen() -> CubicSpline:
    return CubicSpline(_TURN, _FALLEN)


def _reaches(thorax: Thorax, y_side: Array, pair: NDArray[np.integer[Any]]) -> tuple[Array, Array]:
    """Distances from the midline of each rib's outermost point and of its front end."""
    out = thorax.lateral(np.maximum(y_side, 0.3 * pair + 0.8).astype(np.float32)) + 0.2
    out = out * np.where(pair == 0, 0.85, np.where(pair < FRONTS, 1.0, 0.92 - 0.14 * (pair - FRONTS)))
    return out, np.minimum(thorax.width * (0.25 + 0.06 * np.maximum(pair - 2, 0)), 0.75 * out)


def _sections(ribs: Ribs, pair: NDArray[np.integer[Any]], angle: Array, points: Array) -> Tubes:
    """Give the courses their sections: broad at the back and front, seen on edge at the side."""
    edge_on = np.sin(angle) ** 4
    front = np.clip((angle - np.pi / 2) / (np.pi / 2), 0, 1)
    fade = np.clip((np.pi * _LAST[pair] - angle) / 0.4, 0, 1) * np.clip(0.4 + 3 * angle, 0, 1)
    every = np.ones_like(fade)
    return Tubes(
        points=points,
        half_width=every * ribs.half_width * (1 - 0.62 * edge_on) * (1 + 0.12 * front),
        half_depth=every * 0.42 * (1 + 0.5 * edge_on),
        cortex=every * ribs.cortex * (1 - 0.25 * front) * (1 - 0.35 * edge_on),
        density=_DENSITY[pair] * fade * (1 - 0.42 * np.minimum(front / 0.4, 1)),
    )
