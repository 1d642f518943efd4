"""Detects boxes that are probably not in pixels of their images.

Boxes in a wrong frame (shares of the image, pixels of a smaller copy) often stay inside their images. No
other check notices them.
"""

from __future__ import annotations

import numpy as np

QUARTER_SIDE = 0.5
"""A quarter of an image ends at this share of its width and height."""

FEWEST_BOXES_FOR_DOUBT = 10
"""The number of boxes from which it is suspicious that all lie within the upper left quarter of their image.

40 % of TBX11K's boxes and 9 % of ChestX-ray14's boxes do, so ten of ten happen by chance at most once in
10,000 times.
"""

WITHIN_A_PIXEL = "no box reaches beyond 1 pixel: are these pixels of the original image, or shares of it?"
WITHIN_A_QUARTER = (
    "no box reaches beyond half of its image's width and height: are these pixels of the original image?"
)


def frame_doubt(corners: np.ndarray, sizes: np.ndarray) -> str:
    """Say why boxes seem not to be in pixels of their images.

    Args:
        corners: ``(n, 4)`` x0, y0, x1, y1, as a file gives them.
        sizes: ``(n, 2)`` width and height of the image of each box, in pixels.

    Returns:
        A sentence, or an empty string where nothing is suspicious.
    """
    if len(corners) == 0:
        return ""
    if corners[:, 2:].max() <= 1:
        return WITHIN_A_PIXEL
    furthest = (corners[:, 2:] / sizes).max()
    return WITHIN_A_QUARTER if len(corners) >= FEWEST_BOXES_FOR_DOUBT and furthest <= QUARTER_SIDE else ""
