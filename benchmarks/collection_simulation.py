"""What the pooled AUC and the AUC within collections are where the truth is known, and how often the 95 %
interval of the latter holds it.

The test images are those of three collections with the numbers of `tb_combined`'s test role: Montgomery 28
(12 with tuberculosis), Shenzhen 132 (67), and Belarus 61, all with tuberculosis. Scores are normal. They are
higher by a step where the finding is, and by another step for each collection with a larger share of it.

    python benchmarks/collection_simulation.py [--samples 400]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from wsbench.contract.plugins import find
from wsbench.contract.specs import MetricSpec
from wsbench.data.by_attribute import COLLECTION
from wsbench.runs.by_collection import collection_results, labels_table
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.metric_values import values
from wsbench.types import Sample

COLLECTIONS = {"montgomery": (28, 12), "shenzhen": (132, 67), "belarus": (61, 61)}
"""By collection, the number of test images, and of those with the finding. Shares increase."""


@dataclass(frozen=True)
class Method:
    """How a method scores images.

    Attributes:
        auc: the AUC of the finding within every collection.
        step: by which the scores of each collection are higher than those of the one before.
        noise: the standard deviation of scores; 0 gives all images of a collection the same score.
    """

    auc: float
    step: float
    noise: float = 1.0


METHODS = {
    "chance": Method(0.5, 0.0),
    "only the collection": Method(0.5, 1.0, noise=0.0),
    "the collection, with noise": Method(0.5, 1.0),
    "only the finding": Method(0.8, 0.0),
    "both": Method(0.8, 1.0),
    "the finding, and collections the wrong way": Method(0.8, -1.0),
}


def drawn(
    method: Method, times: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw the test images: their labels, their scores and their collections.

    Args:
        method: how they are scored.
        times: how often each collection has its number of images.
        generator: the source of noise.
    """
    labels, scores, names = [], [], []
    for place, (name, (count, positive)) in enumerate(COLLECTIONS.items()):
        has = np.arange(count * times) < positive * times
        distance = np.sqrt(2) * norm.ppf(method.auc)
        noise = method.noise * generator.standard_normal(len(has))
        labels.append(has)
        scores.append(norm.cdf(noise + has * distance + place * method.step))
        names += [name] * len(has)
    return np.concatenate(labels)[:, None], np.concatenate(scores)[:, None], names


def simulated(
    method: Method, times: int, metrics: dict[str, MetricSpec], samples: int, seed: int
) -> dict[str, float]:
    """Return the mean pooled AUC, within and across collections, the share of samples in which the interval
    of the AUC within collections holds the truth, and its mean width."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(samples):
        labels, scores, of_images = drawn(method, times, generator)
        names = [f"{number:04d}" for number in range(len(labels))]
        images = {
            name: Sample(name, 1, 1, "", (), attributes={COLLECTION: collection})
            for name, collection in zip(names, of_images, strict=True)
        }
        table = labels_table(["tb"], names, labels, scores, np.array([0.5]))
        draws = Resamples.draw(names, 1000, int(generator.integers(2**62)))
        result = collection_results(table, images, metrics, draws)
        within = result["within"]
        low, high = within["interval"]
        pooled = float(values(metrics["auc"], table, Resamples.once(len(names)))[0, 0])
        held = low <= method.auc <= high
        rows.append([pooled, within["value"], result["across"]["value"], held, high - low])
    return dict(zip(("pooled", "within", "across", "held", "width"), np.mean(rows, axis=0), strict=True))


def lines(samples: int) -> Iterator[str]:
    """The table of docs/statistics.md."""
    metrics = {"auc": find().metrics["auc"]}
    headings = "images | pooled | pairs of one collection | pairs of two | truth within | held | width"
    yield f"| the method knows | {headings} |"
    yield "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for number, (words, method) in enumerate(METHODS.items()):
        for times in (1, 4):
            result = simulated(method, times, metrics, samples, seed=number)
            images = times * sum(count for count, _ in COLLECTIONS.values())
            cells = [f"{result[name]:.3f}" for name in ("pooled", "within", "across")]
            rest = f"{method.auc:.3f} | {result['held']:.3f} | {result['width']:.2f}"
            yield f"| {words} | {images} | {' | '.join(cells)} | {rest} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=400)
    for line in lines(parser.parse_args().samples):
        print(line, flush=True)


if __name__ == "__main__":
    main()
