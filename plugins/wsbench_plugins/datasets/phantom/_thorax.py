"""The bony cage as a cavity: how wide and how deep it is at each height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np

from ._frame import Array
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Thorax:
    """The cavity within the ribs, in cm. Height 0 is the apex of the lungs.

    Attributes:
        width: Largest half width.
        depth: Largest half depth, front to back.
        height: Apex to the top of the right diaphragm; grows with inspiration.
        apex: Distance of each apex from the midline.
        slope: How fast the cavity widens below the apex; 2 is an ellipse, more is squarer.
        rotation: Sideways shift of the front of the chest per cm of depth: the tangent of the patient's turn.
        lean: Sideways shift of the midline per cm of height.
    """

    width: float
    depth: float
    height: float
    apex: float
    slope: float
    rotation: float
    lean: float

    def lateral(self, y: Array) -> Array:
        """Half width at each height, from the apex's distance at 0 to the full width."""
        rise = np.clip(1 - y / self.height, 0, 1)
        opened = np.sqrt(1 - rise**self.slope)
        half_width: Array = self.apex + (self.width - self.apex) * opened
        return half_width

    def half_depth(self, y: Array) -> Array:
        """Half depth at each height, 0 at the apex."""
        rise = np.clip(1 - y / (0.75 * self.height), 0, 1)
        half_depth: Array = self.depth * (1 - rise**2.2) ** 0.75
        return half_depth

    @overload
    def midline(self, y: float, z: float = 0.0) -> float: ...

    @overload
    def midline(self, y: Array, z: float = 0.0) -> Array: ...

    def midline(self, y: Array | float, z: float = 0.0) -> Array | float:
        """x of the midline at height y and depth z; the front has positive z."""
        return self.rotation * z + self.lean * (y - self.height / 2)


def draw_thorax(stream: Stream) -> Thorax:
    """A cage of varied proportions and inspiration."""
    width = stream.around(13.4, 1.5)
    return Thorax(
        width=width,
        depth=width * stream.around(0.66, 0.12),
        height=width * stream.around(1.47, 0.36),
        apex=width * stream.around(0.35, 0.05),
        slope=stream.around(2.5, 0.8),
        rotation=stream.around(0.0, 0.11),
        lean=stream.around(0.0, 0.05),
    )
