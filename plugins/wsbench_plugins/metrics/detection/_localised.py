"""Metrics of the best box of every image: whether it hits, and whether the class is recognised there, too."""

from __future__ import annotations

import numpy as np

import wsbench

from ._fixed import IOU, boxes_on_calibrate, with_fixed_boxes
from ._matching import conditional


def top1_hit(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` share of the images with a truth box whose best box overlaps one by at least 0.25."""
    boxed = scored.per_image(scored.truth) > 0
    return wsbench.metrics.ratio(resamples.sum(scored.memoised(best_box_hits)), resamples.sum(boxed))


def top1_blind(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` `top1_hit` of the fixed box of the calibrate role that is the best there."""
    if scored.calibrate is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    blind = top1_hit(scored.shared(with_fixed_boxes, top1_hit), resamples)
    return np.where(boxes_on_calibrate(scored), blind, np.nan)


def lroc(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` area under the localisation ROC curve (Swensson 1996): the share of pairs of an image with a
    truth box and an image without the class in which the first has the higher class score (equal ones count
    half) and its best box hits. Perfect boxes have the AUC; it is 0 where no best box hits."""
    hits, boxed = scored.memoised(best_box_hits), scored.per_image(scored.truth) > 0
    columns = []
    for label in range(len(scored.classes)):
        scores = scored.scores[:, label]
        hit = np.flatnonzero(hits[:, label])
        negative = ~scored.labels[:, label] & scored.known[:, label]
        below = np.flatnonzero(negative)
        below = below[np.argsort(scores[below], kind="stable")]
        hit = hit[np.argsort(scores[hit], kind="stable")]
        won = sum(
            resamples.cumulative_counts(below, np.searchsorted(scores[below], scores[hit], side=side))
            for side in ("left", "right")
        )
        pairs = np.einsum("bk,bk->b", resamples.counts_at(hit), won / 2)
        total = resamples.sum(boxed[:, label]) * resamples.sum(negative)
        columns.append(wsbench.metrics.ratio(pairs, total))
    return np.stack(columns, axis=1)


def lroc_blind(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` `lroc` of the same class scores with the fixed box of the calibrate role that is the best
    there."""
    if scored.calibrate is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    blind = lroc(scored.shared(with_fixed_boxes, top1_hit), resamples)
    return np.where(boxes_on_calibrate(scored), blind, np.nan)


def best_box_hits(scored: wsbench.metrics.Scored) -> np.ndarray:
    """``(N, C)`` bool: the image's best box of the class overlaps a truth box by at least 0.25. Of equally
    good boxes the one that stands first counts."""
    hits = np.zeros(scored.labels.shape, dtype=bool)
    for label, boxes in enumerate(conditional(scored, IOU)):
        images, first = np.unique(boxes.image, return_index=True)
        hits[images, label] = boxes.at(IOU)[first]
    return hits
