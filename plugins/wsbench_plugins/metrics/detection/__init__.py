"""Detection metrics, most of which charge for extra boxes: average precision, FROC, the RSNA score and F1.

pycocotools matches predicted to truth boxes, best scores first. `loc_f1` takes the largest one-to-one
matching.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np

COCO_IOUS = tuple(0.5 + 0.05 * step for step in range(10))
FALSE_BOXES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Numbers of false boxes per image at which the FROC curve is read."""

F1_IOUS = (0.1, 0.25, 0.5)

Compute = Callable[["wsbench.metrics.Scored", "wsbench.metrics.Resamples"], "np.ndarray"]


def average_precision_at(*ious: float) -> Compute:
    """COCO's interpolated average precision, averaged over IoU thresholds. pycocotools matches boxes, best
    scores first, with 101 recall points and at most 100 boxes of an image and class. Boxes of equal score
    are ordered by a hash of their image's name. It does not exist for a class without a truth box."""

    def compute(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
        from ._average_precision import average_precision

        return average_precision(scored, resamples, ious)

    compute.__doc__ = average_precision_at.__doc__
    return compute


def froc_at(*false_boxes: float) -> Compute:
    """The largest share of truth boxes that are hit (IoU at least 0.25) at a score threshold with at most F
    false boxes per image, over all images. Boxes of equal score enter together."""

    def compute(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
        from ._operating import froc

        return froc(scored, resamples, false_boxes)

    compute.__doc__ = froc_at.__doc__
    return compute


def loc_f1_at(iou: float, *, called: bool) -> Compute:
    """Twice the largest one-to-one matching of truth and predicted boxes at IoU T, over the number of both.
    ``loc_f1_called`` counts a predicted box only where its class is predicted at the operating point."""

    def compute(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
        from ._operating import loc_f1

        return loc_f1(scored, resamples, iou, called)

    compute.__doc__ = loc_f1_at.__doc__
    return compute


def rsna(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """The score of the RSNA Pneumonia Detection Challenge: TP / (TP + FP + FN) of an image, averaged over
    the IoU thresholds 0.4, 0.45 ... 0.75, and then over the images with a truth box or a predicted box."""
    from . import _operating

    return _operating.rsna(scored, resamples)


def cond_ap25(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """COCO's average precision at IoU 0.25 over the images that have a truth box of the class. It ranks rows.
    Boxes are sorted by their rank within their image: first the best boxes of all images, then the second
        best,
    up to 16. Class scores therefore do not change it. It rewards boxes that hit lesions, and a good order of
    the boxes within an image."""
    from . import _fixed

    return _fixed.cond_ap25(scored, resamples)


def cond_gain(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``cond_ap25`` minus that of the best image-blind boxes. These are 1, 2, 4, 8 or 16 fixed boxes, as
    many as have the highest ``cond_ap25`` on the calibrate role, followed by the rest of the 16. Boxes of
    equal weight rank together or in the order of choice, whichever is better. At or below 0, somebody with
    these boxes who never sees the image does as well."""
    from . import _fixed

    return _less_fixed(scored, resamples, _fixed.cond_ap25, _fixed.cond_ap25_of_fixed_boxes)


def map_gain(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``ap25`` minus the ``ap25`` of fixed boxes with the same class scores. The number of fixed boxes is
    the one with the highest ``ap25`` on the calibrate role. It depends on class scores, too: coarser scores
    raise it, and a method below 0 may still hit more lesions than any fixed box (compare ``top1_hit`` and
    ``top1_blind``)."""
    from . import _fixed

    return _less_fixed(scored, resamples, _fixed.ap25, _fixed.ap25_of_fixed_boxes)


def ap25_fixed(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``ap25`` of fixed boxes with the method's class scores: the value that a method reaches without
    localising. A box is scored by the class score, or by the best score of the method's own boxes on the
    image, whichever gives the higher value."""
    import numpy as np

    from . import _fixed

    if scored.calibrate is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    by_class = _fixed.ap25(scored.shared(_fixed.with_fixed_boxes, _fixed.ap25), resamples)
    by_box = _fixed.ap25(scored.memoised(_fixed.with_equal_fixed_boxes), resamples)
    return np.where(_fixed.boxes_on_calibrate(scored), np.maximum(by_class, by_box), np.nan)


def ap25_oracle(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``ap25`` of perfect boxes with the method's class scores: truth boxes, and one false box on every image
    without any."""
    from . import _fixed

    return _fixed.ap25(scored.shared(_fixed.with_true_boxes), resamples)


def ap25_share(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """The position of ``ap25`` between ``ap25_fixed``, where it is 0, and ``ap25_oracle``, where it is 1. It
    does not exist where fixed boxes are as good as the truth."""
    from . import _fixed

    fixed = ap25_fixed(scored, resamples)
    reach = ap25_oracle(scored, resamples) - fixed
    return wsbench.metrics.ratio(_fixed.ap25(scored, resamples) - fixed, reach.clip(min=0.0))


def near_fixed(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Share of the predicted boxes with an IoU of at least 0.5 with a fixed box of ``cond_gain``. A high
    value shows that a method puts its boxes where image-blind boxes are."""
    from . import _fixed

    return _fixed.share_near_fixed_boxes(scored, resamples)


def _less_fixed(
    scored: wsbench.metrics.Scored,
    resamples: wsbench.metrics.Resamples,
    measure: Compute,
    of_fixed_boxes: Compute,
) -> np.ndarray:
    import numpy as np

    from . import _fixed

    if scored.calibrate is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    gain = measure(scored, resamples) - of_fixed_boxes(scored, resamples)
    return np.where(_fixed.boxes_on_calibrate(scored), gain, np.nan)


def top1_hit(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Share of the images with a truth box whose best box has an IoU of at least 0.25 with a truth box."""
    from . import _localised

    return _localised.top1_hit(scored, resamples)


def top1_blind(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``top1_hit`` of the fixed box that is the best on the calibrate role."""
    from . import _localised

    return _localised.top1_blind(scored, resamples)


def lroc(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Area under the localisation ROC curve (Swensson 1996): the share of pairs of an image with a truth box
    and an image without the class in which the first has the higher class score and its best box hits."""
    from . import _localised

    return _localised.lroc(scored, resamples)


def lroc_blind(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``lroc`` of the same class scores with the fixed box of ``top1_blind``."""
    from . import _localised

    return _localised.lroc_blind(scored, resamples)


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    # Most of these stand in records alone: tables show those that name their columns.
    spec = functools.partial(wsbench.MetricSpec, columns={})
    return [
        spec(
            "cond_ap25",
            "average precision at IoU 0.25 where the class is; ranks",
            cond_ap25,
            columns={"ranking": 0, "terminal": 1, "folds": 5},
            heading="cond. ap25",
            may_rank=True,
        ),
        spec(
            "cond_gain",
            "cond_ap25 less that of the best image-blind boxes",
            cond_gain,
            bounded=False,
            columns={"ranking": 1, "terminal": 2, "folds": 6},
            heading="cond. gain",
            kept_in_draws=True,
        ),
        spec(
            "ap25",
            "COCO average precision at IoU 0.25",
            average_precision_at(0.25),
            version=2,
            columns={"ranking": 4, "paper": 4, "terminal": 3, "terminal paper": 2, "floors": 1},
            kept_in_draws=True,
        ),
        spec(
            "ap50",
            "COCO average precision at IoU 0.5 (TBX11K's own)",
            average_precision_at(0.5),
            version=2,
            columns={"uniform": 1, "floors": 2},
        ),
        spec(
            "ap", "COCO average precision over IoU 0.5 ... 0.95", average_precision_at(*COCO_IOUS), version=2
        ),
        spec(
            "ap25_fixed",
            "ap25 of the same class scores with fixed boxes",
            ap25_fixed,
            None,
            columns={"ranking": 5},
        ),
        spec(
            "ap25_oracle",
            "ap25 of the same class scores with the truth boxes",
            ap25_oracle,
            None,
            columns={"ranking": 6},
        ),
        spec(
            "ap25_share",
            "where ap25 lies between ap25_fixed and ap25_oracle",
            ap25_share,
            bounded=False,
            columns={"ranking": 7},
        ),
        spec(
            "map_gain",
            "ap25 less that of the same class scores with fixed boxes",
            map_gain,
            version=2,
            bounded=False,
            columns={"ranking": 8, "terminal": 4},
            heading="map gain",
            kept_in_draws=True,
        ),
        spec(
            "near_fixed",
            "share of boxes that stand where fixed boxes stand",
            near_fixed,
            None,
            columns={"ranking": 9},
        ),
        spec("top1_hit", "share of images whose best box hits", top1_hit, columns={"ranking": 2}),
        spec("top1_blind", "top1_hit of the best fixed box", top1_blind, None, columns={"ranking": 3}),
        spec("lroc", "area under the localisation ROC curve", lroc, columns={"uniform": 2, "floors": 3}),
        spec(
            "lroc_blind",
            "lroc of the same class scores with the best fixed box",
            lroc_blind,
            None,
            columns={"uniform": 3},
        ),
        spec(
            "rsna",
            "RSNA challenge: TP / (TP + FP + FN) over IoU 0.4 ... 0.75, by image",
            rsna,
            at_operating_points=True,
        ),
        spec(
            "froc",
            "mean of froc@F over its seven F",
            froc_at(*FALSE_BOXES),
            columns={"uniform": 5, "floors": 4},
        ),
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
                at_operating_points=True,
                columns={"uniform": 4} if iou == 0.25 else {},
            )
            for iou in F1_IOUS
        ),
    ]
