"""From a changemap to the paper's mask and boxes (sections 4.4 to 4.6)."""

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
    return np.rint(changemap / highest * (LEVELS - 1)).astype(np.uint8)


def threshold(picture: np.ndarray, attention: np.ndarray, region: float, share: float) -> float | None:
    """97 % of the level that is most frequent where Grad-CAM looks (section 4.4).

    Level 0 is no change and no candidate.

    Args:
        picture: ``(h, w)`` uint8 of `levels`.
        attention: ``(h, w)`` in [0, 1].
        region: attention from which Grad-CAM looks there.
        share: of the peak's level, 0.97 in the paper.

    Returns:
        A level; None where nothing changed in the region.
    """
    counts = np.bincount(picture[attention >= region], minlength=LEVELS)
    counts[0] = 0
    return share * int(counts.argmax()) if counts.any() else None


def mask(
    changemap: np.ndarray, attention: np.ndarray, *, region: float, share: float, erosion: int, dilation: int
) -> np.ndarray:
    """``(h, w)`` bool: what reaches the threshold, eroded, then dilated (section 4.5).

    Args:
        changemap: ``(h, w)`` >= 0.
        attention, region, share: as in `threshold`.
        erosion, dilation: sides of the square kernels, 2 and 5 in the paper.
    """
    picture = levels(changemap)
    lowest = threshold(picture, attention, region, share)
    if lowest is None:
        return np.zeros(picture.shape, dtype=bool)
    found = (picture >= lowest).astype(np.uint8)
    found = cv2.erode(found, np.ones((erosion, erosion), np.uint8))
    return cv2.dilate(found, np.ones((dilation, dilation), np.uint8)).astype(bool)
