"""my_plugin: the share of positive images whose predicted boxes touch a truth box.

Replace this text by the metric's definition and its source. Lines that begin with "REPLACE" say what else is
yours to change. How to go on: docs/how-to/metric.md of wsbench.
"""

from __future__ import annotations

import numpy as np

import wsbench


def compute(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """REPLACE: the metric, of N images and C classes in B draws of the images.

    ``scored`` has labels, class scores, truth boxes, predicted boxes, their overlaps and heatmaps. It is
    read-only. Sum over images with ``resamples.sum`` alone: then the value and its interval come from the
    same lines.

    Returns:
        ``(B, C)`` values in [0, 1]. NaN where the metric does not exist: for a class without a truth box.
    """
    touches = scored.pairs.iou > 0  # of each pair of a truth box and a predicted box of its class
    touched = np.zeros(len(scored.truth))
    touched[scored.pairs.truth[touches]] = 1
    has_box = scored.per_image(scored.truth) > 0  # (N, C)
    has_hit = scored.per_image(scored.truth, touched) > 0  # (N, C)
    return wsbench.metrics.ratio(resamples.sum(has_hit), resamples.sum(has_box))


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    return [
        wsbench.MetricSpec(
            name="my_plugin",
            summary="share of images with a truth box that a predicted box touches",  # REPLACE
            compute=compute,
            higher_is_better=True,  # False, or None for what is neither good nor bad
            version=1,  # raise it whenever values change
            needs="boxes",  # or "labels", "maps", "masks", "nuisances"
            bounded=True,  # False if values may leave [0, 1]
            heading="touched",  # REPLACE: of its column in the terminal
        )
    ]
