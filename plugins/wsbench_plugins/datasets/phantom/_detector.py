"""The detector: photons that arrive, the glare around them, and their quantum noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ._frame import AnyArray, Array
from ._streams import Stream
from ._tissues import transmission

_GLARE_GRID = 48
"""Glare varies over centimetres, so it is computed on this many cells along the side."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """The exposure of a picture.

    Attributes:
        photons: Photons per cm2 that an empty field would count, 1e7 (noisy) to 8e7 (clean).
        glare: Scattered light and radiation behind the grid as a share of the local mean of the primary beam.
        glare_reach: Standard deviation, in cm, of the spread of that share.
        blur: Standard deviation, in cm, of the detector's point spread.
    """

    photons: float
    glare: float
    glare_reach: float
    blur: float


def draw_exposure(stream: Stream) -> Exposure:
    """Draw an exposure, from a noisy bedside film to a well exposed one."""
    return Exposure(
        photons=1e7 * 8 ** stream.uniform(),
        glare=stream.uniform(0.06, 0.3),
        glare_reach=stream.uniform(2.5, 6.0),
        blur=stream.uniform(0.015, 0.045),
    )


def expected_photons(integral: Array, glare: Array, exposure: Exposure, field: float) -> Array:
    """Mean count of each pixel for a square detector of ``field`` cm: Beer-Lambert, point spread, glare."""
    pitch = field / integral.shape[0]
    passed: AnyArray = transmission(integral)
    if exposure.blur > 0.3 * pitch:
        passed = cv2.GaussianBlur(passed, (0, 0), exposure.blur / pitch)
    passed += glare
    passed *= exposure.photons * pitch * pitch
    return passed


def glare_of(integral: Array, exposure: Exposure, field: float) -> Array:
    """Glare at each pixel, (size, size), as a share of the photons of an empty field."""
    size = integral.shape[0]
    cells = min(size, _GLARE_GRID)
    coarse: AnyArray = cv2.resize(integral, (cells, cells), interpolation=cv2.INTER_AREA)
    passed = transmission(coarse)
    spread = cv2.GaussianBlur(passed, (0, 0), exposure.glare_reach / field * cells)
    return exposure.glare * cv2.resize(spread, (size, size), interpolation=cv2.INTER_LINEAR)


def count_photons(expected: Array, stream: Stream) -> Array:
    """Counts with quantum noise: variance equals the mean, at least one photon per pixel."""
    noise = np.sqrt(expected)
    noise *= stream.normals(*expected.shape)
    noise += expected
    return np.maximum(noise, 1, out=noise)


def measured_integral(counts: Array, exposure: Exposure, field: float) -> Array:
    """The line integral that the counts stand for, as a detector reports it."""
    pitch = field / counts.shape[0]
    logarithms: AnyArray = cv2.log(counts / (exposure.photons * pitch * pitch))
    return -logarithms
