"""Nuisance energy: the share of a heatmap's sum that lies on what no class may be read from.

It is proportional energy (`energy`) with the boxes of nuisances, such as burnt-in markers, in the place of
the truth boxes. It counts on every image that has a nuisance, whatever its labels are, because a classifier
that has learnt a marker reads it everywhere. A map that says nothing does not have 0: it has the share of the
image that the nuisances cover. Therefore `nuisance_energy_blank` stands beside it in every record.

Every function returns ``(B, C)`` values of B draws and C classes. A value is NaN where no image has a
nuisance, and for methods without heatmaps.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING

import wsbench

from .energy import energy_share

if TYPE_CHECKING:
    import numpy as np


def nuisance_energy(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """The mean, over the images with a nuisance, of the map's sum within the union of their nuisances divided
    by the map's sum over the image.

    A cell that a box covers in part counts with that part of its area. A map that is 0 everywhere has 0.
    """
    return _mean_of_images(scored, resamples, blank=False)


def nuisance_energy_blank(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """`nuisance_energy` of a constant map over the same region as the method's own map."""
    return _mean_of_images(scored, resamples, blank=True)


def _mean_of_images(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, *, blank: bool
) -> np.ndarray:
    import numpy as np

    if scored.heatmaps is None:
        return np.full((len(resamples), len(scored.classes)), np.nan)
    shares, counted = scored.shared(_shares, blank)
    means: np.ndarray = wsbench.metrics.ratio(resamples.sum(shares), resamples.sum(counted))
    return means


def _shares(scored: wsbench.metrics.Scored, blank: bool) -> tuple[np.ndarray, np.ndarray]:
    """``(N, C)`` the share of each image and class, and whether the image has a nuisance (1 or 0)."""
    import numpy as np

    assert scored.heatmaps is not None
    boxes: dict[int, list[np.ndarray]] = defaultdict(list)
    for (_, image), corners in scored.nuisances.items():
        boxes[image].append(corners)
    shares, counted = np.zeros((2, len(scored.names), len(scored.classes)))
    for image, of_image in boxes.items():
        maps = np.ones((len(scored.classes), 1, 1)) if blank else scored.heatmaps.maps[image]
        region, size = scored.heatmaps.regions[image], tuple(scored.sizes[image])
        union = np.concatenate(of_image)
        shares[image] = [energy_share(heatmap, region, size, union) for heatmap in maps]
        counted[image] = 1.0
    return shares, counted


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="nuisances", columns={})
    return [
        spec(
            "nuisance_energy",
            "share of a map's sum that lies on nuisances, such as markers",
            nuisance_energy,
            False,
            kept_in_draws=True,
        ),
        spec("nuisance_energy_blank", "the same for a constant map", nuisance_energy_blank, None),
    ]
