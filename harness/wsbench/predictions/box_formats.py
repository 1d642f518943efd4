"""The formats in which programs write boxes: the frame that the numbers are in, and their order.

A format is named ``FRAME:ORDER``, such as ``0-1000:xyxy``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from wsbench.errors import WsbenchError, choose
from wsbench.geometry.coordinates import cells_to_pixels

ORDERS = {
    "xyxy": "x0 y0 x1 y1",
    "yxyx": "y0 x0 y1 x1",
    "xywh": "x0 y0 width height",
    "cxcywh": "x and y of the centre, width, height",
}
"""The orders of a box's four numbers."""

FRAMES = {
    "pixels": "pixels of the original image",
    "0-N": "0 to N over the whole image, such as 0-1, 0-100 or 0-1000",
    "bins-N": "bins 0 to N - 1 over the whole image; a bin stands for its centre",
    "resized-WxH": "pixels of the image resized to W x H",
    "letterbox-WxH": "pixels of W x H, into which the image was fitted, centred and padded on both sides",
    "padded-WxH": "pixels of W x H, into which the image was fitted, padded at the right or below",
    "resized": "pixels of the image resized to the width and height that each answer says",
}
"""The frames of coordinates, in words."""

LARGEST_SIDE = 100_000
"""The largest N, W and H of a frame."""

_FRAME = re.compile(
    r"(?P<pixels>pixels)|0-(?P<top>\d+)|bins-(?P<bins>\d+)|(?P<own>resized)"
    r"|(?P<kind>resized|letterbox|padded)-(?P<width>\d+)x(?P<height>\d+)"
)

_FROM_CORNERS = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [-1, 0, 1, 0], [0, -1, 0, 1]], dtype=np.float64)
_MATRICES = {
    "xyxy": np.eye(4),
    "yxyx": np.eye(4)[[1, 0, 3, 2]],
    "xywh": _FROM_CORNERS,
    "cxcywh": np.concatenate([[[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]], _FROM_CORNERS[2:]]),
}
"""By order, the matrix that makes a box's numbers of its corners ``x0, y0, x1, y1``."""

_INVERSES = {order: np.linalg.inv(matrix) for order, matrix in _MATRICES.items()}


@dataclass(frozen=True)
class BoxFormat:
    """A frame of coordinates and the order of a box's four numbers.

    Attributes:
        frame: a word of `FRAMES` with its numbers filled in.
        order: one of `ORDERS`.
        kind: ``pixels``, ``shares``, ``bins``, ``resized``, ``letterbox`` or ``padded``.
        canvas: width and height of the frame in its own unit; None where images or answers say it.
    """

    frame: str
    order: str
    kind: str
    canvas: tuple[int, int] | None

    def __str__(self) -> str:
        return f"{self.frame}:{self.order}"

    @classmethod
    def named(cls, name: str) -> BoxFormat:
        """Return the format with a name.

        Raises:
            WsbenchError: the name is not ``FRAME:ORDER``.
        """
        frame, colon, order = name.partition(":")
        match = _FRAME.fullmatch(frame)
        if not colon or match is None:
            raise WsbenchError(
                f"unknown box format '{name}'; write FRAME:ORDER, such as 0-1000:xyxy, where FRAME is "
                f"{', '.join(FRAMES)}"
            )
        choose(order, ORDERS, f"order of the numbers in '{name}'")
        if match["pixels"] or match["own"]:
            return cls(frame, order, "pixels" if match["pixels"] else "resized", None)
        if match["kind"]:
            canvas = (int(match["width"]), int(match["height"]))
        else:
            canvas = (int(match["top"] or match["bins"]),) * 2
        if not 1 <= min(canvas) <= max(canvas) <= LARGEST_SIDE:
            raise WsbenchError(f"box format '{name}': a frame has 1 to {LARGEST_SIDE} units")
        return cls(frame, order, match["kind"] or ("bins" if match["bins"] else "shares"), canvas)

    @property
    def needs_sizes(self) -> bool:
        """Whether each answer must say the size of the image that its numbers are pixels of."""
        return self.kind == "resized" and self.canvas is None

    @property
    def is_grid(self) -> bool:
        """Whether numbers are steps of a grid over the image, which a program cannot leave by rounding."""
        return self.kind == "bins" or (self.kind == "shares" and self.canvas != (1, 1))

    def corners(self, numbers: np.ndarray) -> np.ndarray:
        """Put ``(n, 4)`` numbers in the order ``x0, y0, x1, y1``, in the unit of the frame."""
        corners: np.ndarray = np.asarray(numbers, dtype=np.float64).reshape(-1, 4) @ _INVERSES[self.order].T
        return corners

    def canvases(self, sizes: np.ndarray, stated: np.ndarray | None = None) -> np.ndarray:
        """Return the width and height of each box's frame, in its own unit.

        Args:
            sizes: ``(n, 2)`` width and height of each box's image, in pixels.
            stated: ``(n, 2)`` the sizes that answers say, where the format needs them.
        """
        if self.canvas is not None:
            return np.full((len(sizes), 2), self.canvas, dtype=np.float64)
        values = np.asarray(stated if self.needs_sizes else sizes, dtype=np.float64)
        return values.reshape(-1, 2)

    def to_pixels(
        self, numbers: np.ndarray, sizes: np.ndarray, stated: np.ndarray | None = None
    ) -> np.ndarray:
        """Convert boxes to corners in pixels of the original images.

        Args:
            numbers: ``(n, 4)`` boxes in this format.
            sizes: ``(n, 2)`` width and height of each box's image, in pixels.
            stated: ``(n, 2)`` the sizes that answers say, where the format needs them.

        Returns:
            ``(n, 4)`` float64 corners ``x0, y0, x1, y1``.
        """
        corners = self.corners(numbers)
        if self.kind == "pixels":
            return corners
        offset = 0.5 if self.kind == "bins" else 0.0
        canvases = self.canvases(sizes, stated)
        shares = (corners + offset) / np.tile(canvases, 2)
        return cells_to_pixels(shares, self._regions(sizes, canvases), (1, 1))

    def from_pixels(
        self, corners: np.ndarray, sizes: np.ndarray, stated: np.ndarray | None = None
    ) -> np.ndarray:
        """Convert corners in pixels to boxes in this format: the inverse of `to_pixels`.

        Bins are not rounded to whole numbers.
        """
        values = np.asarray(corners, dtype=np.float64).reshape(-1, 4)
        if self.kind != "pixels":
            canvases = self.canvases(sizes, stated)
            regions = self._regions(sizes, canvases)
            start, side = np.tile(regions[:, :2], 2), np.tile(regions[:, 2:] - regions[:, :2], 2)
            values = (values - start) / side * np.tile(canvases, 2) - (0.5 if self.kind == "bins" else 0.0)
        numbers: np.ndarray = values @ _MATRICES[self.order].T
        return numbers

    def _regions(self, sizes: np.ndarray, canvases: np.ndarray) -> np.ndarray:
        """Return the ``(n, 4)`` corners of the region that each frame covers, in pixels of its image."""
        sides = np.asarray(sizes, dtype=np.float64).reshape(-1, 2)
        if self.kind not in ("letterbox", "padded"):
            return np.concatenate([np.zeros_like(sides), sides], axis=1)
        pixels_of_unit = (sides / canvases).max(axis=1, keepdims=True)  # the longer side fits exactly
        covered = canvases * pixels_of_unit
        start = (sides - covered) / 2 if self.kind == "letterbox" else np.zeros_like(sides)
        return np.concatenate([start, start + covered], axis=1)
