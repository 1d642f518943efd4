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
    hits = resamples.up_to(boxes.image[ranks], 1 + np.arange(len(ranks)))
    shown = resamples.up_to(boxes.image, 1 + ranks)
    precision = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = wsbench.ratio(hits, truths[:, None])
    reached = np.searchsorted(RECALLS, recall, side="right")
    points = np.diff(reached, axis=1, prepend=0)
    return np.where(truths > 0, (points * envelope).sum(axis=1) / len(RECALLS), np.nan)
