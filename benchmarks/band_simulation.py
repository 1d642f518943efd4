"""How often the bands of a report's curves hold the true curve, where that is known.

Images are drawn again and again. A third has one lesion. Class scores and the scores of boxes are normal,
with another mean where the lesion is. A box hits it with a chance of 0.7, and every image has a Poisson
number of false boxes. Where a class score falls into a bin, the class is present as often as the score says.
The truth is the curve of 200,000 images, and of 20,000 for boxes. Coverage is averaged over the places at
which the curve is not at its ends.

    python benchmarks/band_simulation.py [--samples 300]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.reports.plots.box_curves import FALSE_BOXES, RECALLS, froc_curves, precision_curves
from wsbench.reports.plots.points import percentile_band
from wsbench.reports.plots.reliability import reliability
from wsbench.reports.plots.score_curves import RATES, drawn_rates
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored
from wsbench.types import Box, ScoredBox

PREVALENCE, HIT, FALSE = 1 / 3, 0.7, 0.8
"""Shares of images with a lesion and of lesions that are hit; mean number of false boxes of an image."""

DRAWS, TRUTH = 400, 200_000
COUNTS = (75, 300, 1000)
"""Test images of a sample."""

LESION = (0.0, 0.0, 10.0, 10.0)
ELSEWHERE = (50.0, 50.0, 60.0, 60.0)
ENDS = (0.02, 0.98)
"""Places where the true value lies outside of these are left out: a curve is known at its ends."""


def labels_and_scores(generator: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """``(N,)`` labels and class scores."""
    labels = generator.random(count) < PREVALENCE
    return labels, generator.normal(1.2 * labels)


def boxes(generator: np.random.Generator, count: int) -> Scored:
    """A table of images with lesions and predicted boxes."""
    labels = generator.random(count) < PREVALENCE
    truth = [[Box("a", *LESION)] if label else [] for label in labels]
    predicted = []
    for label in labels:
        scores = generator.normal(size=generator.poisson(FALSE))
        of_image = [ScoredBox("a", *ELSEWHERE, score=_share(score)) for score in scores]
        if label and generator.random() < HIT:
            of_image.append(ScoredBox("a", *LESION, score=_share(generator.normal(1.2))))
        predicted.append(of_image)
    return Scored(
        classes=("a",),
        names=tuple(map(str, range(count))),
        sizes=np.full((count, 2), 100),
        labels=labels[:, None],
        known=np.ones((count, 1), dtype=bool),
        truth=BoxTable.of(truth, ("a",)),
        scores=np.zeros((count, 1)),
        operating_points=np.zeros(1),
        predicted=BoxTable.of(predicted, ("a",)),
    )


def _share(score: float) -> float:
    return float(1 / (1 + np.exp(-score)))


def true_rates() -> np.ndarray:
    """The true ROC curve at `RATES`."""
    labels, scores = labels_and_scores(np.random.default_rng(1), TRUTH)
    return drawn_rates(labels, scores, Resamples.once(TRUTH))[0]


def covered(sample: Callable[[np.random.Generator], np.ndarray], samples: int) -> float:
    """The mean of the shares that samples return; NaN where no place counts."""
    return float(np.mean([sample(np.random.default_rng([7, number])) for number in range(samples)]))


def roc_sample(truth: np.ndarray, count: int) -> Callable[[np.random.Generator], np.ndarray]:
    """The share of places of a ROC curve whose band holds the truth."""

    def sample(generator: np.random.Generator) -> np.ndarray:
        labels, scores = labels_and_scores(generator, count)
        draws = Resamples.draw(range(count), DRAWS, int(generator.integers(2**31)))
        return held(drawn_rates(labels, scores, draws), RATES, truth)

    return sample


def box_sample(
    curves: Callable[[Scored, Resamples], object], truth: np.ndarray, places: np.ndarray, count: int
) -> Callable[[np.random.Generator], np.ndarray]:
    """The share of places of a curve of boxes whose band holds the truth."""

    def sample(generator: np.random.Generator) -> np.ndarray:
        scored = boxes(generator, count)
        draws = Resamples.draw(range(count), DRAWS, int(generator.integers(2**31)))
        return held(curves(scored, draws).draws[:, 0], places, truth)  # type: ignore[attr-defined]

    return sample


def held(drawn: np.ndarray, places: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The share of places whose band holds the truth."""
    band = percentile_band(places, drawn)
    assert band is not None
    counts = (truth > ENDS[0]) & (truth < ENDS[1])
    return np.mean((band.low <= truth)[counts] & (truth <= band.high)[counts])


def reliability_sample(count: int) -> Callable[[np.random.Generator], np.ndarray]:
    """The share of bins with images whose interval holds the truth, which is the mean score there."""

    def sample(generator: np.random.Generator) -> np.ndarray:
        scores = generator.beta(1, 2, size=count)
        labels = generator.random(count) < scores
        draws = Resamples.draw(range(count), DRAWS, int(generator.integers(2**31)))
        bins = reliability("", labels[None, :, None], scores[None, :, None], draws)
        shown = bins.count > 0
        return np.mean((bins.low <= bins.score)[shown] & (bins.score <= bins.high)[shown])

    return sample


def main() -> None:
    """Print a line for each curve and number of images."""
    parser = argparse.ArgumentParser(description="Coverage of the bands of reports.")
    parser.add_argument("--samples", type=int, default=300)
    samples = parser.parse_args().samples
    large = boxes(np.random.default_rng(2), TRUTH // 10)
    once, rates = Resamples.once(TRUTH // 10), true_rates()
    precision, sensitivity = precision_curves(large, once).y[0], froc_curves(large, once).y[0]
    print("| curve | " + " | ".join(f"{count} images" for count in COUNTS) + " |")
    print("| :--- |" + " ---: |" * len(COUNTS))
    rows = {
        "ROC": lambda count: roc_sample(rates, count),
        "precision-recall": lambda count: box_sample(precision_curves, precision, RECALLS, count),
        "FROC": lambda count: box_sample(froc_curves, sensitivity, FALSE_BOXES, count),
        "reliability": reliability_sample,
    }
    for name, sample in rows.items():
        cells = [f"{covered(sample(count), samples):.3f}" for count in COUNTS]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
