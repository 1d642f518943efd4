"""Burn markers into a finished picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ._frame import AnyArray, Array
from ._markers import Marker, Style

_CAP = 66
"""Height of a capital letter of a stamp before it is scaled, in pixels."""
_RIM = 16


def marker_box(marker: Marker) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of all that the marker covers, in fractions of the image side."""
    ink, ground = _stamp(marker.text, marker.style)
    down, right = np.nonzero(np.maximum(ink, ground) > 127)
    scale = marker.height / _CAP
    right, down = (right - (ink.shape[1] - 1) / 2) * scale, (down - (ink.shape[0] - 1) / 2) * scale
    cosine, sine = np.cos(marker.turn), np.sin(marker.turn)
    x, y = marker.x + cosine * right - sine * down, marker.y + sine * right + cosine * down
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def burn(picture: Array, markers: tuple[Marker, ...]) -> Array:
    """The (size, size) picture, grey levels 0 to 1, with all markers."""
    for marker in markers:
        _burn_one(picture, marker)
    return picture


def _burn_one(picture: Array, marker: Marker) -> None:
    size = picture.shape[0]
    scale = marker.height * size / _CAP
    ink: AnyArray
    ground: AnyArray
    ink, ground = (_scaled(layer, scale) for layer in _stamp(marker.text, marker.style))
    rows, columns = ink.shape
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), -np.degrees(marker.turn), 1.0)
    reach = int(np.ceil(np.hypot(rows, columns) / 2)) + 2
    x, y = marker.x * size - 0.5, marker.y * size - 0.5
    left, top = int(x) - reach, int(y) - reach
    matrix[:, 2] += (x - left - (columns - 1) / 2, y - top - (rows - 1) / 2)
    ink, ground = (cv2.warpAffine(layer, matrix, (2 * reach + 1, 2 * reach + 1)) for layer in (ink, ground))
    right, bottom = min(left + 2 * reach + 1, size), min(top + 2 * reach + 1, size)
    region = slice(max(top, 0), bottom), slice(max(left, 0), right)
    cut = slice(region[0].start - top, bottom - top), slice(region[1].start - left, right - left)
    strength = 0.85 if marker.style == "lead" else 1.0
    pixels = picture[region]
    pixels *= 1 - ground[cut]
    pixels += strength * ink[cut] * (1 - pixels)


def _scaled(layer: NDArray[np.uint8], scale: float) -> Array:
    size = (max(round(layer.shape[1] * scale), 1), max(round(layer.shape[0] * scale), 1))
    return cv2.resize(layer, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


@lru_cache(maxsize=32)
def _stamp(text: str, style: Style) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Ink and black ground of a marker, both (rows, columns), 0 to 255."""
    if not text:
        return _arrow()
    font, scale, weight = cv2.FONT_HERSHEY_DUPLEX, 3.0, 9 if style == "burnt" else 11
    (columns, rows), _ = cv2.getTextSize(text, font, scale, weight)
    margin = 44 if style == "badge" else _RIM
    ink = np.zeros((rows + 2 * margin, columns + 2 * margin), np.uint8)
    ground = ink.copy()
    if style == "badge":
        centre, radius = (ink.shape[1] // 2, ink.shape[0] // 2), min(ink.shape) // 2 - 4
        cv2.circle(ground, centre, radius, 255, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(ink, centre, radius - 2, 255, 4, cv2.LINE_AA)
    elif style == "burnt":
        cv2.putText(ground, text, (margin, rows + margin), font, scale, 255, weight + 16, cv2.LINE_AA)
    cv2.putText(ink, text, (margin, rows + margin), font, scale, 255, weight, cv2.LINE_AA)
    return ink, ground


def _arrow() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An upright block arrow, one cap high."""
    corners = np.array([[32, 0], [60, 30], [42, 30], [42, 66], [22, 66], [22, 30], [4, 30]], np.int32) + 8
    ink, ground = np.zeros((82, 80), np.uint8), np.zeros((82, 80), np.uint8)
    cv2.fillPoly(ink, [corners], 255, cv2.LINE_AA)
    cv2.polylines(ground, [corners], True, 255, 8, cv2.LINE_AA)
    return ink, np.maximum(ground, ink)
