"""Oracle metrics, whose thresholds are chosen on the same images that they are computed on.

They exist for comparison with papers that do so (Choe et al. 2020, "Evaluating Weakly Supervised Object
Localization Methods Right"), and never rank. Maps are resized to 224 x 224 over the whole image and scaled to
[0, 1]. Boxes are squashed into that frame, as in the paper's code. Only the outer contours of components give
boxes. The paper's code also uses the contours of holes, which changes the best overlap of about one map in
eleven.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np

SIDE = 224
THRESHOLDS = 100
"""Number of thresholds: 0, 0.01 ... 0.99 of each map's maximum."""

OVERLAPS = (0.3, 0.5, 0.7)


def max_box_acc_v2(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` share of the images with a truth box on which some box has an IoU of at least d with some
    truth box, at the best threshold for these images. It is averaged over d = 0.3, 0.5 and 0.7, each with
    its own best threshold (MaxBoxAccV2 of Choe et al. 2020)."""
    import numpy as np

    columns = []
    for label in range(len(scored.classes)):
        images, best = scored.memoised(best_overlaps, label)
        counted = np.zeros(len(scored.names))
        counted[images] = 1.0
        reached = np.zeros((len(scored.names), len(OVERLAPS), THRESHOLDS))
        reached[images] = best[:, None, :] >= np.array(OVERLAPS)[:, None]
        hits = resamples.sum(reached).max(axis=2).mean(axis=1)
        value = wsbench.metrics.ratio(hits, resamples.sum(counted))
        columns.append(value if scored.heatmaps is not None else np.full(len(resamples), np.nan))
    return np.stack(columns, axis=1)


def pxap(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` average precision of pixels, pooled over the images with a truth box (PxAP of Choe et al.
    2020). Pixels in truth boxes are positive. A constant map has the value of `pxap_chance`."""
    import numpy as np

    columns = []
    for label in range(len(scored.classes)):
        histograms = scored.memoised(pixel_histograms, label)
        foreground, every = (resamples.sum(histogram) for histogram in histograms)
        hits = np.cumsum(foreground[:, ::-1], axis=1)
        taken = np.cumsum(every[:, ::-1], axis=1)
        precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
        steps = np.diff(hits, axis=1, prepend=0)
        columns.append(wsbench.metrics.ratio((precision * steps).sum(axis=1), hits[:, -1]))
    return np.stack(columns, axis=1)


def pxap_chance(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` `pxap` of a constant map: the share of pixels that truth boxes cover, over the images with a
    truth box."""
    import numpy as np

    columns = []
    for label in range(len(scored.classes)):
        foreground, every = (
            resamples.sum(histogram.sum(axis=1)) for histogram in scored.memoised(pixel_histograms, label)
        )
        columns.append(wsbench.metrics.ratio(foreground, every))
    return np.stack(columns, axis=1)


def best_overlaps(scored: wsbench.metrics.Scored, label: int) -> tuple[np.ndarray, np.ndarray]:
    """The images with a truth box of a class, and ``(images, THRESHOLDS)`` their best overlaps."""
    import numpy as np

    images = np.unique(scored.truth.of_label(label).image)
    if scored.heatmaps is None:
        return images, np.zeros((len(images), THRESHOLDS))
    best = [
        overlaps_by_threshold(_map(scored, image, label), _boxes(scored, image, label)) for image in images
    ]
    return images, np.array(best).reshape(len(images), THRESHOLDS)


def overlaps_by_threshold(heatmap: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """``(THRESHOLDS,)`` the best IoU of any box with any truth box at every threshold, in whole inclusive
    pixels.

    Args:
        heatmap: ``(SIDE, SIDE)`` in [0, 1].
        truth: ``(G, 4)`` inclusive corners in its pixels.
    """
    import numpy as np

    last_pixel = np.array([0, 0, 1, 1])  # an inclusive box is a half-open one that ends a pixel later
    levels = (heatmap * 255).astype(np.uint8)
    result = np.zeros(THRESHOLDS)
    known: dict[int, float] = {}
    for position in range(THRESHOLDS):
        cut = int(position / THRESHOLDS * int(levels.max()))
        if cut not in known:
            boxes = wsbench.geometry.component_boxes(
                levels, (cut + 1) / 255
            )  # foreground is what exceeds the cut
            boxes[:, 2:] = np.minimum(boxes[:, 2:], SIDE - 1)
            overlaps = wsbench.geometry.pairwise_iou(truth + last_pixel, boxes + last_pixel)
            known[cut] = float(overlaps.max(initial=0.0))
        result[position] = known[cut]
    return result


def pixel_histograms(scored: wsbench.metrics.Scored, label: int) -> tuple[np.ndarray, np.ndarray]:
    """``(N, bins)`` pixels by map value: those that truth boxes cover, and all; 0 for images without one."""
    import numpy as np

    foreground, every = np.zeros((2, len(scored.names), THRESHOLDS + 1))
    for image in np.unique(scored.truth.of_label(label).image) if scored.heatmaps is not None else ():
        # Maps are float32: a value on the edge of a bin must not fall below it.
        bins = np.floor(_map(scored, image, label) * THRESHOLDS + 1e-4).astype(int)
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        for x0, y0, x1, y1 in np.rint(_in_frame(scored, image, label)).astype(int):
            mask[y0:y1, x0:x1] = True
        foreground[image] = np.bincount(bins[mask], minlength=THRESHOLDS + 1)
        every[image] = np.bincount(bins.ravel(), minlength=THRESHOLDS + 1)
    return foreground, every


def _map(scored: wsbench.metrics.Scored, image: int, label: int) -> np.ndarray:
    """The map over the whole image, ``(SIDE, SIDE)``, from 0 to 1; 0 everywhere for a constant map."""
    import numpy as np

    assert scored.heatmaps is not None
    full = wsbench.geometry.over_whole_image(
        scored.heatmaps.maps[image, label], scored.heatmaps.regions[image], tuple(scored.sizes[image]), SIDE
    )
    if np.ptp(full) < 1e-6:  # the same everywhere, but for what resizing rounds
        return np.zeros_like(full)
    return wsbench.geometry.stretched(full)


def _in_frame(scored: wsbench.metrics.Scored, image: int, label: int) -> np.ndarray:
    import numpy as np

    boxes = scored.truth.of_label(label).of_image(image)
    squashed: np.ndarray = boxes / np.tile(scored.sizes[image], 2) * SIDE
    return squashed


def _boxes(scored: wsbench.metrics.Scored, image: int, label: int) -> np.ndarray:
    """Truth boxes squashed into the frame and cut to whole pixels."""
    import numpy as np

    corners: np.ndarray = np.trunc(_in_frame(scored, image, label))
    return corners


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="maps", columns={})
    return [
        spec(
            "max_box_acc_v2",
            "ORACLE: box accuracy with thresholds chosen on test (Choe et al.)",
            max_box_acc_v2,
        ),
        spec("pxap", "ORACLE: average precision of pooled pixels (Choe et al.)", pxap),
        spec("pxap_chance", "pxap of a constant map", pxap_chance, None),
    ]
