"""What is known of places without looking at an image: fixed boxes chosen on annotated ones."""

from __future__ import annotations

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.iou import pairwise_iou

FIXED_COUNTS = (1, 2, 4, 8, 16)
"""Candidates for the number of fixed boxes a class."""


def fixed_boxes(truth: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """At most ``count`` of the truth boxes, each chosen to raise the mean best overlap the most.

    Args:
        truth: ``(T, 4)`` as fractions of their images.
        count: of boxes wanted.

    Returns:
        ``(n, 4)`` boxes in the order of choice, and ``(n,)`` the share of the truth boxes that each
        overlaps by at least 0.25, which ranks it.
    """
    if len(truth) == 0:
        return truth, np.zeros(0)
    overlaps = pairwise_iou(truth, truth)
    best = np.zeros(len(truth))
    chosen: list[int] = []
    for _ in range(min(count, len(truth))):
        gain = np.maximum(overlaps, best).mean(axis=1)
        gain[chosen] = -1.0
        chosen.append(int(gain.argmax()))
        best = np.maximum(best, overlaps[chosen[-1]])
    return truth[chosen], (overlaps[chosen] >= 0.25).mean(axis=1)


def as_fractions(boxes: BoxTable, sizes: np.ndarray) -> np.ndarray:
    """Corners ``(M, 4)`` of boxes as fractions of their images.

    Args:
        boxes: in pixels.
        sizes: ``(N, 2)`` width and height of the images.
    """
    fractions: np.ndarray = boxes.xyxy / np.tile(sizes[boxes.image], 2)
    return fractions


def on_every_image(
    boxes: np.ndarray, weights: np.ndarray, label: int, sizes: np.ndarray, scores: np.ndarray
) -> BoxTable:
    """The same boxes on every image.

    Args:
        boxes: ``(n, 4)`` as fractions.
        weights: ``(n,)`` what multiplies the class score.
        label: index of the class.
        sizes: ``(N, 2)`` width and height of the images.
        scores: ``(N,)`` of the class.
    """
    image = np.repeat(np.arange(len(sizes)), len(boxes))
    corners = np.tile(boxes, (len(sizes), 1)) * np.tile(sizes[image], 2)
    score = np.outer(scores, weights).ravel()
    return BoxTable(image, np.full_like(image, label), corners, score)
