"""Overlaps of boxes ``(n, 4)``, half-open corners in pixels, as continuous areas."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from wsbench.geometry.coordinates import areas


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(K,)`` overlaps of ``(K, 4)`` boxes row by row, as continuous areas; 0 where the union is empty."""
    first, second = first.reshape(-1, 4), second.reshape(-1, 4)
    corner = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    shared = areas(np.concatenate(corner, axis=1))
    union = areas(first) + areas(second) - shared
    ratios: np.ndarray = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratios


def pairwise_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(A, B)`` overlaps of every box of ``(A, 4)`` with every box of ``(B, 4)``."""
    rows, columns = np.repeat(np.arange(len(first)), len(second)), np.tile(np.arange(len(second)), len(first))
    return intersection_over_union(first[rows], second[columns]).reshape(len(first), len(second))


def shared_areas(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Exact areas of the union of boxes ``(A, 4)``, of the union of boxes ``(B, 4)``, and of what both
    cover, on the grid that all box edges make: ``(both, first, second)``."""
    everything = np.concatenate([first, second])
    x, y = np.unique(everything[:, [0, 2]]), np.unique(everything[:, [1, 3]])
    cells = np.outer(np.diff(y), np.diff(x))

    def covered(boxes: np.ndarray) -> np.ndarray:
        mask = np.zeros(cells.shape, dtype=bool)
        for x0, y0, x1, y1 in boxes:
            columns = slice(np.searchsorted(x, x0), np.searchsorted(x, x1))
            mask[np.searchsorted(y, y0) : np.searchsorted(y, y1), columns] = True
        return mask

    in_first, in_second = covered(first), covered(second)
    both, one, other = (float(cells[mask].sum()) for mask in (in_first & in_second, in_first, in_second))
    return both, one, other


def one_to_one(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The boxes of the first kind that have a partner in a largest one-to-one matching, sorted.

    Args:
        first, second: ``(K,)`` box numbers of the pairs that may be matched.
    """
    if len(first) == 0:
        return np.zeros(0, dtype=np.intp)
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    shape = (len(rows), len(columns))
    graph = csr_array((np.ones(len(first), dtype=np.int8), (row, column)), shape=shape)
    matched: np.ndarray = rows[maximum_bipartite_matching(graph, perm_type="column") >= 0]
    return matched
