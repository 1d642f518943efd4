"""Overlaps of boxes. Boxes are ``(n, 4)`` half-open corners in pixels, and areas are continuous."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from wsbench.geometry.coordinates import areas


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute the intersection over union (IoU) of boxes row by row.

    Args:
        first, second: ``(K, 4)`` corners ``x0, y0, x1, y1``.

    Returns:
        ``(K,)`` floats in [0, 1]; 0 where the union has no area.
    """
    first, second = first.reshape(-1, 4), second.reshape(-1, 4)
    corners = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    intersection = areas(np.concatenate(corners, axis=1))
    union = areas(first) + areas(second) - intersection
    ratios: np.ndarray = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return ratios


def pairwise_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute the IoU of every box of one set with every box of another.

    Args:
        first: ``(A, 4)`` corners ``x0, y0, x1, y1``.
        second: ``(B, 4)`` corners.

    Returns:
        ``(A, B)`` floats in [0, 1]; 0 where the union has no area.
    """
    rows, columns = np.repeat(np.arange(len(first)), len(second)), np.tile(np.arange(len(second)), len(first))
    return intersection_over_union(first[rows], second[columns]).reshape(len(first), len(second))


def shared_areas(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Compute the exact areas that two sets of boxes cover. Where boxes of a set overlap, their area counts
    once.

    Args:
        first: ``(A, 4)`` corners ``x0, y0, x1, y1`` in pixels.
        second: ``(B, 4)`` corners.

    Returns:
        In square pixels: the area that both sets cover, that of the first set, and that of the second.
    """
    # No box edge crosses a cell of the grid that all edges make, so a cell is covered fully or not at all.
    corners = np.concatenate([first, second])
    x, y = np.unique(corners[:, [0, 2]]), np.unique(corners[:, [1, 3]])
    cells = np.outer(np.diff(y), np.diff(x))

    def covered(boxes: np.ndarray) -> np.ndarray:
        mask = np.zeros(cells.shape, dtype=bool)
        for x0, y0, x1, y1 in boxes:
            columns = slice(np.searchsorted(x, x0), np.searchsorted(x, x1))
            mask[np.searchsorted(y, y0) : np.searchsorted(y, y1), columns] = True
        return mask

    in_first, in_second = covered(first), covered(second)
    shared = float(cells[in_first & in_second].sum())
    return shared, float(cells[in_first].sum()), float(cells[in_second].sum())


def one_to_one(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Match boxes one to one, such that as many as possible have a partner (maximum bipartite matching).

    Args:
        first, second: ``(K,)`` the numbers of the two boxes of each pair that may be matched.

    Returns:
        ``(n,)`` the numbers, sorted, of the boxes in ``first`` that have a partner.
    """
    if len(first) == 0:
        return np.zeros(0, dtype=np.intp)
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    shape = (len(rows), len(columns))
    graph = csr_array((np.ones(len(first), dtype=np.int8), (row, column)), shape=shape)
    # SciPy gives, for every row, the column that it is matched with, or -1.
    matched: np.ndarray = rows[maximum_bipartite_matching(graph, perm_type="column") >= 0]
    return matched
