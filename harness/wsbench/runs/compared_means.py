"""Compares variants of the same predictions in a mean over images, each with one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.compared import Difference, difference
from wsbench.scoring.intervals import of_draws, of_row
from wsbench.scoring.significance import DEFAULT_PRIOR, Estimate, holm, moderate


@dataclass(frozen=True)
class ComparedMean:
    """A variant's mean over images, and how far it is from that of the base.

    Attributes:
        name: the name of the variant.
        mean: the mean over images, then over networks.
        interval: its 95 % interval. Of one network it is that of this network on images like these; of
            several it holds the noise of seeds, too.
        difference: the paired difference to the base, on the same draws; None for the base.
        holm: p of the difference, corrected for all variants (Holm); None for the base.
    """

    name: str
    mean: float
    interval: tuple[float, float]
    difference: Difference | None = None
    holm: float | None = None


def compare_means(
    values: Mapping[str, np.ndarray], draws: Resamples, base: str, trainings: Sequence[str] = ()
) -> list[ComparedMean]:
    """Compare variants of the predictions of the same networks.

    Args:
        values: by variant, ``(n, N)`` values in [0, 1] of N images under n networks; NaN for images that do
            not count. The same images count in all variants.
        draws: draws of the N images.
        base: the variant that all are compared with.
        trainings: a key of the training of each network.

    Returns:
        The variants in their order.
    """
    counted = ~np.isnan(values[base][0])
    units = len(np.unique(draws.unit[counted]))
    estimates = {
        name: _estimate(of_variant, counted, draws, trainings) for name, of_variant in values.items()
    }
    differences = {
        name: difference(name, estimate, estimates[base], DEFAULT_PRIOR)
        for name, estimate in estimates.items()
        if name != base
    }
    corrected = dict(zip(differences, holm([row.p for row in differences.values()]).tolist(), strict=True))
    return [
        ComparedMean(
            name, estimate.mean, _interval(estimate, units), differences.get(name), corrected.get(name)
        )
        for name, estimate in estimates.items()
    ]


def _estimate(
    values: np.ndarray, counted: np.ndarray, draws: Resamples, trainings: Sequence[str]
) -> Estimate:
    sums = draws.sum(np.where(counted, values, 0.0).T)
    drawn = ratio(sums, draws.sum(counted.astype(np.float64))[:, None]).mean(axis=1)
    means = values[:, counted].mean(axis=1)
    # One network says nothing of seeds: what is compared is this network under two readings.
    single = len(values) == 1
    return Estimate(means, drawn, deterministic=single, trainings=tuple(trainings))


def _interval(estimate: Estimate, units: int) -> tuple[float, float]:
    if len(estimate.values) == 1:
        ends = of_draws(estimate.mean, estimate.draws, bounded=True, units=units)
        assert ends is not None  # some image counts in some draw
        return ends
    moderated = moderate(estimate, DEFAULT_PRIOR)
    return of_row(
        estimate.mean,
        estimate.draws,
        moderated.variance / moderated.seeds,
        moderated.degrees,
        bounded=True,
        units=units,
    )
