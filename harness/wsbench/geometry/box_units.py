"""Whether boxes are in pixels of their images: a wrong frame that stays inside the images is silent."""

from __future__ import annotations

import numpy as np

HALF = 0.5
"""Share of the width and height of their images beyond which some box of many reaches."""

MANY = 10
"""Boxes. Of TBX11K's boxes 40 % lie within the upper left quarter of their image, of ChestX-ray14's 9 %: ten
that all do come by chance once in 10,000 times at most."""

WITHIN_A_PIXEL = "no box reaches beyond 1 pixel: are these pixels of the original image, or shares of it?"
WITHIN_A_QUARTER = (
    "no box reaches beyond half of its image's width and height: are these pixels of the original image?"
)


def frame_doubt(corners: np.ndarray, sizes: np.ndarray) -> str:
    """Why boxes seem to be in another frame than pixels of their images; empty where nothing speaks for it.

    Args:
        corners: ``(n, 4)`` x0, y0, x1, y1, as they were given.
        sizes: ``(n, 2)`` width and height of the image of each box, in pixels.
    """
    if len(corners) == 0:
        return ""
    if corners[:, 2:].max() <= 1:
        return WITHIN_A_PIXEL
    reach = (corners[:, 2:] / sizes).max()
    return WITHIN_A_QUARTER if len(corners) >= MANY and reach <= HALF else ""
