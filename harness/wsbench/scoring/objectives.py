"""The objectives that box rules maximise on the calibrate role. Each is a ratio of two sums over images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from wsbench.geometry.box_table import BoxTable, Pairs
from wsbench.geometry.iou import one_to_one

MATCH_IOU = 0.25
"""The IoU from which a predicted box matches a truth box in `OBJECTIVE`."""

MSLI_IOUS = (0.1, 0.25, 0.5, 0.75, 0.9)
"""The IoU thresholds over which ``msli`` is a mean."""

OBJECTIVE = "cond_loc_f1@0.25"
"""The objective that box rules are chosen for by default.

Extra boxes lower it, and no class score changes it. The measure that ranks therefore does not depend on the
classifier through the box rule.
"""


@dataclass(frozen=True)
class Candidate:
    """The boxes of one class that one threshold gives on the calibrate images.

    Attributes:
        predicted: the M boxes.
        shares: ``(M,)`` the areas of the boxes as shares of their images' areas.
        pairs: the overlaps of the boxes with the truth boxes.
    """

    predicted: BoxTable
    shares: np.ndarray
    pairs: Pairs


@dataclass(frozen=True)
class Sums:
    """What an objective sums over images. Its value is the sum of numerators over the sum of denominators.

    Attributes:
        numerator, denominator: ``(N,)`` for one rule, or ``(N, K)`` for K rules.
    """

    numerator: np.ndarray
    denominator: np.ndarray


@dataclass(frozen=True)
class Objective:
    """An objective that a box rule maximises.

    Attributes:
        sums: a function that computes the ``(N,)`` sums of one rule. Its arguments are the candidate boxes
            of the threshold, ``(M,)`` bool, which of them are larger than the minimum area, and ``(N,)`` the
            number of truth boxes of each image.
        where_predicted: True sums over the images on which the class is predicted positive, False over the
            images that have a truth box of the class.
    """

    sums: Callable[[Candidate, np.ndarray, np.ndarray], Sums]
    where_predicted: bool


def _loc_f1(boxes: Candidate, keep: np.ndarray, truths: np.ndarray) -> Sums:
    """Compute the F1 score of boxes: twice the one-to-one matches over all truth and predicted boxes."""
    matched = (boxes.pairs.iou >= MATCH_IOU) & keep[boxes.pairs.predicted]
    partners = one_to_one(boxes.pairs.predicted[matched], boxes.pairs.truth[matched])
    images = len(truths)
    matches = np.bincount(boxes.predicted.image[partners], minlength=images)
    predicted = np.bincount(boxes.predicted.image[keep], minlength=images)
    return Sums(2.0 * matches, truths + predicted)


def _msli(boxes: Candidate, keep: np.ndarray, truths: np.ndarray) -> Sums:
    """Compute msli, the mean over IoU thresholds of the share of truth boxes that are hit (CLARiTY paper,
    section 3.8.2). A truth box is hit if a predicted box overlaps it by more than the threshold."""
    of_kept_box = keep[boxes.pairs.predicted]
    truth, predicted = boxes.pairs.truth[of_kept_box], boxes.pairs.predicted[of_kept_box]
    best = np.zeros(truth.max(initial=-1) + 1)
    image = np.zeros(len(best), dtype=np.intp)
    np.maximum.at(best, truth, boxes.pairs.iou[of_kept_box])
    image[truth] = boxes.predicted.image[predicted]
    hits = (best[:, None] > MSLI_IOUS).mean(axis=1)
    return Sums(np.bincount(image, hits, minlength=len(truths)), truths)


OBJECTIVES: Mapping[str, Objective] = {
    OBJECTIVE: Objective(_loc_f1, where_predicted=False),
    "msli": Objective(_msli, where_predicted=True),
}
"""All objectives by name."""
