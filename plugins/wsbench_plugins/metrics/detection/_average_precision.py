"""COCO's average precision, for all resamples at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import wsbench

from ._matching import conditional, ranked

RECALLS = np.linspace(0, 1, 101)
"""The recalls at which COCO reads precision."""

LEAST_PREVALENCE = 0.1
"""If a smaller share of the images has boxes of a class, images without the class get a lower weight, which
raises the share to this value.

NIH's test role has about 40 boxes of a class against 23,000 images without it: unweighted, the average
precision of perfect boxes is 0.04 there and depends on the few highest-scored negatives alone.
"""


def average_precision(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, ious: Sequence[float]
) -> np.ndarray:
    """``(B, C)`` interpolated average precision (101 recall points, at most 100 boxes an image and class),
    averaged over ``ious``; it does not exist for a class without a truth box.

    Boxes on images without the class weigh `negative_weights`.
    """
    truths = resamples.sum(scored.per_image(scored.truth))
    weights = negative_weights(scored, resamples)
    columns = []
    for label in range(len(scored.classes)):
        negative, weight = ~scored.labels[:, label], weights[:, label]
        curves = []
        for iou in ious:
            boxes = ranked(scored, iou)[label]
            ranks = np.flatnonzero(boxes.at(iou))  # precision is highest where a box has just hit
            hits = resamples.cumulative_counts(boxes.image[ranks], 1 + np.arange(len(ranks)))
            shown = resamples.cumulative_counts(boxes.image, 1 + ranks)
            shown = shown - _taken_off(boxes.image, 1 + ranks, negative, weight, resamples)
            curves.append(_interpolated(hits, shown, truths[:, label]))
        columns.append(np.mean(curves, axis=0))
    return np.stack(columns, axis=1)


def conditional_average_precision(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, iou: float
) -> np.ndarray:
    """``(B, C)`` average precision over the images that have a truth box of the class, every box ranked by
    its place among the boxes of its image; it does not exist for a class without a truth box.

    Boxes of equal place enter together: the best boxes of all images are equal, so that COCO's way to order
    them would be a lottery.
    """
    truths = resamples.sum(scored.per_image(scored.truth))
    columns = []
    for label, boxes in enumerate(conditional(scored, iou)):
        ranks = np.flatnonzero(boxes.at(iou))
        stops = np.unique(np.searchsorted(-boxes.score, -boxes.score[ranks], side="right"))
        hits = resamples.cumulative_counts(boxes.image[ranks], np.searchsorted(ranks, stops))
        columns.append(_interpolated(hits, resamples.cumulative_counts(boxes.image, stops), truths[:, label]))
    return np.stack(columns, axis=1)


def negative_weights(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` the weight of an image without the class: 1, or less if the share of a draw's images with
    boxes of the class is below `LEAST_PREVALENCE`. The weight then raises the share to that value."""
    boxed = resamples.sum(scored.per_image(scored.truth) > 0)
    without = resamples.sum(~scored.labels & scored.known)
    target = boxed * (1 - LEAST_PREVALENCE) / LEAST_PREVALENCE
    lifted = np.divide(target, without, out=np.ones_like(boxed), where=without > 0)
    return np.where(boxed > 0, np.minimum(lifted, 1.0), 1.0)


def _taken_off(
    image: np.ndarray,
    stops: np.ndarray,
    negative: np.ndarray,
    weight: np.ndarray,
    resamples: wsbench.metrics.Resamples,
) -> np.ndarray | float:
    """``(B, K)`` the sum over the first boxes of a list of 1 minus the weight of each box.

    Args:
        image: ``(D,)`` row of the image of each box.
        stops: ``(K,)`` ascending; the sum is read after so many boxes.
        negative: ``(N,)`` bool: the images without the class.
        weight: ``(B,)`` of a box on such an image.
        resamples: of the N images.
    """
    if (weight == 1.0).all():
        return 0.0
    places = np.flatnonzero(negative[image])
    lost: np.ndarray = (1 - weight)[:, None] * resamples.cumulative_counts(
        image[places], np.searchsorted(places, stops)
    )
    return lost


def _interpolated(hits: np.ndarray, shown: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """``(B,)`` the mean over `RECALLS` of the highest precision at that recall or beyond.

    Args:
        hits, shown: ``(B, K)`` boxes that hit, and all boxes, along the ranking.
        truths: ``(B,)`` truth boxes.
    """
    precision = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = wsbench.metrics.ratio(hits, truths[:, None])
    reached = np.searchsorted(RECALLS, recall, side="right")
    points = np.diff(reached, axis=1, prepend=0)
    return np.where(truths > 0, (points * envelope).sum(axis=1) / len(RECALLS), np.nan)
