"""Fixed boxes, which do not depend on the image, with a method's class scores: the floor for its own
boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import wsbench

from ._average_precision import average_precision, conditional_average_precision

IOU = 0.25

NEAR_IOU = 0.5
"""A box is near a fixed box if their IoU is at least this."""

Measure = Callable[[wsbench.metrics.Scored, wsbench.metrics.Resamples], np.ndarray]


def ap25(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` average precision at IoU 0.25 over all images."""
    return average_precision(scored, resamples, (IOU,))


def cond_ap25(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` average precision at IoU 0.25 over the images that have a truth box of the class, every box
    ranked by its place among the boxes of its image."""
    return conditional_average_precision(scored, resamples, IOU)


def with_fixed_boxes(scored: wsbench.metrics.Scored, measure: Measure) -> wsbench.metrics.Scored:
    """The same class scores with the fixed boxes of every class on every image: as many as have the highest
    value of a measure on the calibrate role. A box scores the class score times its own weight."""
    assert scored.calibrate is not None
    return _with_boxes_on(scored, scored.scores, scored.shared(best_counts, measure))


def ap25_of_fixed_boxes(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` `ap25` of `with_fixed_boxes`."""
    return ap25(scored.shared(with_fixed_boxes, ap25), resamples)


def cond_ap25_of_fixed_boxes(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples
) -> np.ndarray:
    """``(B, C)`` `cond_ap25` of `with_fixed_boxes_and_rest`, with boxes of equal weight together or in the
    order of choice, whichever gives more: whoever knows the boxes may part them or not."""
    values = [
        cond_ap25(scored.shared(with_fixed_boxes_and_rest, parted), resamples) for parted in (False, True)
    ]
    larger: np.ndarray = np.maximum(*values)
    return larger


def with_fixed_boxes_and_rest(scored: wsbench.metrics.Scored, parted: bool) -> wsbench.metrics.Scored:
    """`with_fixed_boxes` of `cond_ap25`, and after them, in the order in which they are chosen, the others up
    to the largest number. Average precision does not charge for boxes that rank last, so a floor without
    them would be beaten by adding them.

    Args:
        scored: the class scores play no part.
        parted: boxes of equal weight rank in the order of choice, instead of together.
    """
    tables = []
    for label, count in enumerate(scored.shared(best_counts, cond_ap25)):
        boxes, weights = _fixed_boxes(scored, label, max(wsbench.metrics.FIXED_COUNTS))
        first = weights[:count]
        ranks = np.argsort(np.argsort(-first, kind="stable"))
        if not parted:
            ranks = np.unique(-first, return_inverse=True)[1]
        places = np.append(ranks, np.arange(len(first), len(weights)))
        scores = np.ones(len(scored.names))
        tables.append(wsbench.metrics.on_every_image(boxes, 1 - places / 100, label, scored.sizes, scores))
    return scored.with_boxes(wsbench.metrics.BoxTable.joined(tables))


def with_equal_fixed_boxes(scored: wsbench.metrics.Scored) -> wsbench.metrics.Scored:
    """`with_fixed_boxes` of `ap25`, with the best score of the method's own boxes on an image in place of
    the class score. It is for methods whose box scores rank images better than their class scores do."""
    assert scored.calibrate is not None
    best = np.zeros_like(scored.scores)
    np.maximum.at(best, (scored.predicted.image, scored.predicted.label), scored.predicted.score)
    return _with_boxes_on(scored, best, scored.shared(best_counts, ap25))


def with_true_boxes(scored: wsbench.metrics.Scored) -> wsbench.metrics.Scored:
    """The same class scores with the truth boxes on the images that have some, and a false box on every other
    image: what perfect boxes would reach with these class scores."""
    without = [np.flatnonzero(scored.known[:, label] & (boxes == 0)) for label, boxes in _counts(scored)]
    false = [
        wsbench.metrics.BoxTable(
            image,
            np.full_like(image, label),
            np.tile([0.0, 0.0, 1.0, 1.0], (len(image), 1)),
            scored.scores[image, label],
        )
        for label, image in enumerate(without)
    ]
    truth = scored.truth
    true = wsbench.metrics.BoxTable(
        truth.image, truth.label, truth.xyxy, scored.scores[truth.image, truth.label]
    )
    return scored.with_boxes(wsbench.metrics.BoxTable.joined([true, *false]))


def best_counts(scored: wsbench.metrics.Scored, measure: Measure) -> tuple[int, ...]:
    """For each class, the number of fixed boxes with the highest value of a metric on the calibrate role; the
    smallest of equal ones. All images have the same class score, as for an image-blind method."""
    calibrate = scored.calibrate
    assert calibrate is not None
    images, classes = calibrate.labels.shape
    blind = wsbench.metrics.Scored(
        **{name: getattr(calibrate, name) for name in wsbench.metrics.Truth.__dataclass_fields__},
        scores=np.ones((images, classes)),
        operating_points=np.ones(classes),
        predicted=wsbench.metrics.BoxTable.joined([]),
        calibrate=calibrate,
    )
    values = [
        measure(
            _with_boxes_on(blind, blind.scores, (count,) * classes), wsbench.metrics.Resamples.once(images)
        )[0]
        for count in wsbench.metrics.FIXED_COUNTS
    ]
    best = np.nan_to_num(np.array(values)).argmax(axis=0)
    return tuple(wsbench.metrics.FIXED_COUNTS[position] for position in best)


def boxes_on_calibrate(scored: wsbench.metrics.Scored) -> np.ndarray:
    """``(C,)`` bool: the calibrate role has a box of the class, so fixed boxes exist."""
    if scored.calibrate is None:
        return np.zeros(len(scored.classes), dtype=bool)
    return np.bincount(scored.calibrate.truth.label, minlength=len(scored.classes)) > 0


def share_near_fixed_boxes(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples
) -> np.ndarray:
    """``(B, C)`` share of the boxes that overlap one of the fixed boxes by at least `NEAR_IOU`."""
    if scored.calibrate is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    fixed = scored.shared(with_fixed_boxes, cond_ap25)
    pairs = wsbench.metrics.overlaps(scored.predicted, fixed.predicted)
    near = np.zeros(len(scored.predicted))
    np.maximum.at(near, pairs.truth, pairs.iou >= NEAR_IOU)
    boxes = resamples.sum(scored.per_image(scored.predicted))
    share = wsbench.metrics.ratio(resamples.sum(scored.per_image(scored.predicted, near)), boxes)
    return np.where(boxes_on_calibrate(scored), share, np.nan)


def _counts(scored: wsbench.metrics.Scored) -> list[tuple[int, np.ndarray]]:
    return list(enumerate(scored.per_image(scored.truth).T))


def _with_boxes_on(
    scored: wsbench.metrics.Scored, class_scores: np.ndarray, counts: tuple[int, ...]
) -> wsbench.metrics.Scored:
    tables = []
    for label, count in enumerate(counts):
        boxes, weights = _fixed_boxes(scored, label, count)
        tables.append(
            wsbench.metrics.on_every_image(boxes, weights, label, scored.sizes, class_scores[:, label])
        )
    return scored.with_boxes(wsbench.metrics.BoxTable.joined(tables))


def _fixed_boxes(scored: wsbench.metrics.Scored, label: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`wsbench.metrics.fixed_boxes` of the boxes of one class on the calibrate role."""
    assert scored.calibrate is not None
    truth = wsbench.metrics.as_fractions(scored.calibrate.truth.of_label(label), scored.calibrate.sizes)
    return wsbench.metrics.fixed_boxes(truth, count)
