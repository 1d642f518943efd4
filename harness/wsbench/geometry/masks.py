"""Pixel masks: which pixels of an image show a class. Their pixels are decoded when somebody asks for them.

Run lengths are those of COCO: alternating runs of pixels outside and inside the mask, column by column, the
first one outside. Files have them as numbers, or as text in COCO's compressed form (``rleToString`` in
maskApi.c of the COCO API).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.types import Box

LONGEST_NUMBER = 6
"""Characters of a number in COCO's compressed form, which suffice for runs of 2**29 pixels."""


@dataclass(frozen=True)
class Mask:
    """The pixels of one image that show one class. Make it by `of_rle`, `of_polygons`, `of_pixels` or
    `computed`.

    Attributes:
        label: the class that the mask marks.
        width, height: size of the original image, in pixels.
        content: a hash or a name of the pixels. Masks of one size with equal contents have equal pixels. It
            enters the fingerprint of the dataset.
    """

    label: str
    width: int
    height: int
    content: str
    _decode: Callable[[], np.ndarray] = field(repr=False, compare=False)

    def pixels(self) -> np.ndarray:
        """Decode the mask, anew at each call.

        Returns:
            ``(height, width)`` bool, True where the class is.

        Raises:
            WsbenchError: what computes the mask gave an array of another shape.
        """
        pixels = np.asarray(self._decode()).astype(bool, copy=False)
        if pixels.shape != (self.height, self.width):
            raise WsbenchError(
                f"a mask of {self.label} has the shape {pixels.shape}, not {(self.height, self.width)}"
            )
        return pixels

    def has_pixels(self) -> bool:
        """Whether any pixel is in the mask."""
        return bool(self.pixels().any())

    def boxes(self) -> list[Box]:
        """Find the bounding rectangles of the 8-connected components, as heatmaps are cut into boxes.

        Returns:
            One box a component, in pixels of the original image; none for a mask without pixels.
        """
        from scipy import ndimage

        pixels = self.pixels()
        rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
        if len(rows) == 0:
            return []
        top, left = int(rows[0]), int(columns[0])
        cut = pixels[top : rows[-1] + 1, left : columns[-1] + 1]
        numbered, _ = ndimage.label(cut, structure=np.ones((3, 3)))
        return [
            Box(self.label, left + x.start, top + y.start, left + x.stop, top + y.stop)
            for y, x in ndimage.find_objects(numbered)
        ]

    @classmethod
    def of_rle(cls, label: str, width: int, height: int, counts: str | bytes | Sequence[int]) -> Mask:
        """Make a mask of COCO's run lengths.

        Args:
            label: the class.
            width, height: of the original image, in pixels.
            counts: the runs as numbers, or as text in COCO's compressed form.

        Raises:
            WsbenchError: the runs are damaged, or do not fill the image exactly.
        """
        runs = _expanded(counts) if isinstance(counts, str | bytes) else _as_runs(counts)
        if runs.min(initial=0) < 0 or int(runs.sum()) != width * height:
            raise WsbenchError(f"the run lengths of {label} do not fill {width}x{height} pixels")
        digest = hashlib.sha256(runs.tobytes()).hexdigest()[:32]
        return cls(label, width, height, digest, functools.partial(_of_runs, runs, width, height))

    @classmethod
    def of_polygons(cls, label: str, width: int, height: int, polygons: Sequence[Sequence[float]]) -> Mask:
        """Make a mask of polygons as COCO draws them (``rleFrPoly``); a pixel in several is in the mask.

        Args:
            label: the class.
            width, height: of the original image, in pixels.
            polygons: for each, ``x, y, x, y ...`` of at least three corners, in pixels.

        Raises:
            WsbenchError: there is no polygon, or one has too few or impossible corners.
        """
        from pycocotools import mask as coco

        for polygon in polygons:
            corners = np.asarray(polygon, dtype=np.float64)
            if corners.ndim != 1 or len(corners) < 6 or len(corners) % 2:
                raise WsbenchError(f"a polygon of {label} is not x, y, x, y ... of at least three corners")
            # COCO's code draws whatever it is given, and takes memory for every pixel of a line.
            if not (np.abs(corners.reshape(-1, 2)) <= 2 * np.array([width, height])).all():
                raise WsbenchError(f"a polygon of {label} reaches far out of its {width}x{height} pixels")
        if not polygons:
            raise WsbenchError(f"a mask of {label} has no polygon")
        drawn = coco.frPyObjects([list(map(float, polygon)) for polygon in polygons], height, width)
        return cls.of_rle(label, width, height, coco.merge(drawn)["counts"])

    @classmethod
    def of_pixels(cls, label: str, pixels: np.ndarray) -> Mask:
        """Make a mask of an array, which is kept as run lengths.

        Args:
            label: the class.
            pixels: ``(height, width)``; what is not 0 is in the mask.
        """
        height, width = pixels.shape
        flat = np.concatenate([[False], np.asarray(pixels, dtype=bool).T.ravel()])
        edges = np.flatnonzero(flat[1:] != flat[:-1])
        return cls.of_rle(label, width, height, np.diff(edges, prepend=0, append=width * height).tolist())

    @classmethod
    def computed(
        cls, label: str, width: int, height: int, content: str, decode: Callable[[], np.ndarray]
    ) -> Mask:
        """Make a mask that is computed or read when its pixels are asked for.

        Args:
            label: the class.
            width, height: of the original image, in pixels.
            content: a hash or a name that changes whenever a pixel does.
            decode: returns ``(height, width)``; what is not 0 is in the mask. It must pickle, as functions of
                modules and `functools.partial` do.
        """
        return cls(label, width, height, content, decode)


def _as_runs(counts: Sequence[int]) -> np.ndarray:
    runs = np.array(counts)
    if runs.ndim != 1 or runs.dtype.kind not in "iu" or runs.max(initial=0) > 2**40:
        raise WsbenchError("run lengths are no list of whole numbers")
    return runs.astype(np.int64)


def _expanded(counts: str | bytes) -> np.ndarray:
    """Return the run lengths of COCO's compressed form.

    Each character holds five bits of a number, the lowest first, and says whether more follow. From the
    fourth on, a number is the difference to the run before the last one.
    """
    data = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
    digits = np.frombuffer(data, dtype=np.uint8).astype(np.int64) - 48
    if len(digits) == 0 or digits.min() < 0 or digits.max() > 63 or digits[-1] & 32:
        raise WsbenchError("run lengths are not in COCO's compressed form, or are cut off")
    ends = np.flatnonzero((digits & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(digits)) - np.repeat(starts, ends - starts + 1)
    if places.max() >= LONGEST_NUMBER:
        raise WsbenchError("run lengths are not in COCO's compressed form: a number is too long")
    runs: np.ndarray = np.add.reduceat((digits & 31) << (5 * places), starts)
    runs -= ((digits[ends] & 16) > 0) * (1 << 5 * (places[ends] + 1))  # the highest bit is the sign
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def _of_runs(runs: np.ndarray, width: int, height: int) -> np.ndarray:
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T
