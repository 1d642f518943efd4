"""Metrics of heatmaps that need no threshold.

Every function returns ``(B, C)`` values of B draws and C classes. A value is NaN for a class without a truth
box, and for methods without heatmaps.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np

GRID = 64
"""Points along each side of the grid on which `pointing_game_prior` looks for the most covered point."""


def pointing_game(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """Share of the images with a truth box whose heatmap has its maximum in a truth box of the class (Zhang
    et al. 2016, "Top-down neural attention by excitation backprop"). The centre of the highest cell counts,
    the first one of equal cells."""
    import numpy as np

    heatmaps = scored.heatmaps
    if heatmaps is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    rows, columns = heatmaps.maps.shape[2:]
    flat = heatmaps.maps.reshape(*heatmaps.maps.shape[:2], -1)
    image, label = scored.truth.image, scored.truth.label
    row, column = np.divmod(flat[image, label].argmax(axis=1), columns)
    regions = np.array([(r.x0, r.y0, r.width, r.height) for r in heatmaps.regions])[image]
    x = regions[:, 0] + (column + 0.5) / columns * regions[:, 2]
    y = regions[:, 1] + (row + 0.5) / rows * regions[:, 3]
    return _share_of_images(scored, resamples, x, y)


def pointing_game_chance(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``pointing_game`` of a random point: the share of an image that its truth boxes cover, averaged over
    the images with a truth box."""
    import numpy as np

    covered_share, counted = np.zeros((2, len(scored.names), len(scored.classes)))
    for label in range(len(scored.classes)):
        truth = scored.truth.of_label(label)
        for image in np.unique(truth.image):
            boxes = truth.of_image(image)
            covered, *_ = wsbench.geometry.shared_areas(boxes, boxes)
            covered_share[image, label], counted[image, label] = covered / np.prod(scored.sizes[image]), 1.0
    return wsbench.metrics.ratio(resamples.sum(covered_share), resamples.sum(counted))


def pointing_game_prior(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``pointing_game`` of the same point on every image, the one that most truth boxes of the calibrate role
    cover."""
    import numpy as np

    if scored.calibrate is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    points = np.array([_most_covered(scored.calibrate, label) for label in range(len(scored.classes))])
    x, y = (points[scored.truth.label] * scored.sizes[scored.truth.image]).T
    known = ~np.isnan(points[:, 0])
    return np.where(known, _share_of_images(scored, resamples, x, y), np.nan)


def _most_covered(calibrate: wsbench.metrics.Truth, label: int) -> tuple[float, float]:
    """``x, y`` as fractions of the image: the middle of the points that most boxes cover."""
    import numpy as np

    boxes = wsbench.metrics.as_fractions(calibrate.truth.of_label(label), calibrate.sizes)
    if len(boxes) == 0:
        return np.nan, np.nan
    points = (np.arange(GRID) + 0.5) / GRID
    across = (boxes[:, [0]] <= points) & (points < boxes[:, [2]])
    down = (boxes[:, [1]] <= points) & (points < boxes[:, [3]])
    covered = np.einsum("by,bx->yx", down.astype(float), across.astype(float))
    rows, columns = np.nonzero(covered == covered.max())
    middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return float(points[columns[middle]]), float(points[rows[middle]])


def _share_of_images(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """The share of the images with a truth box on which some box holds its point ``x, y``, each ``(T,)``."""
    x0, y0, x1, y1 = scored.truth.xyxy.T
    holds_point = (x0 <= x) & (x < x1) & (y0 <= y) & (y < y1)
    hit = scored.per_image(scored.truth, holds_point) > 0
    return wsbench.metrics.ratio(resamples.sum(hit), resamples.sum(scored.per_image(scored.truth) > 0))


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="maps", columns={})
    return [
        spec(
            "pointing_game",
            "share of maps whose maximum lies in a truth box",
            pointing_game,
            columns={"uniform": 6},
        ),
        spec("pointing_game_chance", "the same for a random point", pointing_game_chance, None),
        spec(
            "pointing_game_prior",
            "the same for the most covered point of the calibrate role",
            pointing_game_prior,
            None,
        ),
    ]
