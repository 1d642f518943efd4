"""Metrics that charge for extra boxes: average precision, FROC, the RSNA score, F1, and what a map adds.

Which box finds which is decided by pycocotools, best scores first; `loc_f1` matches one to one at best.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np

COCO_IOUS = tuple(0.5 + 0.05 * step for step in range(10))
FALSE_BOXES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""An image: where the FROC curve is read."""

F1_IOUS = (0.1, 0.25, 0.5)

Compute = Callable[["wsbench.Scored", "wsbench.Resamples"], "np.ndarray"]


def average_precision_at(*ious: float) -> Compute:
    """COCO's interpolated average precision: matching by pycocotools, best scores first; 101 recall points;
    at most 100 boxes an image and class; averaged over IoU thresholds. A class without a truth box has none.
    Boxes of equal score are ordered by a hash of their image's name."""

    def compute(scored: wsbench.Scored, resamples: wsbench.Resamples) -> np.ndarray:
        from ._average_precision import average_precision

        return average_precision(scored, resamples, ious)

    compute.__doc__ = average_precision_at.__doc__
    return compute


def froc_at(*false_boxes: float) -> Compute:
    """The largest share of truth boxes found (IoU at least 0.25) by a score threshold that gives at most F
    false boxes an image, over all images; boxes of equal score enter together."""

    def compute(scored: wsbench.Scored, resamples: wsbench.Resamples) -> np.ndarray:
        from ._operating import froc

        return froc(scored, resamples, false_boxes)

    compute.__doc__ = froc_at.__doc__
    return compute


def loc_f1_at(iou: float, *, called: bool) -> Compute:
    """Twice the largest one-to-one matching of truth and predicted boxes at IoU T, over the number of both.
    ``loc_f1_called`` counts a predicted box only where its class is predicted at the operating point."""

    def compute(scored: wsbench.Scored, resamples: wsbench.Resamples) -> np.ndarray:
        from ._operating import loc_f1

        return loc_f1(scored, resamples, iou, called)

    compute.__doc__ = loc_f1_at.__doc__
    return compute


def rsna(scored: wsbench.Scored, resamples: wsbench.Resamples) -> np.ndarray:
    """The RSNA Pneumonia Detection Challenge's score: per image, TP / (TP + FP + FN) averaged over the IoU
    thresholds 0.4, 0.45 ... 0.75; then the mean over the images with a truth box or a shown one."""
    from . import _operating

    return _operating.rsna(scored, resamples)


def map_gain(scored: wsbench.Scored, resamples: wsbench.Resamples) -> np.ndarray:
    """``ap25`` less the ``ap25`` of the same class scores with fixed boxes in place of the method's own:
    those of the calibrate role whose number is best there. At or below 0, the map adds nothing to knowing
    where the class usually lies."""
    from . import _map_gain

    return _map_gain.map_gain(scored, resamples)


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = wsbench.MetricSpec
    return [
        spec("ap25", "COCO average precision at IoU 0.25; ranks", average_precision_at(0.25)),
        spec("ap50", "COCO average precision at IoU 0.5 (TBX11K's own)", average_precision_at(0.5)),
        spec("ap", "COCO average precision over IoU 0.5 ... 0.95", average_precision_at(*COCO_IOUS)),
        spec("map_gain", "ap25 less that of the same class scores with fixed boxes", map_gain),
        spec("rsna", "RSNA challenge: TP / (TP + FP + FN) over IoU 0.4 ... 0.75, by image", rsna),
        spec("froc", "mean of froc@F over its seven F", froc_at(*FALSE_BOXES)),
        *(
            spec(f"froc@{number:g}", "share of boxes found at F false boxes an image", froc_at(number))
            for number in FALSE_BOXES
        ),
        *(
            spec(
                f"loc_f1@{iou:g}",
                "F1 of all boxes, matched one to one at IoU T",
                loc_f1_at(iou, called=False),
            )
            for iou in F1_IOUS
        ),
        *(
            spec(
                f"loc_f1_called@{iou:g}",
                "the same where the class is predicted, as calibration maximises it",
                loc_f1_at(iou, called=True),
            )
            for iou in F1_IOUS
        ),
    ]
