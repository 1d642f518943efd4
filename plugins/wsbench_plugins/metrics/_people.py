"""Masks that people drew and points that they set, against truth masks.

Masks are compared as ``eval.py`` of CheXlocalize compares them, and points as its ``get_hb_hitrates`` does
(Saporta et al. 2022): a finding is hit where any of the points lies in a pixel of the truth mask, and missed
where there is no point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np


def hit_of_points(truth: np.ndarray, points: np.ndarray | None) -> float:
    """1 if any of some points lies in a pixel of a truth mask, else 0.

    Args:
        truth: ``(height, width)`` bool.
        points: ``(k, 2)`` x and y in pixels, inside of the image; None for no point.
    """
    import numpy as np

    if points is None or len(points) == 0:
        return 0.0
    x, y = points.astype(np.intp).T
    return float(truth[y, x].any())


def areas_of_masks(
    truth: Mapping[tuple[int, int], wsbench.geometry.Mask],
    drawn: Mapping[tuple[int, int], wsbench.geometry.Mask],
    rows: np.ndarray,
    columns: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """``(P,)`` pixels of the masks that people drew, and of what they share with the truth masks.

    Args:
        truth, drawn: masks by the row of the image and the index of the class. What was not drawn is blank.
        rows, columns: ``(P,)`` the places of the truth masks that have pixels.
    """
    import numpy as np

    result = np.zeros((2, len(rows)))
    for pair, place in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        if place in drawn:
            pixels = drawn[place].pixels()
            result[:, pair] = pixels.sum(), (pixels & truth[place].pixels()).sum()
    return result[0], result[1]
