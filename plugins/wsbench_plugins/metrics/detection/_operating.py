"""Metrics of boxes at a threshold: at a number of false boxes, or at the operating point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import wsbench

from ._matching import IOUS, ranked

FROC_IOU = 0.25
RSNA_IOUS = tuple(iou for iou in IOUS if 0.375 < iou < 0.775)


def froc(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, false_boxes: Sequence[float]
) -> np.ndarray:
    """``(B, C)`` largest share of truth boxes found (IoU at least 0.25) by a score threshold that gives at
    most so many false boxes an image, over all images; averaged over ``false_boxes``."""
    truths = resamples.sum(scored.per_image(scored.truth))
    images = resamples.sum(scored.known)
    columns = []
    for label, boxes in enumerate(ranked(scored, FROC_IOU)):
        hit = boxes.at(FROC_IOU)
        levels = np.unique(-boxes.score[hit])  # a threshold admits all boxes of equal score
        hits, every = (
            resamples.cumulative_counts(image, np.searchsorted(-score, levels, side="right"))
            for image, score in ((boxes.image[hit], boxes.score[hit]), (boxes.image, boxes.score))
        )
        false = wsbench.metrics.ratio(every - hits, images[:, [label]])
        most_hits = [np.where(false <= number, hits, 0.0).max(axis=1, initial=0.0) for number in false_boxes]
        columns.append(wsbench.metrics.ratio(np.mean(most_hits, axis=0), truths[:, label]))
    return np.stack(columns, axis=1)


def rsna(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` the RSNA Pneumonia Detection Challenge's score: per image, TP / (TP + FP + FN) averaged over
    the IoU thresholds 0.4, 0.45 ... 0.75; then the mean over the images with a truth box or a box.

    A box counts where its class is predicted at the operating point.
    """
    shown = scored.per_image(scored.predicted, scored.boxes_of_positive)
    boxes = scored.per_image(scored.truth) + shown
    score = np.zeros_like(boxes)
    for iou in RSNA_IOUS:
        hits = np.zeros_like(boxes)
        for label, of_class in enumerate(ranked(scored, iou)):
            np.add.at(hits[:, label], of_class.image[of_class.at(iou)], 1.0)
        hits *= scored.predicted_positive
        score += np.divide(hits, boxes - hits, out=np.zeros_like(hits), where=boxes > 0)
    return wsbench.metrics.ratio(resamples.sum(score / len(RSNA_IOUS)), resamples.sum(boxes > 0))


def loc_f1(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, iou: float, called: bool
) -> np.ndarray:
    """``(B, C)`` F1 of boxes: twice the one-to-one matches over all truth and predicted boxes.

    Args:
        scored: what was predicted and what is true.
        resamples: of its images.
        iou: a match needs at least this overlap.
        called: count a box only where its class is predicted at the operating point, as calibration does.
    """
    counted = scored.boxes_of_positive if called else np.ones(len(scored.predicted), dtype=bool)
    close = (scored.pairs.iou >= iou) & counted[scored.pairs.predicted]
    matched = wsbench.geometry.one_to_one(scored.pairs.truth[close], scored.pairs.predicted[close])
    hit = np.zeros(len(scored.truth))
    hit[matched] = 1.0
    boxes = scored.per_image(scored.truth) + scored.per_image(scored.predicted, counted)
    return wsbench.metrics.ratio(2 * resamples.sum(scored.per_image(scored.truth, hit)), resamples.sum(boxes))
