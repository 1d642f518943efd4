"""What a command line compares: a row, by its name on a leaderboard's page, or by its runs or records."""

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
from wsbench.reports.leaderboard import table_key
from wsbench.reports.rows import BLIND, BOXED, OVERLAPS, Row, row_key


@dataclass(frozen=True)
class Side:
    """A row and where it was read from.

    Attributes:
        row: its records, in the order of their seeds.
        files: of the records, in the same order.
    """

    row: Row
    files: tuple[Path, ...]

    @classmethod
    def of(cls, files: Sequence[Path], found: Sequence[Record], metrics: Mapping[str, MetricSpec]) -> Side:
        """The row of some records and their files, in any order."""
        both = sorted(zip(found, files, strict=True), key=lambda pair: pair[0].seed)
        return cls(Row(tuple(record for record, _ in both), metrics), tuple(path for _, path in both))

    @property
    def label(self) -> str:
        """As tables name it."""
        return self.row.label("uniform")


def side(
    words: str, metrics: Mapping[str, MetricSpec], leaderboards: Path, dataset: str | None = None
) -> Side:
    """What a word of the command line names.

    Args:
        words: folders of finished runs or files of records, with commas between them and with ``*`` and
            ``?`` for several, which together are one row over its seeds; or the name of a row of a page.
        metrics: by name.
        leaderboards: the folder of all leaderboards.
        dataset: of the page; None looks on all.

    Raises:
        WsbenchError: nothing is so named, or runs of several methods are.
    """
    parts = [part.strip() for part in words.split(",")]
    matches = [_matches(part) for part in parts]
    if not any(matches):
        return _row_called(words, metrics, leaderboards, dataset)
    for part, matched in zip(parts, matches, strict=True):
        if not matched:
            raise WsbenchError(f"'{part}': no such run or record; name finished runs, with commas between")
    files = [_record_file(path) for path in dict.fromkeys(path for matched in matches for path in matched)]
    found = [records.load(path) for path in files]
    for record, path in zip(found, files, strict=True):
        if row_key(record) != row_key(found[0]):
            raise WsbenchError(f"{path}: of another method or other settings than {files[0]}: not one row")
        refuse_other_key(record, path, found[0], files[0], metrics)
    if len({record.seed for record in found}) < len(found):
        seeds = ", ".join(str(record.seed) for record in found)
        raise WsbenchError(f"{words}: seeds {seeds}: a row has each seed once")
    return Side.of(files, found, metrics)


def pair(
    first: str,
    second: str,
    metrics: Mapping[str, MetricSpec],
    leaderboards: Path,
    dataset: str | None = None,
) -> tuple[Side, Side]:
    """What two words of the command line name, as `side`, if both could stand in one table.

    Raises:
        WsbenchError: they could not, or a word names nothing.
    """
    one, other = (side(words, metrics, leaderboards, dataset) for words in (first, second))
    refuse_other_key(other.row.first, other.files[0], one.row.first, one.files[0], metrics)
    return one, other


def refuse_other_key(
    record: Record, path: Path, other: Record, beside: Path, metrics: Mapping[str, MetricSpec]
) -> None:
    """Raise WsbenchError if two records could not stand in one table."""
    if table_key(record, metrics) != table_key(other, metrics):
        different = [
            name for name in sorted({*record.key, *other.key}) if record.key.get(name) != other.key.get(name)
        ]
        raise WsbenchError(
            f"{path}: compares with nothing of {beside}: {' and '.join(different)} differ; "
            "score both on the same data with one version of wsbench (`wsbench evaluate RUN`)"
        )
    counts = record.draw_count, other.draw_count
    if None not in counts and counts[0] != counts[1]:
        raise WsbenchError(f"{path}: has {counts[0]} draws, {beside} {counts[1]}; score both again")


def table_of(one: Side, leaderboards: Path) -> Board:
    """The committed table that a row could stand in, for the prior of its seeds; a table without rows, whose
    prior is the default, where there is none."""
    metrics, name = one.row.metrics, one.row.first.dataset["name"]
    key = table_key(one.row.first, metrics)
    committed = (records.load(path) for path in record_files.in_leaderboards(leaderboards, name))
    return Board.of((record for record in committed if table_key(record, metrics) == key), metrics)


def _matches(part: str) -> list[Path]:
    path = Path(part)
    return [path] if part and exists(path) else [Path(name) for name in sorted(glob(part))]  # noqa: PTH207 - may be absolute


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
    # The table of most records stands first on its page, so a name means the row there.
    for (data, _), table in sorted(tables.items(), key=lambda item: -len(item[1])):
        of_row: dict[str, list[tuple[Path, Record]]] = defaultdict(list)
        for path, record in table:
            of_row[row_key(record)].append((path, record))
        for pairs in of_row.values():
            made = Side.of([path for path, _ in pairs], [record for _, record in pairs], metrics)
            rows[_plain(made.label)].setdefault(data, made)
    name = _plain(words)
    if name not in rows:
        raise WsbenchError(f"{words}: no run, record or row is so named; {suggestion(name, rows)}")
    if len(rows[name]) > 1:
        raise WsbenchError(f"{words}: a row of {' and of '.join(sorted(rows[name]))}; say --dataset")
    return next(iter(rows[name].values()))


def _plain(label: str) -> str:
    """A label without marks: they are hard to type."""
    for mark in (BLIND, BOXED, *filter(None, OVERLAPS.values()), "**"):
        label = label.replace(mark, "")
    return " ".join(label.split())
