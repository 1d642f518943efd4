"""What box rules are chosen for on the calibrate role: sums over images of what boxes are worth there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from wsbench.geometry.box_table import BoxTable, Pairs
from wsbench.geometry.iou import one_to_one

MATCH_IOU = 0.25
MSLI_IOUS = (0.1, 0.25, 0.5, 0.75, 0.9)
OBJECTIVE = "cond_loc_f1@0.25"
"""What box rules are chosen for by default. It charges for extra boxes, and asks no class score: so the
measure that ranks owes nothing to the classifier, by way of the rule either."""


@dataclass(frozen=True)
class Candidate:
    """The boxes of one class that one threshold gives on the calibrate images.

    Attributes:
        predicted: the boxes.
        shares: ``(M,)`` their areas as shares of their images' areas.
        pairs: their overlaps with the truth boxes.
    """

    predicted: BoxTable
    shares: np.ndarray
    pairs: Pairs


@dataclass(frozen=True)
class Sums:
    """What an objective adds up over images: its value is the sum of ``part`` over that of ``total``.

    Attributes:
        part, total: ``(N,)`` of one rule, or ``(N, K)`` of K rules.
    """

    part: np.ndarray
    total: np.ndarray


@dataclass(frozen=True)
class Objective:
    """What box rules are chosen for.

    Attributes:
        sums: of a candidate, ``(M,)`` bool which of its boxes a minimum area keeps, and ``(N,)`` the
            number of
            truth boxes: ``(N,)`` sums for that minimum area.
        where_predicted: it adds up over the images on which the class is predicted; else over those that have
            a truth box of it.
    """

    sums: Callable[[Candidate, np.ndarray, np.ndarray], Sums]
    where_predicted: bool


def _loc_f1(boxes: Candidate, keep: np.ndarray, truths: np.ndarray) -> Sums:
    """Twice the one-to-one matches over all truth and kept boxes."""
    matched = (boxes.pairs.iou >= MATCH_IOU) & keep[boxes.pairs.predicted]
    partners = one_to_one(boxes.pairs.predicted[matched], boxes.pairs.truth[matched])
    images = len(truths)
    matches = np.bincount(boxes.predicted.image[partners], minlength=images)
    shown = np.bincount(boxes.predicted.image[keep], minlength=images)
    return Sums(2.0 * matches, truths + shown)


def _msli(boxes: Candidate, keep: np.ndarray, truths: np.ndarray) -> Sums:
    """Mean over IoU thresholds of the share of truth boxes, on the images on which the class is predicted,
    that some kept box overlaps by more (CLARiTY paper, section 3.8.2)."""
    kept = keep[boxes.pairs.predicted]
    truth, predicted = boxes.pairs.truth[kept], boxes.pairs.predicted[kept]
    best = np.zeros(truth.max(initial=-1) + 1)
    image = np.zeros(len(best), dtype=np.intp)
    np.maximum.at(best, truth, boxes.pairs.iou[kept])
    image[truth] = boxes.predicted.image[predicted]
    hits = (best[:, None] > MSLI_IOUS).mean(axis=1)
    return Sums(np.bincount(image, hits, minlength=len(truths)), truths)


OBJECTIVES: Mapping[str, Objective] = {
    OBJECTIVE: Objective(_loc_f1, where_predicted=False),
    "msli": Objective(_msli, where_predicted=True),
}
"""What box rules can be chosen for."""
