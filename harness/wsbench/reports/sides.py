"""The sides of a comparison: rows that are named on a leaderboard page, or given by their runs or records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from wsbench.contract import record_files, records
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.errors import WsbenchError, suggestion
from wsbench.files.writing import exists
from wsbench.reports.board import Board
from wsbench.reports.labels import BLIND, BOXED, FITS_ALL, OVERLAPS, UNCONVERGED
from wsbench.reports.repeated import RepeatOver
from wsbench.reports.rows import Row, row_key
from wsbench.reports.tabular.sections import table_key


@dataclass(frozen=True)
class Side:
    """A row, and the files of its records.

    Attributes:
        row: the row, with its records in the order of their seeds.
        files: the files of the records, in the same order.
    """

    row: Row
    files: tuple[Path, ...]

    @classmethod
    def of(
        cls, files: Sequence[Path], records_of_row: Sequence[Record], metrics: Mapping[str, MetricSpec]
    ) -> Side:
        """The row of some records and their files, in any order."""
        both = sorted(zip(records_of_row, files, strict=True), key=lambda pair: pair[0].seed)
        return cls(Row(tuple(record for record, _ in both), metrics), tuple(path for _, path in both))

    @property
    def label(self) -> str:
        """The name of the row in tables."""
        return self.row.label("uniform")


def side(
    words: str,
    metrics: Mapping[str, MetricSpec],
    leaderboards: Path,
    dataset: str | None = None,
    repeat: RepeatOver | None = None,
) -> Side:
    """The row that a word of the command line names.

    Args:
        words: folders of finished runs or files of records, separated by commas and with ``*`` and ``?`` for
            several, which together are the seeds of one row; or the name of a row on a page.
        metrics: all metrics by name.
        leaderboards: the folder of all leaderboards.
        dataset: the dataset of the page; None looks on all pages.
        repeat: the setting that the row repeats over; None for base seeds.

    Raises:
        WsbenchError: there is no such run, record or row, or the runs are not one row.
    """
    files = record_files_of(words)
    if not files and repeat is not None:
        raise WsbenchError(f"'{words}': no such run or record; name the runs that differ in {repeat.setting}")
    if not files:
        return _row_called(words, metrics, leaderboards, dataset)
    records_of_side = [records.load(path) for path in files]
    if repeat is not None:
        records_of_side = repeat.collected(records_of_side)
    for record, path in zip(records_of_side, files, strict=True):
        if row_key(record) != row_key(records_of_side[0]):
            raise WsbenchError(f"{path}: of another method or other settings than {files[0]}: not one row")
        refuse_other_key(record, path, records_of_side[0], files[0], metrics)
    if len({record.seed for record in records_of_side}) < len(records_of_side):
        seeds = ", ".join(str(record.seed) for record in records_of_side)
        raise WsbenchError(f"{words}: seeds {seeds}: a row has each seed once")
    return Side.of(files, records_of_side, metrics)


def record_files_of(words: str) -> list[Path]:
    """The files of the runs and records that a word of the command line names; none where it names no file.

    Args:
        words: folders of finished runs or files of records, separated by commas and with ``*`` and ``?`` for
            several.

    Raises:
        WsbenchError: some are there and others are not.
    """
    row_words = [word.strip() for word in words.split(",")]
    matches = [_matches(word) for word in row_words]
    for word, matched in zip(row_words, matches, strict=True):
        if not matched and any(matches):
            raise WsbenchError(f"'{word}': no such run or record; name finished runs, with commas between")
    return [_record_file(path) for path in dict.fromkeys(path for matched in matches for path in matched)]


def pair(
    first: str,
    second: str,
    metrics: Mapping[str, MetricSpec],
    leaderboards: Path,
    dataset: str | None = None,
    repeat: RepeatOver | None = None,
) -> tuple[Side, Side]:
    """The rows that two words of the command line name. See `side` for the arguments.

    Raises:
        WsbenchError: a word names no row, or the two rows cannot share a table.
    """
    first_side, second_side = (
        side(words, metrics, leaderboards, dataset, repeat) for words in (first, second)
    )
    refuse_other_key(
        second_side.row.first, second_side.files[0], first_side.row.first, first_side.files[0], metrics
    )
    return first_side, second_side


def refuse_other_key(
    record: Record, path: Path, other: Record, other_path: Path, metrics: Mapping[str, MetricSpec]
) -> None:
    """Raise WsbenchError if two records cannot share a table."""
    if table_key(record, metrics) != table_key(other, metrics):
        different = [
            name for name in sorted({*record.key, *other.key}) if record.key.get(name) != other.key.get(name)
        ]
        raise WsbenchError(
            f"{path}: cannot be compared with {other_path}: {' and '.join(different)} differ; "
            "score both on the same data with one version of wsbench (`wsbench evaluate RUN`)"
        )
    counts = record.draw_count, other.draw_count
    if None not in counts and counts[0] != counts[1]:
        raise WsbenchError(f"{path}: has {counts[0]} draws, {other_path} {counts[1]}; score both again")


def refuse_seed_twice(records_of_rows: Sequence[Record], files: Sequence[Path]) -> None:
    """Raise WsbenchError if a seed of a row has two records."""
    file_of: dict[tuple[str, int], Path] = {}
    for record, path in zip(records_of_rows, files, strict=True):
        if (first := file_of.setdefault((row_key(record), record.seed), path)) is not path:
            raise WsbenchError(f"{path}: is seed {record.seed} of the same row as {first}; name one of them")


def committed_table(record: Record, metrics: Mapping[str, MetricSpec], leaderboards: Path) -> Board:
    """The committed table that a record belongs to, for the prior of its seeds. Without one it is a table
    without rows, whose prior is the default."""
    key = table_key(record, metrics)
    committed = (
        records.load(path) for path in record_files.in_leaderboards(leaderboards, record.dataset["name"])
    )
    return Board.of((other for other in committed if table_key(other, metrics) == key), metrics)


def _matches(word: str) -> list[Path]:
    path = Path(word)
    return [path] if word and exists(path) else [Path(name) for name in sorted(glob(word))]  # noqa: PTH207 - may be absolute


def _record_file(path: Path) -> Path:
    return path / records.FILE if path.is_dir() else path


def _row_called(
    words: str, metrics: Mapping[str, MetricSpec], leaderboards: Path, dataset: str | None
) -> Side:
    tables: dict[tuple[str, str], list[tuple[Path, Record]]] = defaultdict(list)
    for path in record_files.in_leaderboards(leaderboards, dataset):
        record = records.load(path)
        tables[record.dataset["name"], table_key(record, metrics)].append((path, record))
    rows: dict[str, dict[str, Side]] = defaultdict(dict)
    # The table with the most records is the first of its page, so a name means a row of that table.
    for (data, _), table in sorted(tables.items(), key=lambda item: -len(item[1])):
        of_row: dict[str, list[tuple[Path, Record]]] = defaultdict(list)
        for path, record in table:
            of_row[row_key(record)].append((path, record))
        for pairs in of_row.values():
            row_side = Side.of([path for path, _ in pairs], [record for _, record in pairs], metrics)
            rows[_plain(row_side.label)].setdefault(data, row_side)
    name = _plain(words)
    if name not in rows:
        raise WsbenchError(f"{words}: no run, record or row has this name; {suggestion(name, rows)}")
    if len(rows[name]) > 1:
        raise WsbenchError(
            f"{words}: a row of {' and of '.join(sorted(rows[name]))}; choose one with --dataset"
        )
    return next(iter(rows[name].values()))


def _plain(label: str) -> str:
    """A label without marks, which are hard to type."""
    for mark in (BLIND, BOXED, FITS_ALL, UNCONVERGED, *filter(None, OVERLAPS.values()), "**"):
        label = label.replace(mark, "")
    return " ".join(label.split())
