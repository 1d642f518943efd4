"""The paper's mask of a changemap (sections 4.4 to 4.6)."""

from __future__ import annotations

import cv2
import numpy as np

LEVELS = 256


def levels(changemap: np.ndarray) -> np.ndarray:
    """The changemap as a grey picture: its magnitude from 0 to its maximum, in 256 levels.

    Args:
        changemap: ``(h, w)`` >= 0.

    Returns:
        ``(h, w)`` uint8; all 0 for an empty changemap.
    """
    highest = changemap.max()
    if highest <= 0:
        return np.zeros(changemap.shape, dtype=np.uint8)
    return (  # type: ignore[no-any-return]  # numpy: a ufunc's result is Any
        np.rint(changemap / highest * (LEVELS - 1)).astype(np.uint8)
    )


def threshold(
    picture: np.ndarray, attention: np.ndarray, region: float, bins: int, share: float
) -> float | None:
    """97 % of the value at the peak of the histogram where Grad-CAM looks (section 4.4).

    The lowest bin is no change and no candidate; a bin's value is the middle of its levels.

    Args:
        picture: ``(h, w)`` uint8 of `levels`.
        attention: ``(h, w)`` in [0, 1].
        region: attention from which Grad-CAM looks there.
        bins: of the histogram.
        share: of the peak's value, 0.97 in the paper.

    Returns:
        A level; None where nothing changed in the region.
    """
    bin_of = np.arange(LEVELS) * bins // LEVELS
    counts = np.bincount(bin_of[picture[attention >= region]], minlength=bins)
    counts[0] = 0
    if not counts.any():
        return None
    return share * float(np.flatnonzero(bin_of == counts.argmax()).mean())


def mask(
    changemap: np.ndarray,
    attention: np.ndarray,
    *,
    region: float,
    bins: int,
    share: float,
    erosion: int,
    dilation: int,
) -> np.ndarray:
    """``(h, w)`` bool: what reaches the threshold, eroded, then dilated (section 4.5).

    Args:
        changemap: ``(h, w)`` >= 0.
        attention, region, bins, share: as in `threshold`.
        erosion, dilation: sides of the square kernels, 2 and 5 in the paper.
    """
    picture = levels(changemap)
    lowest = threshold(picture, attention, region, bins, share)
    if lowest is None:
        return np.zeros(picture.shape, dtype=bool)
    reached: np.ndarray = (picture >= lowest).astype(np.uint8)
    reached = cv2.erode(reached, np.ones((erosion, erosion), np.uint8))
    return cv2.dilate(reached, np.ones((dilation, dilation), np.uint8)).astype(bool)
