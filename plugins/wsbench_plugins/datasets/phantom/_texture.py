"""Random fields with structure at many scales, the same at every size of the raster."""

from __future__ import annotations

import cv2
import numpy as np

from ._frame import AnyArray, Array
from ._streams import Stream


def cloud(stream: Stream, shape: tuple[int, int], cells: int, fall: float) -> Array:
    """A field of mean 0 and variance about 1, (rows, columns).

    Args:
        stream: Every octave takes its numbers from it in order, the coarsest first, so a larger raster adds
            detail to the field of a smaller one.
        shape: Rows and columns of the raster.
        cells: Random values along each side in the coarsest octave.
        fall: Amplitude of each octave relative to the one before it; near 1 is grainy, near 0 is smooth.
    """
    rows, columns = shape
    field: AnyArray = np.zeros((cells, cells), np.float32)
    amplitude, variance = 1.0, 0.0
    while True:
        field += amplitude * stream.normals(*field.shape)
        variance += 0.6 * amplitude**2
        if 2 * field.shape[0] > max(rows, columns):
            break
        field = cv2.resize(field, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        amplitude *= fall
    raster: AnyArray = cv2.resize(field, (columns, rows), interpolation=cv2.INTER_LINEAR)
    result: Array = raster * (variance**-0.5)
    return result
