"""The pulmonary vessels: trees that branch from each hilum into the lung.

The trees grow in double precision: whether a branch goes on is a comparison, and must not hang on a bit
that one processor rounds otherwise than another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._deposit import Branches
from ._streams import Stream
from ._thorax import Thorax

_GENERATIONS = 8

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hilum:
    """The root of one lung, in cm.

    Attributes:
        side: -1 for the patient's right lung, 1 for the left one.
        x, y: Its centre.
        radius: Of the largest vessels that leave it.
        crowding: Relative number and strength of the vessels, 1 for an average patient.
    """

    side: int
    x: float
    y: float
    radius: float
    crowding: float


def draw_hilum(stream: Stream, thorax: Thorax, side: int) -> Hilum:
    """The left hilum stands about a centimetre above the right one."""
    return Hilum(
        side=side,
        x=side * thorax.width * stream.around(0.255 if side < 0 else 0.27, 0.03),
        y=thorax.height * stream.around(0.475 if side < 0 else 0.43, 0.03),
        radius=stream.around(0.58, 0.12),
        crowding=stream.around(1.0, 0.35),
    )


def grow(stream: Stream, thorax: Thorax, hilum: Hilum) -> list[Branches]:
    """One list entry per generation, from the hilum outwards."""
    start, heading, length, radius = _roots(stream, thorax, hilum)
    generations = [_trunks(stream, thorax, hilum)]
    for _ in range(_GENERATIONS):
        step = np.stack([np.sin(heading) * hilum.side, np.cos(heading)], axis=1) * length[:, None]
        end = start + step
        bend = length * stream.uniforms(len(length), low=-0.13, high=0.13)
        generations.append(Branches(start, end, bend, radius))
        start, heading, length, radius = _fork(stream, thorax, end, heading, length, radius)
    return generations


def _trunks(stream: Stream, thorax: Thorax, hilum: Hilum) -> Branches:
    """The pulmonary artery as it crosses the hilum and goes down beside the heart, and the upper trunk."""
    middle = float(thorax.midline(hilum.y))
    origin = np.array([middle + hilum.x, hilum.y])
    offsets = np.array([[-1.6, -0.9], [-0.2, -0.5], [0.35, 1.6], [-0.3, -0.6], [-1.2, 1.6]])
    steps = np.array([[1.5, 0.5], [0.6, 2.4], [0.5, 3.0], [0.9, -2.2], [1.7, 0.3]])
    offsets += stream.uniforms(5, 2, low=-0.3, high=0.3)
    steps *= stream.uniforms(5, 2, low=0.7, high=1.3)
    radius = np.array([1.7, 1.5, 1.05, 0.95, 1.1]) * stream.uniforms(5, low=0.8, high=1.15)
    bend = stream.uniforms(5, low=-0.3, high=0.3)
    mirror = np.array([hilum.side, 1])
    start = origin + offsets * mirror
    return Branches(start, start + steps * mirror, bend, hilum.radius * radius)


def _roots(stream: Stream, thorax: Thorax, hilum: Hilum) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """First vessels: headings in radians from straight down (0) outwards to straight up (pi)."""
    count = round(19 * hilum.crowding) + 6
    heading = 3.2 * (np.arange(count) + stream.uniforms(count)) / count - 0.12
    upward = heading / np.pi
    middle = float(thorax.midline(hilum.y))
    origin = np.array([middle + hilum.x, hilum.y])
    spread = stream.uniforms(count, 2, low=-1.0, high=1.0) * np.array([0.7, 1.5])
    spread[:, 1] -= 1.6 * (upward - 0.45)
    reach = thorax.height * (0.15 - 0.06 * np.abs(upward - 0.1))
    length = reach * stream.uniforms(count, low=0.7, high=1.3)
    radius = hilum.radius * (0.9 - 0.45 * upward) * stream.uniforms(count, low=0.25, high=1.0)
    return origin + spread, heading, length, radius


def _fork(
    stream: Stream, thorax: Thorax, end: Doubles, heading: Doubles, length: Doubles, radius: Doubles
) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Two children at each end, a stout one that goes on and a slender one that turns off; some get lost."""
    count = len(end)
    turn = stream.uniforms(count, low=0.25, high=0.85) * np.where(stream.uniforms(count) < 0.5, -1, 1)
    share = stream.uniforms(count, low=0.5, high=0.8)
    heading = np.concatenate([heading - 0.45 * turn * (1 - share) * 2, heading + turn])
    radius = np.concatenate([radius * 0.93 * share**0.36, radius * 0.93 * (1 - share) ** 0.36])
    length = np.concatenate([length * 0.88, length * 0.78]) * stream.uniforms(2 * count, low=0.6, high=1.25)
    start = np.concatenate([end, end])
    distance = np.abs(start[:, 0] - thorax.midline(start[:, 1]))
    grows = (
        (radius > 0.03) & (distance < thorax.width) & (start[:, 1] > 0) & (start[:, 1] < thorax.height + 6)
    )
    grows &= stream.uniforms(2 * count) < 0.93
    return start[grows], heading[grows], length[grows], radius[grows]
