"""The bones of the shoulder girdle: clavicles, scapulae, upper arms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from ._frame import Array, Grid, Points, Window
from ._shapes import Ellipsoid
from ._streams import Stream
from ._thorax import Thorax
from ._torso import Torso
from ._tubes import KNOTS, Tubes, join

SIDES = (-1, 1)


@dataclass(frozen=True, slots=True)
class Girdle:
    """Pose and strength of the shoulder girdle; every pair is (right, left).

    Attributes:
        clavicle_end: cm by which the outer end of each clavicle stands above the shoulder joint.
        clavicle_y: Height, in cm, of the inner ends.
        clavicle: Half width in cm.
        scapula_turn: Radians by which the tip of each scapula swings out, away from the lung.
        scapula_out: cm by which each scapula is pulled off the lung.
        cortex: Cortical thickness in cm.
    """

    clavicle_end: tuple[float, float]
    clavicle_y: float
    clavicle: float
    scapula_turn: tuple[float, float]
    scapula_out: tuple[float, float]
    cortex: float


def draw_girdle(stream: Stream) -> Girdle:
    """Shoulders rolled forward more or less, a little unevenly."""
    turn, out = stream.around(0.3, 0.25), stream.uniform(0.2, 3.2)
    return Girdle(
        clavicle_end=(stream.around(2.5, 0.6), stream.around(2.5, 0.6)),
        clavicle_y=stream.around(4.0, 1.4),
        clavicle=stream.around(0.58, 0.1),
        scapula_turn=(turn + stream.around(0, 0.1), turn + stream.around(0, 0.1)),
        scapula_out=(out + stream.around(0, 0.4), out + stream.around(0, 0.4)),
        cortex=stream.around(0.22, 0.06),
    )


def girdle_tubes(thorax: Thorax, torso: Torso, girdle: Girdle) -> tuple[Tubes, Tubes, Tubes]:
    """Clavicles, the ridges of both scapulae, upper arms, in three sets whose members hardly cross."""
    lateral, upper, medial, glenoid, spine, coracoid = (
        _ridges(thorax, torso, girdle, line, half_width)
        for line, half_width in zip(_LINES, (0.5, 0.25, 0.2, 0.4, 0.55, 0.75), strict=True)
    )
    return (
        join(clavicles(thorax, torso, girdle), lateral, glenoid),
        join(spine, coracoid, upper, medial),
        _humeri(thorax, torso),
    )


def clavicles(thorax: Thorax, torso: Torso, girdle: Girdle) -> Tubes:
    """Two S-shaped bones from the sternum to the tip of the shoulder."""
    along, side = np.linspace(0, 1, KNOTS), np.array(SIDES)[:, None]
    inner = float(thorax.midline(girdle.clavicle_y, 0.75 * thorax.depth)) + side * 1.7
    outer = side * (torso.shoulder_x - 1.2)
    rise = girdle.clavicle_y - torso.shoulder_y + np.array(girdle.clavicle_end)[:, None]
    bend = 0.42 * np.sin(2 * np.pi * along) * (1 - 0.3 * along)
    flare = 0.35 * np.exp(-((along / 0.1) ** 2)) + 0.3 * np.exp(-(((1 - along) / 0.15) ** 2))
    half_width = np.tile(girdle.clavicle * (0.92 + flare), (2, 1))
    return Tubes(
        points=np.stack([inner + (outer - inner) * along, girdle.clavicle_y - rise * along - bend], axis=2),
        half_width=half_width,
        half_depth=half_width,
        cortex=np.tile(girdle.cortex * (1.6 - 0.6 * np.abs(2 * along - 1)), (2, 1)),
        density=np.tile(np.clip(np.minimum(along, 1 - along) / 0.03, 0, 1), (2, 1)),
    )


# Lines of a scapula 15 cm long seen from the front, about the shoulder joint, in cm, x outwards and y down:
# lateral, upper and medial border, glenoid, spine with acromion, coracoid.
_LINES = (
    ((-0.5, 1.6), (-1.7, 4.2), (-3.2, 8.0), (-4.6, 11.6), (-5.2, 12.6)),
    ((-6.6, -1.6), (-4.6, -1.0), (-2.4, -0.9)),
    ((-5.2, 12.6), (-6.3, 11.0), (-7.4, 6.5), (-7.6, 2.0), (-6.6, -1.6)),
    ((-0.4, -1.7), (-0.1, 0.0), (-0.5, 1.7)),
    ((-7.2, 1.4), (-4.5, 0.3), (-1.8, -1.6), (0.6, -2.9), (2.6, -2.5)),
    ((-2.4, -0.9), (-1.4, -1.6), (-0.2, -1.0), (0.3, -0.2)),
)


@cache
def _smooth(line: tuple[tuple[float, float], ...]) -> Points:
    points: Points = CubicSpline(np.arange(len(line)), line)(np.linspace(0, len(line) - 1, KNOTS))
    return points


def _placed(thorax: Thorax, torso: Torso, girdle: Girdle, side: int, local: Points) -> Points:
    """Points about the shoulder joint -> cm in the patient."""
    turn = girdle.scapula_turn[side > 0]
    cosine, sine = np.cos(turn), np.sin(turn)
    out = cosine * local[:, 0] + sine * local[:, 1]
    down = cosine * local[:, 1] - sine * local[:, 0]
    x = torso.shoulder_x - 2.0 + girdle.scapula_out[side > 0] + out
    return np.stack([thorax.midline(torso.shoulder_y) + side * x, torso.shoulder_y + 0.4 + down], axis=1)


def _ridges(
    thorax: Thorax, torso: Torso, girdle: Girdle, line: tuple[tuple[float, float], ...], half_width: float
) -> Tubes:
    """One line of both scapulae."""
    along = np.linspace(0, 1, KNOTS)
    ends = np.clip(np.minimum(along, 1 - along) / 0.12, 0, 1)
    return Tubes(
        points=np.stack([_placed(thorax, torso, girdle, side, _smooth(line)) for side in SIDES]),
        half_width=np.tile(half_width * (1 - 0.45 * along), (2, 1)),
        half_depth=np.full((2, KNOTS), 0.55 * half_width + 0.1),
        cortex=np.full((2, KNOTS), 1.6 * girdle.cortex),
        density=np.tile(0.7 * ends, (2, 1)),
    )


def blade(grid: Grid, thorax: Thorax, torso: Torso, girdle: Girdle, side: int) -> tuple[Window, Array]:
    """The thin plate of one scapula: its window, and the length of each ray in it in cm of cortical bone."""
    outline = np.concatenate([_smooth(_LINES[0]), _smooth(_LINES[2]), _smooth(_LINES[1])])
    points = _placed(thorax, torso, girdle, side, outline)
    left, top = (float(low) for low in points.min(axis=0))
    right, bottom = (float(high) for high in points.max(axis=0))
    window = grid.window(left, right, top, bottom)
    plate = np.zeros((window.y.size, window.x.size), np.uint8)
    if plate.size:
        corner = np.array([window.index[1].start, window.index[0].start], np.float32)
        corners = np.rint((grid.cells(points) - corner) * 16).astype(np.int32)
        cv2.fillPoly(plate, [corners], 255, cv2.LINE_AA, shift=4)
    return window, plate.astype(np.float32) * (0.26 / 255)


def _humeri(thorax: Thorax, torso: Torso) -> Tubes:
    """The shafts of both upper arms, wider towards the shoulder."""
    along = np.linspace(0, 1, KNOTS)
    flare = np.exp(-((along / 0.1) ** 2))
    side, angle = np.array(SIDES)[:, None], np.array(torso.arm_angle)[:, None]
    x = thorax.midline(torso.shoulder_y) + side * (torso.shoulder_x + 0.5 + 30 * np.sin(angle) * along)
    return Tubes(
        points=np.stack([x, torso.shoulder_y + 0.5 + 30 * np.cos(angle) * along], axis=2),
        half_width=np.tile(1.15 + flare, (2, 1)),
        half_depth=np.tile(1.15 + 0.8 * flare, (2, 1)),
        cortex=np.tile(0.42 - 0.32 * flare, (2, 1)),
        density=np.tile(np.clip(along / 0.06, 0, 1), (2, 1)),
    )


def humeral_heads(thorax: Thorax, torso: Torso) -> tuple[Ellipsoid, ...]:
    """The round upper ends of both upper arms."""
    middle = float(thorax.midline(torso.shoulder_y))
    return tuple(
        Ellipsoid(middle + side * (torso.shoulder_x + 0.1), torso.shoulder_y + 0.3, 2.35, 2.45, 2.2)
        for side in SIDES
    )
