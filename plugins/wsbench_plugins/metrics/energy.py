"""Proportional energy: the share of a heatmap's sum that lies in the truth boxes.

It is the energy-based pointing game of Score-CAM (Wang et al. 2020, "Score-CAM: Score-Weighted Visual
Explanations for Convolutional Neural Networks", section 4.3) and "proportional energy" in mednet, Idiap's
library for chest X-rays. A map that says nothing does not have 0: it has the share of the image that the
boxes cover. Therefore `proportional_energy_blank` and `proportional_energy_prior` stand beside it in every
record.

mednet's other measure, average saliency focus (the mean of the map within the boxes), is left out: a constant
map of ones has its maximum, 1.

Every function returns ``(B, C)`` values of B draws and C classes. A value is NaN for a class without a truth
box, and for methods without heatmaps.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    ShareOf = Callable[[wsbench.metrics.Scored, int, int, np.ndarray], float]

GRID = 64
"""Cells along each side of the map that `proportional_energy_prior` makes of annotated boxes."""


def proportional_energy(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """The mean, over the images with a truth box of the class, of the map's sum within the union of these
    boxes divided by the map's sum over the image.

    A cell that a box covers in part counts with that part of its area. What a map says of its padding,
    outside the image, counts in neither sum. A map that is 0 everywhere has 0, as in mednet.
    """
    return _mean_of_images(scored, resamples, _of_heatmaps)


def proportional_energy_blank(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples
) -> np.ndarray:
    """`proportional_energy` of a constant map over the same region as the method's own map."""
    return _mean_of_images(scored, resamples, _of_blank_maps)


def proportional_energy_prior(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples
) -> np.ndarray:
    """`proportional_energy` of the same map on every image: how many images of the calibrate role have a
    truth box of the class at a place, as fractions of the image, on a grid of 64 x 64 cells. NaN for a class
    without a box there."""
    return _mean_of_images(scored, resamples, _of_prior)


def energy_share(
    heatmap: np.ndarray, region: wsbench.Region, size: tuple[float, float], boxes: np.ndarray
) -> float:
    """The share of a map's sum that lies within the union of boxes.

    Args:
        heatmap: ``(h, w)`` floats, each at least 0.
        region: the rectangle that the map covers, in pixels.
        size: width and height of the image, in pixels.
        boxes: ``(T, 4)`` corners in pixels, within the image.

    Returns:
        A value from 0 to 1; 0 for a map that is 0 everywhere in the image.
    """
    import numpy as np

    rows, columns = heatmap.shape
    x_edges = np.linspace(region.x0, region.x1, columns + 1)
    y_edges = np.linspace(region.y0, region.y1, rows + 1)
    energy = heatmap.astype(np.float64)
    total = (energy * covered_areas(np.array([[0.0, 0.0, *size]]), x_edges, y_edges)).sum()
    within = (energy * covered_areas(boxes, x_edges, y_edges)).sum()
    return float(within / total) if total > 0 else 0.0


def covered_areas(boxes: np.ndarray, x_edges: np.ndarray, y_edges: np.ndarray) -> np.ndarray:
    """The area of each cell of a grid that the union of boxes covers.

    Args:
        boxes: ``(T, 4)`` corners ``x0, y0, x1, y1``; T is at least 1.
        x_edges, y_edges: ``(w + 1,)`` and ``(h + 1,)`` ascending edges of the cells.

    Returns:
        ``(h, w)`` float64.
    """
    import numpy as np

    # The edges of all boxes cut the plane into pieces that lie wholly within or wholly outside of a box.
    x_cuts, y_cuts = np.unique(boxes[:, [0, 2]]), np.unique(boxes[:, [1, 3]])
    x0, y0, x1, y1 = boxes.T[..., None]
    across = (x0 <= x_cuts[:-1]) & (x_cuts[1:] <= x1)  # (T, pieces)
    down = (y0 <= y_cuts[:-1]) & (y_cuts[1:] <= y1)
    is_within = np.einsum("ty,tx->yx", down.astype(float), across.astype(float)) > 0
    areas: np.ndarray = _lengths(y_edges, y_cuts) @ is_within @ _lengths(x_edges, x_cuts).T
    return areas


def _lengths(edges: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """``(cells, pieces)``: the length that each interval of ``edges`` shares with each one of ``cuts``."""
    import numpy as np

    ends = np.minimum(edges[1:, None], cuts[1:])
    starts = np.maximum(edges[:-1, None], cuts[:-1])
    shared: np.ndarray = np.maximum(ends - starts, 0.0)
    return shared


def _of_heatmaps(scored: wsbench.metrics.Scored, image: int, label: int, boxes: np.ndarray) -> float:
    assert scored.heatmaps is not None
    heatmap, region = scored.heatmaps.maps[image, label], scored.heatmaps.regions[image]
    return energy_share(heatmap, region, tuple(scored.sizes[image]), boxes)


def _of_blank_maps(scored: wsbench.metrics.Scored, image: int, label: int, boxes: np.ndarray) -> float:
    import numpy as np

    assert scored.heatmaps is not None
    return energy_share(np.ones((1, 1)), scored.heatmaps.regions[image], tuple(scored.sizes[image]), boxes)


def _of_prior(scored: wsbench.metrics.Scored, image: int, label: int, boxes: np.ndarray) -> float:
    prior = scored.shared(prior_map, label)
    if prior is None:
        return float("nan")
    width, height = scored.sizes[image]
    return energy_share(prior, wsbench.geometry.full_image(width, height), (width, height), boxes)


def prior_map(scored: wsbench.metrics.Scored, label: int) -> np.ndarray | None:
    """``(GRID, GRID)``, for each cell of an image, the area that truth boxes of a class cover, summed over
    the images of the calibrate role; None where there is no box."""
    import numpy as np

    if scored.calibrate is None:
        return None
    truth = scored.calibrate.truth.of_label(label)
    boxes = wsbench.metrics.as_fractions(truth, scored.calibrate.sizes)
    edges = np.linspace(0.0, 1.0, GRID + 1)
    by_image = [covered_areas(boxes[truth.image == image], edges, edges) for image in np.unique(truth.image)]
    return np.sum(by_image, axis=0) if by_image else None


def _shares(scored: wsbench.metrics.Scored, share_of: ShareOf) -> tuple[np.ndarray, np.ndarray]:
    """``(N, C)`` the share of each image and class, and whether it has a truth box (1 or 0)."""
    import numpy as np

    shares, counted = np.zeros((2, len(scored.names), len(scored.classes)))
    for label in range(len(scored.classes)):
        truth = scored.truth.of_label(label)
        for image in np.unique(truth.image):
            shares[image, label] = share_of(scored, image, label, truth.of_image(image))
            counted[image, label] = 1.0
    return shares, counted


def _mean_of_images(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, share_of: ShareOf
) -> np.ndarray:
    import numpy as np

    if scored.heatmaps is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    shares, counted = scored.shared(_shares, share_of)
    known = ~np.isnan(shares).any(axis=0)  # a class without a prior has none on all its images
    sums = resamples.sum(np.where(known, shares, 0.0))
    return np.where(known, wsbench.metrics.ratio(sums, resamples.sum(counted)), np.nan)


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="maps", columns={})
    return [
        spec(
            "proportional_energy",
            "share of a map's sum that lies in truth boxes (Score-CAM, mednet)",
            proportional_energy,
        ),
        spec("proportional_energy_blank", "the same for a constant map", proportional_energy_blank, None),
        spec(
            "proportional_energy_prior",
            "the same for the mean of the boxes of the calibrate role",
            proportional_energy_prior,
            None,
        ),
    ]
