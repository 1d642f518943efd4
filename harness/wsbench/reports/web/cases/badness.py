"""How wrong a method is about an image: a number to sort cases by."""

from __future__ import annotations

import numpy as np

from wsbench.scoring.strata import HIT_IOU

WRONG_ANSWER, WRONG_PLACE = 2.0, 1.0
"""How bad it is at least to be wrong about whether a finding is there, and about where it is."""


def badness(
    scores: np.ndarray, operating_points: np.ndarray, labels: np.ndarray, overlaps: np.ndarray
) -> np.ndarray:
    """Return how wrong a method is about N images and C classes, from 0 to 3.

    From 2 on, its answer is wrong: the finding is missed, or predicted where it is not. The further its score
    lies on the wrong side of the operating point, the worse. From 1 on, it predicts the finding, and its best
    box misses the truth. Below, the answer is right.

    Args:
        scores: ``(N, C)`` class scores in [0, 1].
        operating_points: ``(C,)`` the score from which a class is predicted.
        labels: ``(N, C)`` bool, whether the class is present.
        overlaps: ``(N, C)`` IoU of the best box with the truth; NaN where there is no known truth box.
    """
    points = np.broadcast_to(operating_points, scores.shape)
    below = np.divide(points - scores, points, out=np.zeros_like(scores), where=points > 0)
    above = np.divide(scores - points, 1 - points, out=np.ones_like(scores), where=points < 1)
    known = np.where(np.isfinite(overlaps), overlaps, 1.0)
    in_place = np.where(known < HIT_IOU, WRONG_PLACE + 1 - known, 1 - known)
    wrong = WRONG_ANSWER + np.where(labels, below, above)
    right = np.where(labels, in_place, (1 - below) / 2)
    result: np.ndarray = np.where(labels != (scores >= points), wrong, right)
    return result
