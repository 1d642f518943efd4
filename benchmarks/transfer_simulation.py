"""How often the 95 % interval of a drop holds the true drop, where that is known.

Patients of two datasets are drawn again and again. Scores are normal, with another mean where the finding is.
Of images with a finding, the one predicted box hits with a given chance, by itself. Thresholds are given and
have no noise. The truth is the metric on 100,000 images. Two intervals are compared: the one of wsbench
(MOVER), and the percentiles of the differences of the draws.

    python benchmarks/transfer_simulation.py [--samples 1000]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from wsbench.contract.plugins import find
from wsbench.contract.specs import MetricSpec
from wsbench.geometry.box_table import BoxTable
from wsbench.runs.drops import drop_interval
from wsbench.scoring.bootstrap import Resamples, interval
from wsbench.scoring.intervals import of_draws
from wsbench.scoring.metric_values import rarer_units, values
from wsbench.scoring.table import Scored

PREVALENCE = 0.34
POINT = 0.5
"""The operating point, as a share of the distance between the two means of the own dataset."""


@dataclass(frozen=True)
class World:
    """A dataset that images are drawn from.

    Attributes:
        auc: the area under the curve of its class scores.
        hits: the chance that the box of an image with a finding hits.
        shift: by which all class scores are higher than on the own dataset.
    """

    auc: float
    hits: float
    shift: float = 0.0


SCENARIOS = [
    ("nothing shifted", World(0.9, 0.6), World(0.9, 0.6)),
    ("nothing shifted, easy", World(0.99, 0.9), World(0.99, 0.9)),
    ("a drop", World(0.95, 0.7), World(0.8, 0.4, 0.5)),
    ("a large drop", World(0.99, 0.9), World(0.6, 0.1, 1.0)),
]
SIZES = [(75, 75, 1), (300, 75, 1), (300, 300, 1), (300, 150, 3)]
"""Images of the own test role and of the other one, and images of a patient."""
SHOWN = ("auc", "macro_recall", "cond_ap25")


def table(
    world: World, images: int, of_patient: int, generator: np.random.Generator
) -> tuple[Scored, np.ndarray]:
    """Draw images: their table, and the patient of each. Images of a patient have one label and share half of
    the variance of their scores."""
    patient = np.arange(images) // of_patient
    labels = (generator.random(images) < PREVALENCE)[patient * of_patient]
    labels[:: max(images - 1, 1)] = [True, False]  # no sample lacks a label
    shared, alone = generator.standard_normal((2, images))
    noise = alone if of_patient == 1 else np.sqrt(0.5) * (shared[patient * of_patient] + alone)
    distance = np.sqrt(2) * norm.ppf(world.auc)
    scores = norm.cdf(noise + labels * distance + world.shift)
    hits = generator.random(images) < world.hits
    rows = np.flatnonzero(labels)
    corners = np.tile([10.0, 10.0, 40.0, 40.0], (len(rows), 1))
    predicted = np.where(hits[rows, None], corners, corners + 50)
    label = np.zeros(len(rows), dtype=np.intp)
    scored = Scored(
        classes=("tb",),
        names=tuple(map(str, range(images))),
        sizes=np.full((images, 2), 100),
        labels=labels[:, None],
        known=np.ones((images, 1), dtype=bool),
        truth=BoxTable(rows, label, corners, np.ones(len(rows))),
        scores=scores[:, None],
        operating_points=np.array([norm.cdf(POINT * np.sqrt(2) * norm.ppf(0.95))]),
        predicted=BoxTable(rows, label, predicted, scores[rows]),
    )
    return scored, patient


def measured(spec: MetricSpec, scored: Scored) -> float:
    """A metric of a table."""
    return float(values(spec, scored, Resamples.once(len(scored.names))).ravel()[0])


def covered(
    own: World,
    there: World,
    sizes: tuple[int, int, int],
    metrics: dict[str, MetricSpec],
    samples: int,
    seed: int,
) -> dict[str, tuple[float, float, float]]:
    """For each metric, how often MOVER and percentiles hold the true drop, and the first one's mean width."""
    generator = np.random.default_rng(seed)
    worlds = (own, there)
    large = [table(world, 100_000, 1, generator)[0] for world in worlds]
    truth = {name: measured(spec, large[0]) - measured(spec, large[1]) for name, spec in metrics.items()}
    held = {name: np.zeros(3) for name in metrics}
    for _ in range(samples):
        sides = [
            table(world, size, sizes[2], generator) for world, size in zip(worlds, sizes[:2], strict=True)
        ]
        drawn = [
            Resamples.draw(patient.tolist(), 1000, int(generator.integers(2**62))) for _, patient in sides
        ]
        for name, spec in metrics.items():
            value = [measured(spec, scored) for scored, _ in sides]
            draws = [values(spec, scored, of).ravel() for (scored, _), of in zip(sides, drawn, strict=True)]
            units = [int(rarer_units(scored, of).sum()) for (scored, _), of in zip(sides, drawn, strict=True)]
            ends = [
                of_draws(*one, bounded=spec.bounded, units=n)
                for *one, n in zip(value, draws, units, strict=True)
            ]
            assert ends[0] is not None and ends[1] is not None
            low, high = drop_interval(value[0], ends[0], value[1], ends[1])
            plain = interval(draws[0] - draws[1]) or (np.nan, np.nan)
            held[name] += [low <= truth[name] <= high, plain[0] <= truth[name] <= plain[1], high - low]
    return {name: tuple(sums / samples) for name, sums in held.items()}


def lines(samples: int) -> Iterator[str]:
    """The table of docs/statistics.md."""
    metrics = {name: find().metrics[name] for name in SHOWN}
    yield "| truth | images (own, there), of a patient | measure | MOVER | percentiles | width |"
    yield "| :--- | :--- | :--- | ---: | ---: | ---: |"
    for number, (words, own, there) in enumerate(SCENARIOS):
        for size in SIZES:
            result = covered(own, there, size, metrics, samples, seed=number)
            for name, (mover, plain, width) in result.items():
                cells = f"`{name}` | {mover:.3f} | {plain:.3f} | {width:.2f}"
                yield f"| {words} | {size[0]}, {size[1]}; {size[2]} | {cells} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1000)
    for line in lines(parser.parse_args().samples):
        print(line, flush=True)
