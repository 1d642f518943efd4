"""How many images are predicted together."""

from __future__ import annotations

ACTIVATION_BYTES = 96 * 1024 * 1024
"""Bytes of activations of a forward pass at most, if that leaves an image. More images at once take more
memory and, on a CPU, no less time each; where freed memory is returned, up to twice the time
(docs/efficiency.md)."""

MOST_IMAGES = 16
"""Images that are predicted together at most."""


def images_at_once(floats: float) -> int:
    """How many images to predict together, which changes numbers in their last bits only.

    Args:
        floats: activations of one image that are in memory at the same time, or an estimate of their number.

    Returns:
        1 to 16.
    """
    return min(MOST_IMAGES, max(1, int(ACTIVATION_BYTES / (4 * floats))))
