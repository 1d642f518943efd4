"""What methods do to raw maps before they are heatmaps."""

from __future__ import annotations

import numpy as np


def peaked(maps: np.ndarray, smoothing: float = 0.0) -> np.ndarray:
    """Maps, each from 0 to 1 at its maximum; one that is 0 everywhere stays 0.

    Args:
        maps: ``(N, h, w)`` float32, >= 0.
        smoothing: standard deviation of a Gaussian, in cells; 0: none.
    """
    import cv2

    if smoothing:
        maps = np.stack([cv2.GaussianBlur(of_image, (0, 0), smoothing) for of_image in maps])
    highest = maps.max(axis=(1, 2), keepdims=True)
    shares: np.ndarray = np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)
    return shares
