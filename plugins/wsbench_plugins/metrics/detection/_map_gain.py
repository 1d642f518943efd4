"""Whether the map says more about where than the average patient does."""

from __future__ import annotations

import numpy as np

import wsbench

from ._average_precision import average_precision

IOU = (0.25,)


def map_gain(scored: wsbench.Scored, resamples: wsbench.Resamples) -> np.ndarray:
    """``(B, C)`` ``ap25`` less the ``ap25`` of the same class scores with fixed boxes in place of the
    method's own: what its boxes add to knowing where the class usually lies. At or below 0, nothing.

    The fixed boxes are those of the calibrate role; it does not exist for a class without boxes there.
    """
    if scored.calibrate is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    own = average_precision(scored, resamples, IOU)
    fixed = average_precision(scored.once(with_fixed_boxes), resamples, IOU)
    known = np.bincount(scored.calibrate.truth.label, minlength=len(scored.classes)) > 0
    return np.where(known, own - fixed, np.nan)


def with_fixed_boxes(scored: wsbench.Scored) -> wsbench.Scored:
    """The same class scores with the fixed boxes of every class on every image."""
    assert scored.calibrate is not None
    chosen = best_counts(scored.calibrate)
    tables = [
        _placed(scored.calibrate, scored.sizes, scored.scores[:, label], label, count)
        for label, count in enumerate(chosen)
    ]
    return scored.with_boxes(wsbench.BoxTable.joined(tables))


def best_counts(calibrate: wsbench.Truth) -> list[int]:
    """Per class, the number of fixed boxes whose ``ap25`` on the calibrate role itself is highest with one
    score for all images, as in the row of `prior_boxes`; of equal ones the smallest."""
    images, classes = calibrate.labels.shape
    values = []
    for count in wsbench.FIXED_COUNTS:
        tables = [
            _placed(calibrate, calibrate.sizes, np.ones(images), label, count) for label in range(classes)
        ]
        blind = wsbench.Scored(
            **{name: getattr(calibrate, name) for name in wsbench.Truth.__dataclass_fields__},
            scores=np.ones((images, classes)),
            operating_points=np.ones(classes),
            predicted=wsbench.BoxTable.joined([]),
        ).with_boxes(wsbench.BoxTable.joined(tables))
        values.append(average_precision(blind, wsbench.Resamples.once(images), IOU)[0])
    best = np.nan_to_num(np.array(values)).argmax(axis=0)
    return [wsbench.FIXED_COUNTS[position] for position in best]


def _placed(
    calibrate: wsbench.Truth, sizes: np.ndarray, scores: np.ndarray, label: int, count: int
) -> wsbench.BoxTable:
    truth = wsbench.as_fractions(calibrate.truth.of_label(label), calibrate.sizes)
    return wsbench.on_every_image(*wsbench.fixed_boxes(truth, count), label, sizes, scores)
