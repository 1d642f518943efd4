"""Where things are: patient centimetres, fractions of the image side, pixels.

Patient frame, in centimetres: x to the image's right (the patient's left) from the midline, y down from the
lung apices, z from the back of the chest to its front. No other module maps one frame to another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ._streams import Stream

Array = NDArray[np.floating[Any]]
"""Reals, most of them float32: numpy's types do not say that a Python float leaves them so."""
AnyArray = NDArray[Any]
"""Reals that cv2 returns: its types do not say that floats stay floats."""
Points = NDArray[np.floating[Any]]
"""Points of the patient frame, (count, 2): x and y in cm."""


@dataclass(frozen=True, slots=True)
class Pose:
    """The position of the patient before the detector.

    Attributes:
        field: Side of the square detector, in cm.
        x, y: The point of the patient, in cm, that lies at the centre of the image.
        tilt: Rotation in the image plane, in radians, clockwise.
    """

    field: float
    x: float
    y: float
    tilt: float

    @property
    def reach(self) -> float:
        """Side, in cm, of the upright square that holds the tilted detector."""
        return self.field * (math.cos(self.tilt) + abs(math.sin(self.tilt)))

    def to_fractions(self, points: Points) -> Points:
        """Points in cm -> fractions of the image side, (count, 2)."""
        cosine, sine = math.cos(self.tilt), math.sin(self.tilt)
        x, y = points[:, 0] - self.x, points[:, 1] - self.y
        turned = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1)
        return turned / self.field + 0.5


def draw_pose(stream: Stream, lung_height: float, lung_width: float) -> Pose:
    """A field that holds both lungs with a usual, varied margin."""
    needed = max(lung_height + 9.5, 2 * lung_width + 5.5)
    return Pose(
        field=needed * (1 + 0.36 * stream.uniform() ** 1.6),
        x=stream.around(0.0, 1.9),
        y=lung_height * 0.5 + stream.around(3.1, 2.0),
        tilt=math.radians(stream.around(0.0, 5.0)),
    )


@dataclass(frozen=True)
class Window:
    """A rectangle of a grid: where it lies in the array, and the cm of its pixel centres."""

    index: tuple[slice, slice]
    x: Array
    y: Array


@dataclass(frozen=True)
class Grid:
    """An upright square raster in the patient frame that covers the tilted detector.

    Attributes:
        pose: Gives the place and side of the raster.
        count: Pixels along its side.
    """

    pose: Pose
    count: int

    @property
    def pitch(self) -> float:
        """Distance between pixel centres, in cm."""
        return self.pose.reach / self.count

    @cached_property
    def x(self) -> Array:
        """(1, count) cm."""
        return self._axis(self.pose.x)[None, :]

    @cached_property
    def y(self) -> Array:
        """(count, 1) cm."""
        return self._axis(self.pose.y)[:, None]

    def _axis(self, centre: float) -> Array:
        return (centre + (np.arange(self.count) + 0.5 - self.count / 2) * self.pitch).astype(np.float32)

    def window(self, left: float, right: float, top: float, bottom: float) -> Window:
        """The part of the raster within these cm, possibly empty."""
        columns = self._span(left, right, self.pose.x)
        rows = self._span(top, bottom, self.pose.y)
        return Window((rows, columns), self.x[:, columns], self.y[rows])

    def _span(self, low: float, high: float, centre: float) -> slice:
        first = centre - self.pose.reach / 2
        start = math.floor((low - first) / self.pitch)
        stop = math.ceil((high - first) / self.pitch) + 1
        return slice(min(max(start, 0), self.count), min(max(stop, 0), self.count))

    def cells(self, points: Points) -> Points:
        """Points in cm -> column and row, where whole numbers are pixel centres."""
        corner = np.array([self.pose.x, self.pose.y], np.float32) - self.pose.reach / 2
        return (points - corner) / self.pitch - 0.5

    def empty(self) -> Array:
        """A (count, count) array of zeros."""
        return np.zeros((self.count, self.count), np.float32)

    def to_detector(self, raster: Array, size: int, interpolation: int = cv2.INTER_CUBIC) -> Array:
        """The raster seen by (size, size) detector pixels."""
        cosine, sine = math.cos(self.pose.tilt), math.sin(self.pose.tilt)
        scale = self.pose.field / size / self.pitch
        turn = scale * np.array([[cosine, sine], [-sine, cosine]])
        shift = (self.count - 1) / 2 - turn @ np.full(2, (size - 1) / 2)
        matrix = np.column_stack([turn, shift])
        flags = interpolation | cv2.WARP_INVERSE_MAP
        seen: AnyArray = cv2.warpAffine(
            raster, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return seen
