"""What a sweep gives: a line for each setting, metric and protocol, with differences to a baseline."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.reports.board import Board
from wsbench.reports.rows import Row
from wsbench.reports.tabular.sections import table_key
from wsbench.scoring.compared import Difference, difference
from wsbench.scoring.significance import holm
from wsbench.studies.sweeps.cells import METHOD, Cell, is_baseline, swept

if TYPE_CHECKING:
    import pandas as pd

TABLES = {"uniform": ("terminal", "ranking", "uniform"), "paper": ("terminal paper", "paper")}
"""The tables (`wsbench.contract.specs.TABLES`) whose metrics a sweep has, by protocol. Those of the first are
printed and drawn, all are in its CSV file."""


@dataclass(frozen=True)
class Line:
    """A metric of one setting.

    Attributes:
        settings: what tells the row from others, by name, as words.
        reference: whether it is an image-blind row.
        tested_on: the dataset that it was tested on, and its fingerprint.
        protocol, metric: their names.
        seeds: the number of seeds.
        mean, sd: over seeds; None where a value does not exist.
        interval: the 95 % interval: of protocol uniform over seeds, images and thresholds.
        difference: to the baseline; None for the baseline, without one, and for metrics that records do not
            keep draw by draw.
        p_holm: p of the difference, corrected for all settings of the table (Holm).
    """

    settings: Mapping[str, str]
    reference: bool
    tested_on: tuple[str, str]
    protocol: str
    metric: str
    seeds: int
    mean: float | None
    sd: float | None
    interval: tuple[float, float] | None
    difference: Difference | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class SweepResults:
    """The finished cells of a sweep. It shows as a table in a notebook.

    Attributes:
        records: the record of every finished cell, with the cell.
        metrics: all metrics by name.
        baseline: the settings that the others are compared with.
    """

    records: tuple[tuple[Cell, Record], ...]
    metrics: Mapping[str, MetricSpec]
    baseline: Mapping[str, Any]

    @property
    def swept(self) -> list[str]:
        """The names of the settings in which the cells differ."""
        return swept([cell for cell, _ in self.records if not cell.reference])

    @property
    def printed(self) -> Sequence[Line]:
        """The lines of the metrics that `wsbench run` prints, too."""
        first = {name: columns_of(self.metrics, tables[0]) for name, tables in TABLES.items()}
        return [line for line in self.lines if line.metric in first[line.protocol]]

    @cached_property
    def lines(self) -> Sequence[Line]:
        """A line for each setting, metric and protocol. Rows share a table where they share the test images;
        the best row of a table comes first."""
        tables: dict[str, list[tuple[Cell, Record]]] = defaultdict(list)
        for cell, record in self.records:
            tables[table_key(record, self.metrics)].append((cell, record))
        return [line for table in tables.values() for line in self._lines_of(table)]

    def table(self) -> pd.DataFrame:
        """The lines as a table. A column for the method and for each setting in which cells differ is
        followed by ``tested_on``, ``protocol``, ``metric``, ``seeds``, ``mean``, ``sd``, ``low`` and ``high``
        (95 %), and ``difference``, ``difference_low``, ``difference_high``, ``p`` and ``p_holm`` against the
        baseline. A cell is missing where a value does not exist."""
        import pandas as pd

        return pd.DataFrame([self._values(line) for line in self.lines])

    def _repr_html_(self) -> str:
        html: str = self.table().to_html(index=False, escape=True)
        return html

    def _values(self, line: Line) -> dict[str, Any]:
        settings = {name: line.settings.get(name, "") for name in dict.fromkeys([METHOD, *self.swept])}
        (low, high), between = line.interval or (None, None), line.difference
        (below, above) = between.interval if between else (None, None)
        return {
            **settings,
            "tested_on": line.tested_on[0],
            "protocol": line.protocol,
            "metric": line.metric,
            "seeds": line.seeds,
            "mean": line.mean,
            "sd": line.sd,
            "low": low,
            "high": high,
            "difference": between.difference if between else None,
            "difference_low": below,
            "difference_high": above,
            "p": between.p if between else None,
            "p_holm": line.p_holm,
        }

    def _lines_of(self, table: Sequence[tuple[Cell, Record]]) -> Iterator[Line]:
        cells = {id(record): cell for cell, record in table}
        board = Board.of([record for _, record in table], self.metrics)
        rows = [(cells[id(row.first)], row) for row in board.rows]
        base = next((row for cell, row in rows if is_baseline(cell, self.baseline)), None)
        for protocol, names in TABLES.items():
            columns = (metric for name in names for metric in columns_of(self.metrics, name))
            for metric in dict.fromkeys(columns):
                if not rows[0][1].can_have(metric):
                    continue
                lines = [_line(cell, board, index, metric, protocol) for index, (cell, _) in enumerate(rows)]
                if base is not None and protocol == "uniform":
                    lines = _compared(lines, board, base, metric)
                yield from (line for line in lines if line.mean is not None)


def _line(cell: Cell, board: Board, index: int, metric: str, protocol: str) -> Line:
    row = board.rows[index]
    values = row.values(metric, protocol)
    known = [value for value in values if value is not None]
    exists = len(known) == len(values)
    return Line(
        cell.settings,
        cell.reference,
        (row.first.dataset["name"], row.first.dataset["fingerprint"]),
        protocol,
        metric,
        len(values),
        statistics.fmean(known) if exists else None,
        statistics.stdev(known) if exists and len(known) > 1 else None,
        _interval(board, index, metric, protocol),
    )


def _interval(board: Board, index: int, metric: str, protocol: str) -> tuple[float, float] | None:
    in_draws = protocol == "uniform" and board.metrics[metric].is_kept
    over_seeds = board.interval(index, metric) if in_draws else None
    return over_seeds or board.rows[index].of_networks(metric, protocol)


def _compared(lines: Sequence[Line], board: Board, base: Row, metric: str) -> list[Line]:
    """The lines of one metric, with differences to the row of the baseline. Image-blind rows are compared,
    and do not count in the correction: they are not among the settings that a sweep asks about."""
    of_base = base.estimate(metric)
    if of_base is None or not board.metrics[metric].is_kept:
        return list(lines)
    differences: dict[int, Difference] = {}
    for index, row in enumerate(board.rows):
        estimate = row.estimate(metric)
        if row is not base and estimate is not None:
            differences[index] = difference(metric, estimate, of_base, board.prior(metric))
    asked = [index for index in differences if not lines[index].reference]
    corrected = dict(zip(asked, holm([differences[index].p for index in asked]).tolist(), strict=True))
    return [
        replace(line, difference=differences.get(index), p_holm=corrected.get(index))
        for index, line in enumerate(lines)
    ]
