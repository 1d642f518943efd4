"""What a report is about: runs on the same data, which share a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wsbench.contract import records as record_files
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.reports import sides
from wsbench.reports.board import Board
from wsbench.reports.rows import Row
from wsbench.reports.tabular.sections import table_key

SHOWN_ROWS = 12
"""The most rows of a matrix, a breakdown or a figure. More do not fit a page, and no more colours are told
apart."""


@dataclass(frozen=True)
class Subject:
    """Runs that share a table: the same data, protocol version and versions of the metrics.

    Attributes:
        records: their records, in the order in which they were named.
        board: their rows.
        plugins: all plugins.
        number: its place in the report, from 1.
        group: its name, where the report has several subjects; else empty.
        cases: the id of the section that lists its cases, which groups are linked to; empty without one.
    """

    records: tuple[Record, ...]
    board: Board
    plugins: Plugins
    number: int = 1
    group: str = ""
    cases: str = ""

    @property
    def first(self) -> Record:
        """One of the records, for values that all share."""
        return self.records[0]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows, the best first."""
        return self.board.rows

    def anchor(self, word: str) -> str:
        """The id of a section: the same word in all reports of a single subject."""
        return word if self.number == 1 else f"{word}-{self.number}"

    @cached_property
    def best_blind(self) -> int | None:
        """The index of the best image-blind row; None without one."""
        blind = (index for index, row in enumerate(self.rows) if row.is_blind)
        return next(blind, None)

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """The indices of at most `SHOWN_ROWS` rows: the best ones, and the best image-blind one."""
        indices = list(range(min(len(self.rows), SHOWN_ROWS)))
        if self.best_blind is not None and self.best_blind not in indices:
            indices[-1] = self.best_blind
        return tuple(indices)

    @property
    def left_out(self) -> str:
        """A sentence on the rows that are not `shown`; empty where all are."""
        count = len(self.rows) - len(self.shown)
        return f"Of {len(self.rows)} rows, the best {len(self.shown)} are shown." if count else ""

    def number_of(self, index: int) -> str:
        """The short name of a row in narrow columns: its place in the order of the table."""
        return f"{index + 1}"

    @property
    def folders(self) -> list[Path]:
        """The folders of the runs whose predictions are there. A committed record has none."""
        folders = [record.folder for record in self.records if record.folder is not None]
        return [folder for folder in folders if (folder / record_files.FILE).exists()]


def subjects_of(records: Sequence[Record], plugins: Plugins) -> list[Subject]:
    """Sort records into tables, in the order in which they were named.

    Args:
        records: records of finished runs that were read from files.
        plugins: all plugins.

    Raises:
        WsbenchError: a seed of a row has two records, or rows cannot be compared draw by draw.
    """
    tables: dict[str, list[Record]] = {}
    for record in records:
        tables.setdefault(table_key(record, plugins.metrics), []).append(record)
    names = _names([of_table[0] for of_table in tables.values()])
    subjects = []
    for number, (name, of_table) in enumerate(zip(names, tables.values(), strict=True), start=1):
        files = [Path(record.folder or ".") for record in of_table]
        sides.refuse_seed_twice(of_table, files)
        for record, file in zip(of_table, files, strict=True):
            sides.refuse_other_key(record, file, of_table[0], files[0], plugins.metrics)
        board = Board.of(of_table, plugins.metrics)
        group = name if len(tables) > 1 else ""
        subjects.append(Subject(tuple(of_table), board, plugins, number, group))
    return subjects


def _names(firsts: Sequence[Record]) -> list[str]:
    """The datasets of some tables, with the settings that tell tables of one dataset apart."""
    names = []
    for record in firsts:
        data, own = record.dataset["name"], record.dataset["settings"]
        same = [other.dataset["settings"] for other in firsts if other.dataset["name"] == data]
        differ = [name for name in sorted(own) if any(other.get(name) != own[name] for other in same)]
        names.append(" ".join([data, *(f"{name}={own[name]}" for name in differ)]))
    counts = Counter(names)
    return [
        name if counts[name] == 1 else f"{name}, table {place}" for place, name in enumerate(names, start=1)
    ]
