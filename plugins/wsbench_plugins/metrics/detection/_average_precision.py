"""COCO's average precision, for all resamples at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import wsbench

from ._matching import Ranked, ranked

RECALLS = np.linspace(0, 1, 101)
"""COCO reads precision at these."""


def average_precision(
    scored: wsbench.Scored, resamples: wsbench.Resamples, ious: Sequence[float]
) -> np.ndarray:
    """``(B, C)`` interpolated average precision (101 recall points, at most 100 boxes an image and class),
    averaged over ``ious``; it does not exist for a class without a truth box."""
    truths = resamples.sum(scored.per_image(scored.truth))
    columns = [
        np.mean([_of_class(boxes, boxes.at(iou), truths[:, label], resamples) for iou in ious], axis=0)
        for label, boxes in enumerate(scored.once(ranked))
    ]
    return np.stack(columns, axis=1)


def _of_class(boxes: Ranked, hit: np.ndarray, truths: np.ndarray, resamples: wsbench.Resamples) -> np.ndarray:
    """``(B,)``. Precision is highest where a box has just hit, so only the ranks of hits are looked at."""
    ranks = np.flatnonzero(hit)
    hits, shown = counts_up_to(boxes, hit, ranks, resamples)
    precision = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = wsbench.ratio(hits, truths[:, None])
    reached = np.searchsorted(RECALLS, recall, side="right")
    points = np.diff(reached, axis=1, prepend=0)
    return np.where(truths > 0, (points * envelope).sum(axis=1) / len(RECALLS), np.nan)


def counts_up_to(
    boxes: Ranked, hit: np.ndarray, ranks: np.ndarray, resamples: wsbench.Resamples
) -> tuple[np.ndarray, np.ndarray]:
    """``(B, K)`` hits, and ``(B, K)`` boxes, among the boxes up to and including each rank.

    Args:
        boxes: of one class, best first.
        hit: ``(D,)`` bool.
        ranks: ``(K,)`` ascending.
        resamples: of N images.
    """
    place = np.searchsorted(ranks, np.arange(len(hit)))
    shape = (len(resamples.unit), len(ranks) + 1)  # the last column takes what ranks below all
    hits, every = np.zeros(shape), np.zeros(shape)
    np.add.at(every, (boxes.image, place), 1.0)
    np.add.at(hits, (boxes.image[hit], place[hit]), 1.0)
    return tuple(np.cumsum(resamples.sum(table[:, :-1]), axis=1) for table in (hits, every))
