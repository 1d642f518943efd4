"""The sections of a leaderboard: records of one dataset by what must be equal to share a table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wsbench.contract.protocol import RANKED_BY, RANKED_WITHOUT_BOXES
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of, on_page
from wsbench.reports.board import Board
from wsbench.reports.board_tables import seen
from wsbench.reports.rows import Row, row_key
from wsbench.reports.tabular.form import Table, csv_of
from wsbench.reports.tabular.of_board import tables_of
from wsbench.scoring.objectives import OBJECTIVE


@dataclass(frozen=True)
class Section:
    """The rows of one key, and their tables.

    Attributes:
        number: 1 for the section with the most records, and so on.
        key: what all records share, as `table_key` has it.
        board: the rows.
        tables: by name, as `tables_of` has them.
        seen: how many rows and evaluations have used the test split, in words.
    """

    number: int
    key: str
    board: Board
    tables: Mapping[str, Table]
    seen: str

    @property
    def first(self) -> Record:
        """One of the records, for values that all share."""
        return self.board.rows[0].first


def table_key(record: Record, metrics: Mapping[str, MetricSpec]) -> str:
    """The key that all records of one table share: the record's key, with the versions of those metrics only
    that pages show. A further metric that some records lack does not split a table.

    Args:
        record: the record of a run.
        metrics: all metrics by name.
    """
    columns = {RANKED_BY, RANKED_WITHOUT_BOXES, *on_page(metrics), *columns_of(metrics, "paper")}
    versions = {
        metric: version
        for metric, version in record.key["metrics"].items()
        if metric in columns and version > 1
    }
    key = {"calibrated_for": OBJECTIVE, **record.key, "metrics": versions}
    return json.dumps(key, sort_keys=True)


def sections_of(dataset_records: Iterable[Record], metrics: Mapping[str, MetricSpec]) -> list[Section]:
    """The sections of some records of one dataset. The one with the most records comes first.

    Args:
        dataset_records: the records.
        metrics: all metrics by name.
    """
    by_key: dict[str, list[Record]] = defaultdict(list)
    rows_of_data: dict[str, set[tuple[str, str]]] = defaultdict(set)
    records_of_data: dict[str, list[Record]] = defaultdict(list)
    for record in dataset_records:
        key, data = table_key(record, metrics), record.key["fingerprint"]
        by_key[key].append(record)
        records_of_data[data].append(record)
        rows_of_data[data].add((key, row_key(record)))
    result: list[Section] = []
    for key, of_key in sorted(by_key.items(), key=lambda table: (-len(table[1]), table[0])):
        board, data = Board.of(of_key, metrics), of_key[0].key["fingerprint"]
        words = seen(len(rows_of_data[data]), records_of_data[data])
        result.append(Section(len(result) + 1, key, board, tables_of(board), words))
    return result


def csv_files(sections: Iterable[Section]) -> dict[str, str]:
    """The tables of a dataset as CSV, by name: each holds that table of every section."""
    by_name: dict[str, dict[str, Table]] = defaultdict(dict)
    for section in sections:
        for name, table in section.tables.items():
            by_name[name][str(section.number)] = table
    return {name: csv_of(tables) for name, tables in by_name.items()}


def folded_maps(board: Board) -> dict[int, tuple[int, ...]]:
    """Rows that differ only by options of their maps, which need no second training.

    Such rows have the same trained networks, which records name by the keys of their trainings.

    Returns:
        By the number of the best row of some trainings, the numbers of the others, the best ones first. Rows
        that are alone with their trainings are left out.
    """
    of_trainings: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, row in enumerate(board.rows):
        if trainings := _trainings(row):
            of_trainings[trainings].append(index)
    groups = [indices for indices in of_trainings.values() if len(indices) > 1]
    return {first: tuple(others) for first, *others in groups}


def _trainings(row: Row) -> tuple[str, ...]:
    keys = tuple(record.training for record in row.records)
    return (row.first.method["name"], *keys) if all(keys) else ()
