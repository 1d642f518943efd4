"""Rows of a table: a method with its settings over its seeds, ranked by more than noise."""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.comparison import Estimate, ranks
from wsbench.records import Record
from wsbench.resampling import interval
from wsbench.scoring import RANKED_BY, ranked_by

BLIND, BOXED = "†", "‡"
OF_LABELS = ("accuracy", "auc", "sensitivity", "specificity", "macro_precision", "macro_recall")
"""Metrics that need no truth boxes."""


@dataclass(frozen=True)
class Row:
    """One method with one preset and settings, over its seeds."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """Any of the records, for what they share."""
        return self.records[0]

    def label(self, protocol: str) -> str:
        """Name, preset, changed settings, and the marks of image-blind and box-supervised rows."""
        method = self.first.method
        preset = "" if method["preset"] == "default" else f" ({method['preset']})"
        changed = "".join(f" {name}={value}" for name, value in sorted(method["changed"].items()))
        marks = "" if method["reads_image"] else BLIND
        if method["box_supervision"] in ("fit", protocol):
            marks += BOXED
        return f"{method['name']}{preset}{changed}{' ' + marks if marks else ''}"

    def values(self, metric: str, protocol: str) -> list[float | None]:
        """The metric's macro value of every seed."""
        return [record.value(metric, protocol) for record in self.records]

    def mean(self, metric: str, protocol: str) -> str:
        """Mean over seeds; a dash where a seed is missing or its value does not exist."""
        values = self.values(metric, protocol)
        return "-" if None in values or self.missing else f"{statistics.fmean(values):.3f}"

    def spread(self, metric: str, protocol: str) -> str:
        """Sample standard deviation over seeds; a dash where it does not exist."""
        values = self.values(metric, protocol)
        incomplete = None in values or self.missing or len(values) == 1
        return "-" if incomplete else f"{statistics.stdev(values):.3f}"

    def cell(self, metric: str, protocol: str) -> str:
        """Mean and, of several seeds, spread."""
        mean, spread = self.mean(metric, protocol), self.spread(metric, protocol)
        return mean if spread == "-" else f"{mean} ± {spread}"

    @property
    def seeds(self) -> str:
        """The seeds, and those that are missing."""
        here = ", ".join(str(record.seed) for record in self.records)
        missing = ", ".join(map(str, self.missing))
        return f"{here}; missing {missing}" if missing else here

    @property
    def missing(self) -> list[int]:
        """Seeds that the commands behind these records planned and that have no record."""
        planned = {seed for record in self.records for seed in record.planned_seeds}
        return sorted(planned - {record.seed for record in self.records})

    @property
    def ranked_by(self) -> str:
        """The ranking metric of its dataset."""
        return ranked_by(self.first.dataset["boxes"]["test"])

    @property
    def estimate(self) -> Estimate | None:
        """The ranking metric under protocol ``uniform``; None where a seed or its draws are missing."""
        metric = self.ranked_by
        values = self.values(metric, "uniform")
        draws = [record.protocols.get("uniform", {}).get("draws", {}) for record in self.records]
        if self.missing or None in values or not all(metric in of_seed for of_seed in draws):
            return None
        drawn = np.array([of_seed[metric] for of_seed in draws], dtype=np.float64)
        return Estimate(np.array(values, dtype=np.float64), drawn.mean(axis=0))

    def interval(self, metric: str, protocol: str) -> tuple[float, float] | None:
        """The 95 % interval of a metric's mean over seeds; of several seeds only the ranking metric has one,
        which alone is kept draw by draw."""
        if (metric, protocol) == (self.ranked_by, "uniform") and self.estimate is not None:
            return interval(self.estimate.draws)
        found = self.first.protocols.get(protocol, {}).get("metrics", {}).get(metric, {}).get("interval")
        return tuple(found) if found and len(self.records) == 1 else None


def ranked(found: Iterable[Record]) -> list[Row]:
    """One row a method and settings, over its seeds; the best first."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in found:
        groups[json.dumps([record.method["name"], record.method["settings"]], sort_keys=True)].append(record)
    rows = [Row(tuple(sorted(group, key=lambda record: record.seed))) for group in groups.values()]
    return sorted(rows, key=_rank)


def rank_words(rows: Sequence[Row]) -> list[str]:
    """Ranks by more than noise, ``=`` marking those that rows share; a dash where none can be given."""
    known = {place: row.estimate for place, row in enumerate(rows) if row.estimate is not None}
    found = dict(zip(known, ranks(list(known.values())), strict=True))
    shared = Counter(found.values())
    return [
        "-" if place not in found else f"{found[place]}{'=' if shared[found[place]] > 1 else ''}"
        for place in range(len(rows))
    ]


def shown(rows: Sequence[Row], metrics: Iterable[str]) -> list[str]:
    """Of some metrics those that a table of these rows shows: without truth boxes, those of labels."""
    boxed = rows[0].ranked_by == RANKED_BY
    return [metric for metric in metrics if boxed or metric in OF_LABELS]


def _rank(row: Row) -> tuple[float, str]:
    values = [value for value in row.values(row.ranked_by, "uniform") if value is not None]
    return (-statistics.fmean(values) if values else 1.0, row.label("uniform"))
