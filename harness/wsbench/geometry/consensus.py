"""One box for each finding that several readers have boxed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wsbench.geometry.iou import pairwise_iou

SAME_FINDING = 0.25
"""The IoU from which boxes of two readers are of one finding: the ranking measure counts a box as a hit from
there on."""


def consensus_boxes(by_reader: Sequence[np.ndarray], *, agree: int, iou: float = SAME_FINDING) -> np.ndarray:
    """Fuse the boxes that readers drew of one class on one image.

    Boxes are of one finding if they are of different readers and every two of them overlap. Pairs are joined
    in the order of their overlap, the largest first. The fused box has the mean corners of its boxes. The
    order of the readers does not matter.

    Args:
        by_reader: for each reader, ``(n, 4)`` corners ``x0, y0, x1, y1`` in pixels; ``(0, 4)`` for a reader
            without a box.
        agree: the number of readers that must have boxed a finding, at least 1.
        iou: the IoU from which two boxes overlap.

    Returns:
        ``(K, 4)`` corners of the K findings that enough readers boxed, sorted.
    """
    flat = [(tuple(map(float, box)), reader) for reader, boxes in enumerate(by_reader) for box in boxes]
    flat.sort()
    corners = np.array([box for box, _ in flat], dtype=np.float64).reshape(-1, 4)
    readers = [reader for _, reader in flat]
    fused = [corners[group].mean(axis=0) for group in _groups(corners, readers, iou) if len(group) >= agree]
    return np.array(sorted(map(tuple, fused)), dtype=np.float64).reshape(-1, 4)


def _groups(corners: np.ndarray, readers: Sequence[int], iou: float) -> list[list[int]]:
    """Rows of the boxes of every finding, each sorted."""
    ious = pairwise_iou(corners, corners)
    fits = (ious >= iou) & (np.array(readers)[:, None] != np.array(readers)[None, :])
    group_of = {row: [row] for row in range(len(corners))}
    first, second = np.nonzero(np.triu(fits))
    for pair in np.argsort(-ious[first, second], kind="stable"):
        one, other = group_of[int(first[pair])], group_of[int(second[pair])]
        if one is not other and fits[np.ix_(one, other)].all():
            joined = sorted(one + other)
            group_of.update(dict.fromkeys(joined, joined))
    return [group for row, group in group_of.items() if group[0] == row]
