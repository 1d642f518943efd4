"""Localisation metrics: overlaps of predicted and true boxes in pixels of the original image.

An image with a truth box and no prediction counts 0. Images without a truth box of the class enter only
`boxes_per_image` and `healthy_with_box`: nothing else here charges for extra boxes, so none of it ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np


def miou(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Mean IoU as Algorithms 2 and 3 of the KD-Grad-CAM paper define it.

    Per image with G truth boxes: the G largest of all its truth x predicted IoUs, padded with 0, their
    mean; then the mean over images.
    """
    return scored.per_class(lambda label: _mean_over_images(scored, label, largest_ious))


def miou_pooled(scored: wsbench.Scored) -> wsbench.MetricValue:
    """The IoUs that `miou` keeps, averaged over all truth boxes instead of image by image."""
    import numpy as np

    def pooled(label: int) -> float | None:
        kept = [largest_ious(ious) for ious in scored.matrices(label)]
        return float(np.concatenate(kept).mean()) if kept else None

    return scored.per_class(pooled)


def miou_matched(scored: wsbench.Scored) -> wsbench.MetricValue:
    """`miou` with every box counted once: the one-to-one assignment of largest total IoU."""
    return scored.per_class(lambda label: _mean_over_images(scored, label, assigned_ious))


def region_iou(scored: wsbench.Scored) -> wsbench.MetricValue:
    """IoU of the union of predicted boxes with the union of truth boxes (TBVA-GAN paper, Table 1); per
    image with a truth box, then the mean."""
    return _region_metric(scored, lambda both, truth, predicted: both / (truth + predicted - both))


def region_dice(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Dice coefficient of the union of predicted boxes with the union of truth boxes (TBVA-GAN paper,
    Table 1); per image with a truth box, then the mean."""
    return _region_metric(scored, lambda both, truth, predicted: 2 * both / (truth + predicted))


def boxes_per_image(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Boxes an image, over all images, where the class is predicted at its operating point."""
    shown = scored.predicted.label[_shown(scored)]
    return scored.per_class(lambda label: float((shown == label).sum() / len(scored.names)))


def healthy_with_box(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Share of the images without any class that have a box of a class predicted at its operating point."""
    import numpy as np

    healthy = np.flatnonzero(~scored.labels.any(axis=1))
    if len(healthy) == 0:
        return wsbench.MetricValue(None)
    marked = np.isin(healthy, scored.predicted.image[_shown(scored)])
    return wsbench.MetricValue(float(marked.mean()))


def largest_ious(ious: np.ndarray) -> np.ndarray:
    """``(G, P)`` IoUs -> the G largest, padded with 0; one truth box can be counted twice."""
    import numpy as np

    kept = np.sort(ious, axis=None)[::-1][: len(ious)]
    return np.pad(kept, (0, len(ious) - len(kept)))


def assigned_ious(ious: np.ndarray) -> np.ndarray:
    """``(G, P)`` IoUs -> the G of the one-to-one assignment of largest sum, 0 for a box left alone."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    kept = ious[linear_sum_assignment(ious, maximize=True)]
    return np.pad(kept, (0, len(ious) - len(kept)))


def shared_areas(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    """Exact areas of the union of ``(G, 4)`` truth boxes, of ``(P, 4)`` predicted boxes, and of what both
    cover, on the grid that all box edges make: ``(both, truth, predicted)``."""
    import numpy as np

    everything = np.concatenate([truth, predicted])
    x, y = np.unique(everything[:, [0, 2]]), np.unique(everything[:, [1, 3]])
    cells = np.outer(np.diff(y), np.diff(x))

    def covered(boxes: np.ndarray) -> np.ndarray:
        mask = np.zeros(cells.shape, dtype=bool)
        for x0, y0, x1, y1 in boxes:
            columns = slice(np.searchsorted(x, x0), np.searchsorted(x, x1))
            mask[np.searchsorted(y, y0) : np.searchsorted(y, y1), columns] = True
        return mask

    in_truth, in_predicted = covered(truth), covered(predicted)
    return tuple(float(cells[mask].sum()) for mask in (in_truth & in_predicted, in_truth, in_predicted))


def _shown(scored: wsbench.Scored) -> np.ndarray:
    """``(M,)`` bool: the predicted box is of a class that is predicted on its image."""
    return scored.called[scored.predicted.image, scored.predicted.label]


def _mean_over_images(
    scored: wsbench.Scored, label: int, keep: Callable[[np.ndarray], np.ndarray]
) -> float | None:
    import numpy as np

    means = [keep(ious).mean() for ious in scored.matrices(label)]
    return float(np.mean(means)) if means else None


def _region_metric(
    scored: wsbench.Scored, measure: Callable[[float, float, float], float]
) -> wsbench.MetricValue:
    import numpy as np

    def mean(label: int) -> float | None:
        truth = scored.truth.of_label(label)
        predicted = scored.predicted.of_label(label)
        values = [
            measure(*shared_areas(truth.of_image(image), predicted.of_image(image)))
            for image in np.unique(truth.image)
        ]
        return float(np.mean(values)) if values else None

    return scored.per_class(mean)


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    return [
        wsbench.MetricSpec(
            "miou", "mean IoU of the KD-Grad-CAM paper: G largest overlaps of G truth boxes", miou
        ),
        wsbench.MetricSpec("miou_pooled", "the same overlaps, averaged over all truth boxes", miou_pooled),
        wsbench.MetricSpec("miou_matched", "mean IoU with one-to-one assignment", miou_matched),
        wsbench.MetricSpec("region_iou", "IoU of the unions of boxes (TBVA-GAN paper)", region_iou),
        wsbench.MetricSpec("region_dice", "Dice of the unions of boxes (TBVA-GAN paper)", region_dice),
        wsbench.MetricSpec(
            "boxes_per_image",
            "predicted boxes an image at the operating point",
            boxes_per_image,
            higher_is_better=None,
        ),
        wsbench.MetricSpec(
            "healthy_with_box",
            "share of images without findings that get a box",
            healthy_with_box,
            higher_is_better=False,
        ),
    ]
