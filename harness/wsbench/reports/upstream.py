"""Rows beside the rows of the methods that they build on, such as a student beside its teacher."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.reports.board import Board
from wsbench.reports.rows import Row, compared_metrics, metrics_of_table
from wsbench.reports.tabular.form import ROW, Cell, Column, Kind, Line, Table
from wsbench.runs.stages import stage_key
from wsbench.scoring.compared import Difference, difference, p_words
from wsbench.scoring.significance import Prior, holm

CORRECTED = "p (Holm)"
"""The column of p, corrected over the lines."""


@dataclass(frozen=True)
class Built:
    """A row, and the row of a method that it builds on.

    Attributes:
        row: the row.
        on: the row of the other method, with the seeds of ``row``.
        role: what the other method is to this one, such as ``teacher``.
    """

    row: Row
    on: Row
    role: str

    def difference(self, metric: str, prior: Prior) -> Difference | None:
        """The difference of a metric under protocol ``uniform``; None where a seed or its draws are missing.

        Several seeds are compared in pairs: the network of a seed is compared with the one that it was
        trained from.

        Args:
            metric: a metric that records keep draw by draw.
            prior: the prior of the variances over seeds.
        """
        own, other = self.row.estimate(metric), self.on.estimate(metric)
        if own is None or other is None:
            return None
        pairs = tuple(record.training for record in self.on.records)
        return difference(metric, replace(own, trainings=pairs), replace(other, trainings=pairs), prior)

    def difference_over_seeds(self, metric: str, protocol: str) -> Difference | None:
        """The difference of a metric that records do not keep draw by draw.

        Its interval and p are those of Student's t of the differences of pairs of seeds, on these test images
        alone. A single seed has none, and they are NaN. None where a value does not exist.

        Args:
            metric: the metric.
            protocol: ``uniform`` or ``paper``.
        """
        from scipy import stats

        own, other = (_known(row.values(metric, protocol)) for row in (self.row, self.on))
        if own is None or other is None:
            return None
        pairs, interval, p = own - other, (math.nan, math.nan), math.nan
        if len(pairs) > 1 and pairs.std() > 0:
            result = stats.ttest_1samp(pairs, 0.0)
            ends, p = result.confidence_interval(0.95), float(result.pvalue)
            interval = (float(ends.low), float(ends.high))
        return Difference(metric, float(own.mean()), float(other.mean()), interval, p, len(pairs) > 1)

    def differences(self, board: Board) -> list[Difference]:
        """The differences in all metrics that are compared draw by draw. The one that ranks comes first.

        Args:
            board: the table whose priors moderate the variances over seeds.
        """
        of_metrics = (self.difference(metric, board.prior(metric)) for metric in compared_metrics(self.row))
        return [result for result in of_metrics if result is not None]


def built_on(rows: Sequence[Row]) -> list[Built]:
    """Find the rows among some that build on others of them.

    A row builds on another one if each of its networks was trained from that row's network of the same seed.
    Several rows may share these trainings. The one is taken whose settings are most like the row's own.
    Records of a cross-validation do not say what their trainings were trained from.

    Args:
        rows: rows of one table.
    """
    result = []
    for row in rows:
        for role, trainings in _trained_from(row).items():
            candidates = [on for other in rows if (on := _of_trainings(other, trainings)) is not None]
            if candidates:
                result.append(Built(row, min(candidates, key=lambda on: _unlike(row, on)), role))
    return result


def _trained_from(row: Row) -> Mapping[str, Mapping[int, str]]:
    """For each method that a row builds on, by its role, the keys of its trainings by seed."""
    by_role: dict[str, dict[int, str]] = {}
    for record in row.records:
        for role, inputs in record.trained_from.get("upstream", {}).items():
            by_role.setdefault(role, {})[record.seed] = stage_key(inputs)
    return {role: keys for role, keys in by_role.items() if len(keys) == len(row.records)}


def _of_trainings(row: Row, trainings: Mapping[int, str]) -> Row | None:
    """A row with the seeds of some trainings alone; None where its trainings are other ones."""
    records = tuple(record for record in row.records if record.seed in trainings)
    same = all(record.training == trainings[record.seed] for record in records)
    return replace(row, records=records) if same and len(records) == len(trainings) else None


def _known(values: Sequence[float | None]) -> np.ndarray | None:
    known = [value for value in values if value is not None]
    return np.array(known) if known and len(known) == len(values) else None


def _unlike(row: Row, other: Row) -> tuple[int, str]:
    """A sort key: the number of settings of the same name in which two rows differ."""
    own, others = row.first.method["settings"], other.first.method["settings"]
    different = sum(own.get(name) != others.get(name) for name in own.keys() & others.keys())
    return different, other.label("uniform")


def table(board: Board) -> Table:
    """The table of rows less what they build on; without lines where none builds on another.

    Args:
        board: the rows of a page's table.
    """
    main, *others = compared_metrics(board.rows[0])
    shown = [name for name in others if name in metrics_of_table(board.rows, "ranking")]
    columns = [Column(ROW, numeric=False), Column("builds on", numeric=False), Column("seeds")]
    columns += [Column(main), Column("95 %", Kind.INTERVAL), Column(CORRECTED)]
    for name in shown:
        columns += [Column(name), Column(f"{name} 95 %", Kind.INTERVAL)]
    lines, p_values = [], []
    for built in built_on(board.rows):
        ranking = built.difference(main, board.prior(main))
        if ranking is None:
            continue
        p_values.append(ranking.p)
        on = f"{built.role} {built.on.label('uniform')}"
        cells: dict[str, Cell] = {
            ROW: (built.row.label("uniform"),),
            "builds on": (on,),
            "seeds": (built.on.seeds,),
        }
        cells |= _cells(ranking, board.metrics[main], main, "95 %")
        for name in shown:
            difference = built.difference(name, board.prior(name))
            cells |= _cells(difference, board.metrics[name], name, f"{name} 95 %")
        lines.append(Line(cells, board.rows.index(built.row)))
    corrected = [(p_words(adjusted),) for adjusted in holm(p_values).tolist()]
    lines = [
        Line({**line.cells, CORRECTED: cell}, line.row) for line, cell in zip(lines, corrected, strict=True)
    ]
    return Table("upstream", tuple(columns), tuple(lines))


def _cells(result: Difference | None, spec: MetricSpec, name: str, interval: str) -> dict[str, Cell]:
    if result is None:
        return {name: ("",), interval: ("", "")}
    low, high = (f"{end:+.{spec.digits}f}" for end in result.interval)
    return {name: (f"{result.difference:+.{spec.digits}f}",), interval: (low, high)}
