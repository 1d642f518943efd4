"""The outline and thickness of the body: neck, shoulders, chest, waist, arms, breasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from ._frame import Array, Grid, Window
from ._shapes import Ellipsoid, Limb, half_circle, soft_union
from ._streams import Stream
from ._thorax import Thorax


@dataclass(frozen=True, slots=True)
class Torso:
    """Soft tissue around the cage, in cm.

    Attributes:
        wall: Muscle between ribs and fat at the side of the chest.
        fat: Thickness of the fat under the skin.
        neck: Half width of the neck.
        shoulder_y: Height of the shoulder joints.
        shoulder_x: Distance of the joints from the midline.
        slope: Height of the root of the neck above the shoulders.
        waist: Half width of the waist relative to that of the chest.
        arm_angle: Radians between each arm (right, left) and the vertical.
        arm: Radius of the arm at the shoulder.
        breast: Radius of the breasts, 0 where flat.
        breast_y: Height of the lower edge of the breasts.
        breast_x: Their distance from the midline.
    """

    wall: float
    fat: float
    neck: float
    shoulder_y: float
    shoulder_x: float
    slope: float
    waist: float
    arm_angle: tuple[float, float]
    arm: float
    breast: float
    breast_y: float
    breast_x: float


def draw_torso(stream: Stream, thorax: Thorax) -> Torso:
    """A body of varied sex, muscle and fat around the given cage."""
    stout = stream.uniform() ** 2
    female = stream.chance(0.45)
    angle = stream.uniform(0.25, 1.1)
    return Torso(
        wall=stream.around(0.8, 0.4) + 0.8 * stout,
        fat=stream.uniform(0.25, 0.8) + 2.0 * stout,
        neck=stream.around(5.2, 0.8) + stout,
        shoulder_y=stream.around(3.4, 2.4),
        shoulder_x=thorax.width + stream.around(4.2, 1.0),
        slope=stream.around(9.4, 1.6),
        waist=stream.around(0.95, 0.07) + 0.12 * stout,
        arm_angle=(angle + stream.around(0, 0.12), angle + stream.around(0, 0.12)),
        arm=stream.around(4.3, 0.6) + 1.1 * stout,
        breast=stream.around(5.6, 1.6) + stout if female else stream.uniform(0, 1.5) * stout,
        breast_y=thorax.height * stream.around(1.02, 0.2),
        breast_x=thorax.width * stream.around(0.66, 0.1),
    )


def body_thickness(grid: Grid, thorax: Thorax, torso: Torso) -> tuple[Array, Array]:
    """Depth along each ray, (rows, columns) cm, of the whole body and of the body without its fat."""
    half_width, half_depth = _profile(grid.y, thorax, torso)
    off = grid.x - thorax.midline(grid.y)
    body = _trunk(off, half_width, half_depth)
    lean = _trunk(
        off,
        np.maximum(half_width - torso.fat, 1),
        np.maximum(half_depth - torso.fat, 1),
    )
    for side, angle in zip((-1, 1), torso.arm_angle, strict=True):
        for trunk, inset in ((body, 0.0), (lean, torso.fat)):
            arm = _arm(thorax, torso, side, angle, inset)
            window = arm.window(grid)
            trunk[window.index] = soft_union(trunk[window.index], arm.chord(window.x, window.y))
    return body, lean


def _trunk(off: Array, half_width: Array, half_depth: Array) -> Array:
    across = off / half_width
    return 2 * half_depth * half_circle(across * across)


def _profile(y: Array, thorax: Thorax, torso: Torso) -> tuple[Array, Array]:
    """Half width and half depth of the trunk at each height, (rows, 1)."""
    joint, root, neck, ledge = torso.shoulder_y, torso.shoulder_y - torso.slope, torso.neck, torso.shoulder_x
    shell = torso.wall + torso.fat
    wide, deep = thorax.width + shell + 0.5, thorax.depth + shell
    ribs_end = max(thorax.height, joint + 10)
    stations = np.array(
        [
            (root - 3, neck, neck),
            (root, 1.15 * neck, 1.05 * neck),
            (joint - 6.6, 0.54 * ledge, 0.6 * deep),
            (joint - 5.2, 0.75 * ledge, 0.65 * deep),
            (joint - 4.1, 0.93 * ledge, 0.7 * deep),
            (joint - 1, ledge + 1, 0.82 * deep),
            (joint + 8, wide + 0.6, 0.95 * deep),
            (ribs_end, wide, deep),
            (ribs_end + 13, wide * torso.waist, deep * torso.waist),
        ]
    )
    heights = np.clip(y, stations[0, 0], stations[-1, 0])
    profile = PchipInterpolator(stations[:, 0], stations[:, 1:])(heights).astype(np.float32)
    return profile[..., 0], profile[..., 1]


def _arm(thorax: Thorax, torso: Torso, side: int, angle: float, inset: float) -> Limb:
    x = float(thorax.midline(torso.shoulder_y)) + side * torso.shoulder_x
    reach = 34.0
    return Limb(
        x,
        torso.shoulder_y,
        x + side * reach * np.sin(angle),
        torso.shoulder_y + reach * np.cos(angle),
        torso.arm - inset,
        0.85 * torso.arm - inset,
    )


def breasts(grid: Grid, thorax: Thorax, torso: Torso) -> list[tuple[Window, Array]]:
    """Depth of each breast, in cm, in its window: sharp below and outside, fading above and inside."""
    if torso.breast < 1:
        return []
    layers = []
    for side in (-1, 1):
        solid = _breast(thorax, torso, side)
        window = solid.window(grid)
        outward = (window.x - solid.x) * (0.35 * side / solid.a)
        downward = (window.y - solid.y) * (0.65 / solid.b)
        hang = np.clip(0.35 + outward + downward, 0, 1)
        layers.append((window, solid.chord(window.x, window.y) * hang))
    return layers


def _breast(thorax: Thorax, torso: Torso, side: int) -> Ellipsoid:
    return Ellipsoid(
        x=float(thorax.midline(torso.breast_y, thorax.depth)) + side * torso.breast_x,
        y=torso.breast_y - 0.85 * torso.breast,
        a=1.1 * torso.breast,
        b=0.95 * torso.breast,
        c=0.36 * torso.breast,
        turn=0.25 * side,
    )
