"""Rows of tables: a method with its settings, over its seeds."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.contract.learning import Sign, averaged
from wsbench.contract.protocol import ranked_by
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.reports.labels import UNCONVERGED, label_of, name_of
from wsbench.scoring.intervals import edge_variance, of_draws
from wsbench.scoring.significance import Estimate


@dataclass(frozen=True)
class Row:
    """One method with one preset and settings, over its seeds.

    Attributes:
        records: one record for each seed.
        metrics: all metrics by name.
    """

    records: tuple[Record, ...]
    metrics: Mapping[str, MetricSpec]

    @property
    def first(self) -> Record:
        """One of the records, for values that all share."""
        return self.records[0]

    def label(self, protocol: str) -> str:
        """Name, preset, changed settings, and the marks of the row."""
        return label_of(self.first, protocol) + self.mark

    def name(self, protocol: str) -> str:
        """The `label` without changed settings."""
        return name_of(self.first, protocol) + self.mark

    @property
    def mark(self) -> str:
        """The mark of rows that have not converged; empty for all others."""
        return f" {UNCONVERGED}" if self.unconverged else ""

    def values(self, metric: str, protocol: str) -> list[float | None]:
        """The macro value of a metric for every seed."""
        return [record.value(metric, protocol) for record in self.records]

    def spread_over(self, metric: str, protocol: str) -> list[float | None]:
        """The values whose spread tables show: one for each fold of a cross-validation, else one for each
        seed."""
        metrics = [record.protocols.get(protocol, {}).get("metrics", {}) for record in self.records]
        folds = [value for of_seed in metrics for value in of_seed.get(metric, {}).get("folds", ())]
        return folds or self.values(metric, protocol)

    def average(self, metric: str, protocol: str) -> float | None:
        """Mean over seeds; None where a seed is missing or its value does not exist."""
        return None if self.missing else _mean(self.values(metric, protocol))

    def mean(self, metric: str, protocol: str) -> str:
        """The `average` as tables show it; a dash where it does not exist."""
        return self.metrics[metric].text(self.average(metric, protocol))

    def spread(self, metric: str, protocol: str) -> str:
        """Sample standard deviation over seeds, or over the folds of all seeds; a dash where it does not
        exist."""
        values = self.spread_over(metric, protocol)
        known = [value for value in values if value is not None]
        partly = bool(self.left_out) and len(known) > 1
        incomplete = (len(known) < len(values) and not partly) or self.missing or len(values) == 1
        return "-" if incomplete else self.metrics[metric].text(statistics.stdev(known))

    def cell(self, metric: str, protocol: str) -> str:
        """Mean and, if there are several seeds or folds, spread."""
        mean, spread = self.mean(metric, protocol), self.spread(metric, protocol)
        return mean if spread == "-" else f"{mean} ± {spread}"

    def fold_values(self, metric: str, protocol: str) -> list[float | None]:
        """The value of a metric for every fold, as a mean over seeds; None where a value does not exist."""
        of_seeds = [
            record.protocols[protocol]["metrics"].get(metric, {}).get("folds", [None] * self.folds)
            for record in self.records
        ]
        return [_mean(values) for values in zip(*of_seeds, strict=True)]

    def pooled(self, metric: str, protocol: str) -> float | None:
        """The value of a metric for the images of all folds together, as a mean over seeds; None without
        one."""
        return _mean([record.protocols[protocol]["pooled"].get(metric) for record in self.records])

    @property
    def is_blind(self) -> bool:
        """Whether its method never looks at the image."""
        return not self.first.method["reads_image"]

    @property
    def seeds(self) -> str:
        """The seeds that have records, and those that are missing."""
        present = ", ".join(str(record.seed) for record in self.records)
        missing = ", ".join(map(str, self.missing))
        return f"{present}; missing {missing}" if missing else present

    @property
    def missing(self) -> list[int]:
        """Seeds that were planned and have no record."""
        planned = {seed for record in self.records for seed in record.planned_seeds}
        return sorted(planned - {record.seed for record in self.records})

    @property
    def folds(self) -> int:
        """The number of folds of a cross-validation; 0 for a run on the dataset's own split."""
        folds: int = self.first.dataset.get("folds", 0)
        return folds

    @property
    def left_out(self) -> list[str]:
        """The groups that the folds leave out in turn; empty for folds that depend on names alone."""
        values: list[str] = self.first.dataset.get("left_out_by", {}).get("values", [])
        return values

    @property
    def has_boxes(self) -> bool:
        """Whether the test role has boxes."""
        boxes: int = self.first.dataset["boxes"]["test"]
        return boxes > 0

    def can_have(self, metric: str) -> bool:
        """Whether a metric can have a value on the dataset: those of labels always can, those of masks and of
        nuisances where the test role has them, all others where it has boxes."""
        needs = self.metrics[metric].needs
        if needs in ("masks", "nuisances"):
            return bool(self.first.dataset.get(needs, {}).get("test"))
        return self.has_boxes or needs == "labels"

    @property
    def ranked_by(self) -> str:
        """The metric that ranks on the row's dataset."""
        return ranked_by(self.first.dataset["boxes"]["test"])

    @property
    def sign(self) -> int:
        """1 if higher values of the ranking metric are better, -1 if lower ones are."""
        return -1 if self.metrics[self.ranked_by].higher_is_better is False else 1

    @property
    def external(self) -> bool:
        """Whether another program made the predictions, so that the record does not suffice to train it
        again."""
        return self.first.is_external

    @property
    def contaminated(self) -> bool:
        """Whether the weights may have been trained on the release that the test images are from."""
        return any(record.overlap != "none" for record in self.records)

    @property
    def signs(self) -> list[Sign]:
        """What tells whether the method has learnt, as means over seeds."""
        return averaged(record.learning for record in self.records)

    @property
    def unconverged(self) -> list[Sign]:
        """The signs whose mean over seeds lies outside of its limits. A row with any has not converged: it
        has no rank, counts in nobody's, and stands below the rows that have one."""
        return [sign for sign in self.signs if not sign.holds]

    @property
    def converged(self) -> bool | None:
        """Whether it has converged; None where no sign has a limit."""
        return not self.unconverged if any(sign.has_limits for sign in self.signs) else None

    @property
    def apart(self) -> bool:
        """Whether it is compared with all rows, and counts in nobody else's rank."""
        return self.external or self.contaminated or bool(self.first.transfer)

    @property
    def units(self) -> int:
        """The number of patients (of images where patients are unknown) of the rarer label, over classes."""
        images: int = self.first.dataset["images"]["test"]
        return int(self.first.protocols["uniform"].get("units", images))

    def estimate(self, metric: str) -> Estimate | None:
        """The estimate of a metric under protocol ``uniform``; None where a seed or its draws are missing."""
        values = self.values(metric, "uniform")
        draws = [record.protocols.get("uniform", {}).get("draws", {}) for record in self.records]
        if self.missing or None in values or not all(metric in of_seed for of_seed in draws):
            return None
        drawn = np.array([of_seed[metric] for of_seed in draws], dtype=np.float64)
        trainings = tuple(record.training for record in self.records)
        mean = statistics.fmean(value for value in values if value is not None)
        return Estimate(
            np.array(values, dtype=np.float64),
            drawn.mean(axis=0),
            deterministic=self.first.method.get("deterministic", False),
            trainings=trainings if all(trainings) else (),
            edge_variance=edge_variance(mean, self.units) if self.metrics[metric].bounded else 0.0,
        )

    def of_networks(self, metric: str, protocol: str) -> tuple[float, float] | None:
        """The 95 % interval of these trained networks on images like these, without the noise of seeds. With
        several seeds or folds, only metrics that records keep draw by draw have one."""
        estimate = self.estimate(metric) if protocol == "uniform" else None
        if estimate is not None and (len(self.records) > 1 or self.folds):
            return of_draws(
                estimate.mean, estimate.draws, bounded=self.metrics[metric].bounded, units=self.units
            )
        described = self.first.protocols.get(protocol, {}).get("metrics", {}).get(metric, {})
        bounds = described.get("interval")
        return tuple(bounds) if bounds and len(self.records) == 1 else None


def row_key(record: Record) -> str:
    """The key that all records of one row share: the method and its settings."""
    return json.dumps([record.method["name"], record.method["settings"]], sort_keys=True)


def ranked(records: Iterable[Record], metrics: Mapping[str, MetricSpec]) -> list[Row]:
    """The rows of some records, one for each method with its settings; the best mean comes first, and rows
    that have not converged come last.

    Args:
        records: records that share their key.
        metrics: all metrics by name.
    """
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[row_key(record)].append(record)
    rows = [Row(tuple(sorted(group, key=lambda record: record.seed)), metrics) for group in groups.values()]
    return sorted(rows, key=_rank)


def metrics_of_table(rows: Sequence[Row], table: str) -> list[str]:
    """The metrics that a table of some rows shows, without those that their dataset cannot have.

    Args:
        rows: the rows of one table; at least one.
        table: one of `wsbench.contract.specs.TABLES`.
    """
    return [name for name in columns_of(rows[0].metrics, table) if rows[0].can_have(name)]


def compared_metrics(row: Row) -> list[str]:
    """The metrics in which rows are compared draw by draw. The one that ranks comes first."""
    columns = dict.fromkeys([row.ranked_by, *metrics_of_table([row], "ranking"), *sorted(row.metrics)])
    return [name for name in columns if row.metrics[name].is_kept and row.can_have(name)]


def number(value: float | None) -> str:
    """A value as tables show it; a dash where it does not exist."""
    return "-" if value is None else f"{value:.3f}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _rank(row: Row) -> tuple[bool, float, str]:
    """A sort key: the best row first, rows without a value last, equal rows by name. Rows that have not
    converged stand below all others."""
    values = [value for value in row.values(row.ranked_by, "uniform") if value is not None]
    position = -row.sign * statistics.fmean(values) if values else math.inf
    return (bool(row.unconverged), position, row.label("uniform"))
