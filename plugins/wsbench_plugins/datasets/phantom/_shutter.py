"""The collimator's edges, or the black frame that software puts around the exposed field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ._frame import Array
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Shutter:
    """An exposed rectangle.

    Attributes:
        left, top, right, bottom: How far each edge lies within the image, as fractions of its side.
        turn: Radians, clockwise.
        level: Grey level, 0 to 1, of what lies outside.
    """

    left: float
    top: float
    right: float
    bottom: float
    turn: float
    level: float


def draw_shutter(stream: Stream) -> Shutter | None:
    """Draw a shutter: none in most pictures, and never so narrow that it reaches the lungs."""
    if not stream.chance(0.35):
        return None
    left, top, right, bottom = (
        stream.uniform(0.003, 0.03) if stream.chance(0.6) else -0.05 for _ in range(4)
    )
    level = stream.choose({0.0: 7, 0.06: 2, 0.97: 2})
    return Shutter(left, top, right, bottom, math.radians(stream.around(0, 1.0)), level)


def close(picture: Array, shutter: Shutter) -> Array:
    """The (size, size) picture, grey levels 0 to 1, with everything outside the field covered."""
    size = picture.shape[0]
    x0, y0, x1, y1 = shutter.left, shutter.top, 1 - shutter.right, 1 - shutter.bottom
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) - 0.5
    cosine, sine = math.cos(shutter.turn), math.sin(shutter.turn)
    turned = corners @ np.array([[cosine, sine], [-sine, cosine]]) + 0.5
    open_field = np.zeros((size, size), np.uint8)
    pixels = np.rint((turned * size - 0.5) * 256).astype(np.int32)
    cv2.fillPoly(open_field, [pixels], 255, cv2.LINE_AA, shift=8)
    share = open_field.astype(np.float32) / 255
    picture -= shutter.level
    picture *= share
    picture += shutter.level
    return picture
