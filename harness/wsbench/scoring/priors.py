"""Fixed boxes: what is known of positions without looking at an image, chosen on annotated images."""

from __future__ import annotations

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.iou import pairwise_iou

FIXED_COUNTS = (1, 2, 4, 8, 16)
"""Candidates for the number of fixed boxes of a class."""

HIT_IOU = 0.25
"""The IoU from which a fixed box hits a truth box, which ranks it."""


def fixed_boxes(truth: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose truth boxes of a class as fixed boxes, one after another (greedily).

    Each choice raises the mean, over truth boxes, of the best IoU with a chosen box the most.

    Args:
        truth: ``(T, 4)`` corners of the truth boxes as fractions of their images, in [0, 1].
        count: the largest number of boxes to choose.

    Returns:
        ``(n, 4)`` boxes in the order of choice, and ``(n,)`` their weights: the share of truth boxes that
        each overlaps with an IoU of at least 0.25.
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
    return truth[chosen], (overlaps[chosen] >= HIT_IOU).mean(axis=1)


def as_fractions(boxes: BoxTable, sizes: np.ndarray) -> np.ndarray:
    """Convert the corners of boxes from pixels to fractions of their images.

    Args:
        boxes: M boxes, in pixels.
        sizes: ``(N, 2)`` width and height of the images, in pixels.

    Returns:
        ``(M, 4)`` corners ``x0, y0, x1, y1`` in [0, 1].
    """
    fractions: np.ndarray = boxes.xyxy / np.tile(sizes[boxes.image], 2)
    return fractions


def on_every_image(
    boxes: np.ndarray, weights: np.ndarray, label: int, sizes: np.ndarray, scores: np.ndarray
) -> BoxTable:
    """Place the same boxes on every image. The score of a box is the image's class score times its weight.

    Args:
        boxes: ``(n, 4)`` corners as fractions of an image.
        weights: ``(n,)`` the weight of each box.
        label: the index of the class.
        sizes: ``(N, 2)`` width and height of the images, in pixels.
        scores: ``(N,)`` the class score of each image.

    Returns:
        N times n boxes, in pixels.
    """
    image = np.repeat(np.arange(len(sizes)), len(boxes))
    corners = np.tile(boxes, (len(sizes), 1)) * np.tile(sizes[image], 2)
    score = np.outer(scores, weights).ravel()
    return BoxTable(image, np.full_like(image, label), corners, score)
