"""Localisation metrics: overlaps of predicted and true boxes in pixels of the original image.

An image with a truth box and no prediction counts 0. Images without a truth box of the class enter only
`boxes_per_image` and `healthy_with_box`: nothing else here charges for extra boxes, so none of it ranks.
Every function gives ``(B, C)`` values of B draws and C classes; NaN for a class without a truth box.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import wsbench

from ._auc import auc

if TYPE_CHECKING:
    import numpy as np

IOUS = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
LEAST_KEPT = 0.5
"""Least share of a class's truth boxes on images on which it is predicted, for metrics of these boxes
alone."""


def miou(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Mean IoU of Algorithms 2 and 3 of the KD-Grad-CAM paper.

    For an image with G truth boxes, it is the mean of the G largest IoUs between all its truth and predicted
    boxes, padded with 0. The metric is the mean over images.
    """
    return _over_images(scored, resamples, lambda ious: (largest_ious(ious).mean(), 1))


def miou_pooled(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """The IoUs that `miou` keeps, averaged over all truth boxes instead of image by image."""
    return _over_images(scored, resamples, lambda ious: (largest_ious(ious).sum(), len(ious)))


def miou_matched(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """`miou` in which every box counts once, by the one-to-one assignment with the largest total IoU."""
    return _over_images(scored, resamples, lambda ious: (assigned_ious(ious).mean(), 1))


def region_iou(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """IoU of the union of predicted boxes with the union of truth boxes (TBVA-GAN paper, Table 1), averaged
    over the images with a truth box."""
    return _over_regions(scored, resamples, lambda both, truth, predicted: both / (truth + predicted - both))


def region_dice(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Dice coefficient of the union of predicted boxes with the union of truth boxes (TBVA-GAN paper, Table
    1), averaged over the images with a truth box."""
    return _over_regions(scored, resamples, lambda both, truth, predicted: 2 * both / (truth + predicted))


def iou_accuracy(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, iou: float, *, called: bool
) -> np.ndarray:
    """Share of truth boxes whose IoU with some predicted box of the class exceeds ``iou``.

    Args:
        scored: predictions and truth.
        resamples: draws of the images.
        iou: the threshold.
        called: whether only images count on which the class is predicted (CLARiTY paper, section 3.8.2).
    """
    counted = _called_truth(scored) if called else 1.0
    hit = scored.memoised(best_ious) > iou
    hits = scored.per_image(scored.truth, hit * counted)
    return wsbench.metrics.ratio(resamples.sum(hits), resamples.sum(scored.per_image(scored.truth, counted)))


def iou_accuracy_kept(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Share of truth boxes that `iou_accuracy` counts: those on images on which the class is predicted."""
    counted = scored.per_image(scored.truth, _called_truth(scored))
    return wsbench.metrics.ratio(resamples.sum(counted), resamples.sum(scored.per_image(scored.truth)))


def silent(scored: wsbench.metrics.Scored) -> np.ndarray:
    """``(C,)`` bool: the class is predicted on the images of less than half of its truth boxes
    (`iou_accuracy_kept`), so a metric of these images alone would reward not predicting it on hard images.

    It is decided on the sample, for all draws. An interval over only those draws in which the class is
    predicted often enough would belong to another quantity.
    """
    (share,) = iou_accuracy_kept(scored, wsbench.metrics.Resamples.once(len(scored.names)))
    unseen: np.ndarray = share < LEAST_KEPT  # false for a class without a truth box, whose share is NaN
    return unseen


def unless_silent(scored: wsbench.metrics.Scored, values: np.ndarray) -> np.ndarray:
    """``(B, C)`` values, NaN for `silent` classes."""
    import numpy as np

    return np.where(scored.memoised(silent), np.nan, values)


def published_msli(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """`msli` as the CLARiTY paper defines it, for any share of truth boxes."""
    import numpy as np

    shares = [iou_accuracy(scored, resamples, iou, called=True) for iou in wsbench.metrics.MSLI_IOUS]
    mean: np.ndarray = np.mean(shares, axis=0)
    return mean


def msli(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Mean of `iou_accuracy` over the IoU thresholds 0.1, 0.25, 0.5, 0.75 and 0.9, for the truth boxes on
    images on which the class is predicted (CLARiTY paper). It does not exist if these are less than half of
    the class's truth boxes (`iou_accuracy_kept`), because not predicting the class on hard images would
    raise it."""
    return unless_silent(scored, published_msli(scored, resamples))


def udp(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B,)`` mean of macro `auc` and macro `msli` (CLARiTY paper, section 3.8.3), each over the classes
    where it exists. A class has no `msli` if it is predicted on the images of less than half of its truth
    boxes."""
    return mean_of_tasks(auc(scored, resamples), msli(scored, resamples))


def mean_of_tasks(classification: np.ndarray, localisation: np.ndarray) -> np.ndarray:
    """``(B,)`` mean of the means of two ``(B, C)`` measures over the classes where each exists; NaN where one
    exists for no class."""
    import numpy as np

    def macro(values: np.ndarray) -> np.ndarray:
        exists = ~np.isnan(values)
        return wsbench.metrics.ratio(np.where(exists, values, 0.0).sum(axis=1), exists.sum(axis=1))

    return (macro(classification) + macro(localisation)) / 2  # type: ignore[no-any-return]  # numpy: Any


def boxes_per_image(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Mean number of boxes per image with known boxes. Boxes of predicted classes count."""
    shown = resamples.sum(scored.per_image(scored.predicted, scored.boxes_of_positive))
    return wsbench.metrics.ratio(shown, resamples.sum(scored.known))


def healthy_with_box(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B,)`` share of the images without any class that have a box of a predicted class."""
    import numpy as np

    healthy = np.asarray(~scored.labels.any(axis=1) & scored.known.all(axis=1))
    marked = np.asarray(scored.per_image(scored.predicted, scored.boxes_of_positive).any(axis=1))
    return wsbench.metrics.ratio(resamples.sum(healthy & marked), resamples.sum(healthy))


def best_ious(scored: wsbench.metrics.Scored) -> np.ndarray:
    """``(T,)`` the largest IoU of every truth box with a predicted box of its image and class, else 0."""
    import numpy as np

    best = np.zeros(len(scored.truth))
    np.maximum.at(best, scored.pairs.truth, scored.pairs.iou)
    return best


def largest_ious(ious: np.ndarray) -> np.ndarray:
    """``(G, P)`` IoUs -> ``(G,)`` the largest, padded with 0. One truth box can count twice."""
    import numpy as np

    largest = np.sort(ious, axis=None)[::-1][: len(ious)]
    return np.pad(largest, (0, len(ious) - len(largest)))


def assigned_ious(ious: np.ndarray) -> np.ndarray:
    """``(G, P)`` IoUs -> ``(G,)`` those of the one-to-one assignment with the largest sum, padded with 0."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    assigned = ious[linear_sum_assignment(ious, maximize=True)]
    return np.pad(assigned, (0, len(ious) - len(assigned)))


def _called_truth(scored: wsbench.metrics.Scored) -> np.ndarray:
    return scored.predicted_positive[scored.truth.image, scored.truth.label]  # type: ignore[no-any-return]  # numpy: Any


def _over_images(
    scored: wsbench.metrics.Scored,
    resamples: wsbench.metrics.Resamples,
    measure: Callable[[np.ndarray], tuple[float, float]],
) -> np.ndarray:
    """Ratio of two sums over images, whose addends ``measure`` returns for ``(G, P)`` overlaps of an
    image."""
    import numpy as np

    sums, counts = np.zeros((2, len(scored.names), len(scored.classes)))
    for label in range(len(scored.classes)):
        for image, ious in scored.matrices(label):
            sums[image, label], counts[image, label] = measure(ious)
    return wsbench.metrics.ratio(resamples.sum(sums), resamples.sum(counts))


def _over_regions(
    scored: wsbench.metrics.Scored,
    resamples: wsbench.metrics.Resamples,
    measure: Callable[[float, float, float], float],
) -> np.ndarray:
    import numpy as np

    sums, counts = np.zeros((2, len(scored.names), len(scored.classes)))
    for label in range(len(scored.classes)):
        truth, predicted = scored.truth.of_label(label), scored.predicted.of_label(label)
        for image in np.unique(truth.image):
            shared = wsbench.geometry.shared_areas(truth.of_image(image), predicted.of_image(image))
            sums[image, label], counts[image, label] = measure(*shared), 1.0
    return wsbench.metrics.ratio(resamples.sum(sums), resamples.sum(counts))


def iou_accuracy_at(iou: float) -> Callable[[wsbench.metrics.Scored, wsbench.metrics.Resamples], np.ndarray]:
    """Share of truth boxes whose IoU with some predicted box of the class exceeds T, among the truth boxes on
    images on which the class is predicted (CLARiTY paper, section 3.8.2). It does not exist if these are
    less than half of the class's truth boxes (`iou_accuracy_kept`), because not predicting the class on hard
    images would raise it."""

    def compute(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
        return unless_silent(scored, iou_accuracy(scored, resamples, iou, called=True))

    compute.__doc__ = iou_accuracy_at.__doc__
    return compute


def iou_accuracy_all_at(
    iou: float,
) -> Callable[[wsbench.metrics.Scored, wsbench.metrics.Resamples], np.ndarray]:
    """Share of all truth boxes whose IoU with some predicted box of the class exceeds T."""

    def compute(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
        return iou_accuracy(scored, resamples, iou, called=False)

    compute.__doc__ = iou_accuracy_all_at.__doc__
    return compute


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    # Most of these stand in records alone: tables show those that name their columns.
    spec = functools.partial(wsbench.MetricSpec, columns={})
    return [
        spec(
            "miou",
            "mean IoU of the KD-Grad-CAM paper: G largest overlaps of G truth boxes",
            miou,
            columns={"uniform": 7, "paper": 1, "terminal": 5, "terminal paper": 1},
        ),
        spec(
            "miou_pooled",
            "the same overlaps, averaged over all truth boxes",
            miou_pooled,
            columns={"paper": 2},
        ),
        spec("miou_matched", "mean IoU with one-to-one assignment", miou_matched, columns={"paper": 3}),
        spec("region_iou", "IoU of the unions of boxes (TBVA-GAN paper)", region_iou, columns={"paper": 8}),
        spec(
            "region_dice", "Dice of the unions of boxes (TBVA-GAN paper)", region_dice, columns={"paper": 9}
        ),
        *(
            spec(
                f"iou_accuracy@{iou:g}",
                "share of truth boxes with IoU > T, where the class is predicted (CLARiTY paper)",
                iou_accuracy_at(iou),
                version=2,
                at_operating_points=True,
            )
            for iou in IOUS
        ),
        *(
            spec(
                f"iou_accuracy_all@{iou:g}",
                "share of all truth boxes with IoU > T",
                iou_accuracy_all_at(iou),
            )
            for iou in IOUS
        ),
        spec(
            "iou_accuracy_kept",
            "share of truth boxes where the class is predicted",
            iou_accuracy_kept,
            at_operating_points=True,
            columns={"uniform": 9},
        ),
        spec(
            "msli",
            "mean of iou_accuracy@T over T 0.1, 0.25, 0.5, 0.75, 0.9 (CLARiTY paper)",
            msli,
            version=2,
            at_operating_points=True,
            columns={"uniform": 8, "paper": 5},
        ),
        spec(
            "udp",
            "mean of auc and msli (CLARiTY paper)",
            udp,
            version=2,
            at_operating_points=True,
            columns={"paper": 6},
        ),
        spec(
            "boxes_per_image",
            "predicted boxes an image at the operating point",
            boxes_per_image,
            higher_is_better=None,
            bounded=False,
            at_operating_points=True,
            columns={"uniform": 10, "paper": 7},
            heading="boxes an image",
        ),
        spec(
            "healthy_with_box",
            "share of images without findings that get a box",
            healthy_with_box,
            higher_is_better=False,
            at_operating_points=True,
            columns={"uniform": 11},
            heading="healthy with box",
        ),
    ]
