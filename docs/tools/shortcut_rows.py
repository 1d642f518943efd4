"""The rows of the shortcut study, from the files that benchmarks/shortcut.py has kept.

A row is a method at one correlation, with its seeds. Rows are compared as `wsbench compare` does: on the same
bootstrap draws, with variances over seeds that the rows of a table moderate (docs/statistics.md). The rows of
a table are all methods at all correlations, in one test.
"""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.scoring import compared, significance
from wsbench.scoring.compared import Difference
from wsbench.scoring.intervals import edge_variance, of_row
from wsbench.scoring.significance import Estimate, Prior

KEPT = Path(__file__).parents[2] / "studies" / "shortcut"
TESTS = ("as trained", "absent", "reversed")
METHODS = ("teacher", "student", "label smoothing", "second teacher", "saliency CNN", "TBVA-GAN")
CORRELATIONS = (0.0, 0.5, 0.8, 1.0)
UNBOUNDED = ("map_gain", "cond_gain")
COMPARED = (
    ("student", "teacher"),
    ("student", "second teacher"),
    ("student", "label smoothing"),
    ("label smoothing", "teacher"),
)
"""Pairs that the claim is about: what distillation adds to a teacher, to one more teacher, to soft labels."""


@dataclass(frozen=True)
class Row:
    """A method at one correlation in one test.

    Attributes:
        documents: what was kept of each seed, in the order of seeds.
        test: one of `TESTS`.
    """

    documents: Sequence[Mapping[str, Any]]
    test: str

    def __len__(self) -> int:
        return len(self.documents)

    def tests(self) -> list[Mapping[str, Any]]:
        """What each seed has in the test."""
        return [next(t for t in seed["tests"] if t["test"] == self.test) for seed in self.documents]

    def values(self, metric: str) -> np.ndarray:
        """The values of the seeds; none where a seed has none."""
        values = [seed["values"][metric] for seed in self.tests()]
        return np.array([] if None in values else values, dtype=np.float64)

    def estimate(self, metric: str) -> Estimate:
        """The values of the seeds and the means over seeds in every draw."""
        values = self.values(metric)
        draws = np.array([seed["draws"][metric] for seed in self.tests()], dtype=np.float64)
        edge = 0.0 if metric in UNBOUNDED else edge_variance(float(values.mean()), self.units)
        return Estimate(values, draws.mean(axis=0), edge_variance=edge)

    @property
    def units(self) -> int:
        """The number of test images of the rarer label."""
        units: int = self.tests()[0]["units"]
        return units

    def interval(self, metric: str, prior: Prior) -> tuple[float, float]:
        """The 95 % interval of the mean over all seeds, on images like these."""
        estimate = self.estimate(metric)
        moderated = significance.moderate(estimate, prior)
        return of_row(
            estimate.mean,
            estimate.draws,
            moderated.variance / moderated.seeds,
            moderated.degrees,
            bounded=metric not in UNBOUNDED,
            units=self.units,
        )


class Study:
    """The rows of the study.

    Args:
        folder: of the kept files.
    """

    def __init__(self, folder: Path = KEPT) -> None:
        grouped: dict[tuple[str, float], list[Mapping[str, Any]]] = defaultdict(list)
        for path in sorted(folder.glob("*.json.xz")):
            document = json.loads(lzma.decompress(path.read_bytes()))
            grouped[label_of(document), float(document["trained_on"]["marker_correlation"])].append(document)
        self.documents = {
            key: sorted(seeds, key=lambda seed: int(seed["seed"])) for key, seeds in grouped.items()
        }

    def row(self, method: str, correlation: float, test: str) -> Row | None:
        """A row; None where no seed of it is finished."""
        seeds = self.documents.get((method, correlation))
        return Row(seeds, test) if seeds else None

    def rows(self, test: str) -> Iterator[tuple[str, float, Row]]:
        """All rows of a test, with their method and correlation."""
        for method in METHODS:
            for correlation in CORRELATIONS:
                if (row := self.row(method, correlation, test)) is not None:
                    yield method, correlation, row

    def prior(self, metric: str, test: str) -> Prior:
        """The prior of the variances over seeds of a metric in a test."""
        rows = [row for _, _, row in self.rows(test) if len(row.values(metric))]
        return significance.prior_of([row.estimate(metric) for row in rows])

    def compared(
        self, metric: str, test: str, pairs: Sequence[tuple[str, str]] = COMPARED
    ) -> list[tuple[float, str, str, Difference, float]]:
        """The differences of pairs of methods at every correlation above 0.

        Returns:
            The correlation, the two methods, their difference, and its p after Holm over all of these.
        """
        prior, pairwise = self.prior(metric, test), []
        for correlation in CORRELATIONS[1:]:
            for first, second in pairs:
                rows = [self.row(name, correlation, test) for name in (first, second)]
                if all(row is not None and len(row.values(metric)) for row in rows):
                    estimates = [row.estimate(metric) for row in rows if row is not None]
                    difference = compared.difference(metric, *estimates, prior)
                    pairwise.append((correlation, first, second, difference))
        adjusted = significance.holm([difference.p for *_, difference in pairwise])
        return [(*pair, float(p)) for pair, p in zip(pairwise, adjusted, strict=True)]

    def seeds(self) -> tuple[int, int]:
        """The smallest and the largest number of seeds of a row that is there."""
        counts = [len(seeds) for seeds in self.documents.values()]
        return (min(counts), max(counts)) if counts else (0, 0)


def label_of(document: Mapping[str, Any]) -> str:
    """The name of a method in this study."""
    name, settings = document["method"]["name"], document["method"]["settings"]
    if name != "kd_teacher":
        return {"kd_student": "student", "saliency_cnn": "saliency CNN", "tbva_gan": "TBVA-GAN"}[name]
    if settings.get("label_smoothing"):
        return "label smoothing"
    return "teacher" if settings["head_seed"] == 42 else "second teacher"
