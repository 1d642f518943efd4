"""Scaling of raw maps to heatmaps with values from 0 to 1."""

from __future__ import annotations

import numpy as np


def stretched(values: np.ndarray) -> np.ndarray:
    """Shift and scale a map so that its lowest value becomes 0 and its highest 1.

    Args:
        values: floats of any shape.

    Returns:
        An array of the same shape and type; 0 everywhere where all values are equal.
    """
    lowest, highest = values.min(), values.max()
    if highest == lowest:
        return np.zeros_like(values)
    shares: np.ndarray = (values - lowest) / (highest - lowest)
    return shares


def peaked(maps: np.ndarray, smoothing: float = 0.0) -> np.ndarray:
    """Divide each map by its maximum, so that it reaches 1. A map that is 0 everywhere stays 0.

    Args:
        maps: ``(N, h, w)`` float32, each value at least 0.
        smoothing: standard deviation, in cells, of a Gaussian filter that is applied first; 0 applies none.

    Returns:
        ``(N, h, w)`` float32 in [0, 1].
    """
    import cv2

    if smoothing:
        # A kernel size of (0, 0) lets OpenCV derive it from the standard deviation.
        maps = np.stack([cv2.GaussianBlur(heatmap, (0, 0), smoothing) for heatmap in maps])
    highest = maps.max(axis=(1, 2), keepdims=True)
    shares: np.ndarray = np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)
    return shares
