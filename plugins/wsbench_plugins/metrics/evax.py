"""EVA-X's measures of localisation, as its repository computes them (hustvl/EVA-X, ``grad_cam/get_cams.py``).

It prints them as AP25, AP50 and mIoU. The first two are no average precisions: they are hit rates of whole
masks, shares of truth boxes whose IoU with everything the map marks exceeds 0.25 or 0.5. A class score plays
no part, because every box is compared with the map of its own class.

One threshold cuts the maps of all images and classes. It is chosen among 0.01, 0.02 ... 0.60 on the very
boxes that are scored, so these measures belong to the oracle family: they compare with EVA-X's table and
never rank. Maps that are 0 or 1 leave nothing to choose; a mask cut elsewhere is measured in this way.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np

SIDE = 224
"""Pixels a side of the frame in which masks and boxes are compared."""

CUTS = tuple(cut / 100 for cut in range(1, 61))
"""The thresholds. A pixel belongs to the mask where the map exceeds the threshold."""

LEAST = (0.25, 0.5)
"""A box is hit where its IoU with the mask exceeds these values."""

HIT25, HIT50, IOU = range(3)
"""Positions of the sums in the last axis of `by_image`."""


def evax_hit25(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B,)`` share of the truth boxes of all classes whose IoU with the whole thresholded map of their
    class exceeds 0.25. EVA-X prints it as AP25; it is a hit rate of whole masks, not an average precision.

    The threshold is one of 0.01 ... 0.60, the same for all images and classes: the lowest at which
    `evax_hit25` plus `evax_hit50` is largest on the scored boxes themselves. It is therefore an oracle, and
    it is chosen again in each draw. NaN without a truth box, and for methods without heatmaps.
    """
    return _at_best_cut(scored, resamples, HIT25)


def evax_hit50(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B,)`` the same share for an IoU above 0.5, at the same threshold as `evax_hit25`. It is an oracle.
    EVA-X prints it as AP50, but it is a hit rate of whole masks, not an average precision."""
    return _at_best_cut(scored, resamples, HIT50)


def evax_miou(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B,)`` mean IoU of the truth boxes of all classes with the whole thresholded map of their class, at
    the same threshold as `evax_hit25`. It is an oracle. EVA-X prints it as mIoU."""
    return _at_best_cut(scored, resamples, IOU)


def best_cut(overlaps: np.ndarray) -> int:
    """The position in `CUTS` at which the hits at 0.25 and 0.5 together are most, of equal ones the first.

    Args:
        overlaps: ``(T, 60)`` of some truth boxes, as `mask_overlaps` gives them.
    """
    return int(sum((overlaps > least).sum(axis=0) for least in LEAST).argmax())


def mask_overlaps(scored: wsbench.metrics.Scored) -> np.ndarray:
    """``(T, 60)`` IoU of every truth box with the mask of its image and class, at every threshold of `CUTS`.

    Every box is compared by itself with the whole mask, also where an image has several of one class. A box
    of no area beside an empty mask has 0, where the published code divides by 0.
    """
    import numpy as np

    assert scored.heatmaps is not None
    result = np.zeros((len(scored.truth), len(CUTS)))
    cell = scored.truth.image * len(scored.classes) + scored.truth.label
    for number in np.unique(cell):
        image, label = divmod(int(number), len(scored.classes))
        rows = np.flatnonzero(cell == number)
        region, size = scored.heatmaps.regions[image], tuple(scored.sizes[image].tolist())
        heatmap = scaled_map(scored.heatmaps.maps[image, label], region, size)
        result[rows] = _overlaps(heatmap, in_frame(scored.truth.xyxy[rows], size))
    return result


def scaled_map(heatmap: np.ndarray, region: wsbench.Region, size: tuple[int, int]) -> np.ndarray:
    """A map as EVA-X's script finds it: ``(SIDE, SIDE)`` float32 over the whole image, from 0 to 1.

    It is resized bilinearly and scaled to its own range, as pytorch-grad-cam does (`scale_cam_image`). A map
    that is the same everywhere keeps its value, where that library gives 0.

    Args:
        heatmap: ``(h, w)`` floats in [0, 1].
        region: the rectangle of the original image that it covers, in pixels.
        size: width and height of the original image, in pixels.
    """
    full = wsbench.geometry.over_whole_image(heatmap, region, size, SIDE, bilinear=True)
    lowest = full.min()
    if full.max() == lowest:
        return full
    raised = full - lowest
    between: np.ndarray = raised / (1e-7 + raised.max())
    return between


def in_frame(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``(n, 4)`` corners in whole pixels of the frame, cut to it.

    As published, x, y, width and height are truncated twice: in pixels of the image, then in the frame's.

    Args:
        boxes: ``(n, 4)`` corners in pixels of the original image.
        size: its width and height.
    """
    import numpy as np

    numbers = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    # A width that was a whole number may have lost its last bit between two corners.
    pixels = np.floor(numbers + 1e-6).astype(np.intp) * SIDE // np.tile(size, 2)
    corners: np.ndarray = np.minimum(
        np.concatenate([pixels[:, :2], pixels[:, :2] + pixels[:, 2:]], axis=1), SIDE
    )
    return corners


def by_image(scored: wsbench.metrics.Scored) -> np.ndarray:
    """``(N, 60, 3)`` sums over the truth boxes of every image, at every threshold: hits at 0.25, hits at 0.5,
    and IoU."""
    import numpy as np

    overlaps = mask_overlaps(scored)
    result = np.zeros((len(scored.names), len(CUTS), 3))
    parts = [*((overlaps > least).astype(np.float64) for least in LEAST), overlaps]
    np.add.at(result, scored.truth.image, np.stack(parts, axis=2))
    return result


def _overlaps(heatmap: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """``(n, 60)`` IoU of ``(n, 4)`` boxes in whole pixels with the masks of one ``(SIDE, SIDE)`` map."""
    import numpy as np

    # In float32, as published: a Python number compared with a float32 map is rounded to float32 first.
    exceeded = np.searchsorted(np.array(CUTS, dtype=np.float32), heatmap.astype(np.float32), side="left")

    def above(pixels: np.ndarray) -> np.ndarray:
        """``(60,)`` how many pixels of a part of the map exceed each threshold."""
        counts = np.bincount(pixels.ravel(), minlength=len(CUTS) + 1)
        return np.cumsum(counts[::-1])[::-1][1:]

    mask = above(exceeded)
    shared = np.array([above(exceeded[y0:y1, x0:x1]) for x0, y0, x1, y1 in boxes])
    covered = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = mask + covered[:, None] - shared
    ious: np.ndarray = np.divide(shared, union, out=np.zeros(union.shape), where=union > 0)
    return ious


def _at_best_cut(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, measure: int
) -> np.ndarray:
    import numpy as np

    if scored.heatmaps is None:
        return np.full(len(resamples), np.nan)
    sums = resamples.sum(scored.memoised(by_image))
    best = (sums[:, :, HIT25] + sums[:, :, HIT50]).argmax(axis=1)
    boxes = resamples.sum(np.bincount(scored.truth.image, minlength=len(scored.names)))
    return wsbench.metrics.ratio(sums[np.arange(len(resamples)), best, measure], boxes)


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="maps", columns={})
    return [
        spec(
            "evax_hit25",
            "ORACLE: share of boxes with whole-mask IoU > 0.25 (EVA-X, printed as AP25)",
            evax_hit25,
        ),
        spec(
            "evax_hit50",
            "ORACLE: share of boxes with whole-mask IoU > 0.5 (EVA-X, printed as AP50)",
            evax_hit50,
        ),
        spec("evax_miou", "ORACLE: mean IoU of boxes with whole masks (EVA-X, printed as mIoU)", evax_miou),
    ]
