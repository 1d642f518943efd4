"""Rows of a leaderboard by the name that their page prints, and rows of runs and of record files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from wsbench import leaderboard, records
from wsbench.board import Board
from wsbench.errors import WsbenchError
from wsbench.files import exists
from wsbench.records import Record
from wsbench.rows import BLIND, BOXED, Row, row_key


def rows_named(words: Sequence[str], folder: Path, dataset: str | None) -> tuple[Board, list[int]]:
    """The table that holds some rows, and their places in it.

    Args:
        words: each the name of a row as a page prints it, with or without its marks, or the folder of a run
            or the file of a record; the seeds that lie beside it count as well.
        folder: of all leaderboards; it needs not exist where all words are paths.
        dataset: of the rows; None looks through all.

    Raises:
        WsbenchError: a word names no row or several, or no table holds all of them.
    """
    known = _records(folder, dataset)
    runs = {word: _run(Path(word)) for word in words if exists(Path(word))}
    tables: dict[str, list[Record]] = defaultdict(list)
    for record in [*known, *(record for of_word in runs.values() for record in of_word)]:
        same = [other for other in tables[leaderboard.table_key(record)] if _same(record, other)]
        if not same:
            tables[leaderboard.table_key(record)].append(record)
    boards = [Board.of(of_key) for of_key in tables.values()]
    for word in words:
        if not any(_places(word, runs, board) for board in boards):
            raise WsbenchError(f"{word}: no such row or run; name a row as its leaderboard prints it")
    holding = [board for board in boards if all(_places(word, runs, board) for word in words)]
    if not holding:
        raise WsbenchError(f"{' and '.join(words)} share no table: their data or protocols differ")
    board = max(holding, key=lambda candidate: len(candidate.rows))
    places = []
    for word in words:
        matching = _places(word, runs, board)
        if len(matching) > 1:
            raise WsbenchError(f"{word}: names {len(matching)} rows; type all that its leaderboard prints")
        places += matching
    return board, places


def _records(folder: Path, dataset: str | None) -> list[Record]:
    known = leaderboard.read(folder)
    if dataset is None:
        return [record for of_dataset in known.values() for record in of_dataset]
    return known.get(dataset, [])


def _run(path: Path) -> list[Record]:
    """The record of a path and those of the other seeds of its row."""
    if path.is_dir() or path.name == records.FILE:
        folder = path if path.is_dir() else path.parent
        first, beside = records.load(folder / records.FILE), folder.parent.glob(f"*/{records.FILE}")
    else:
        first, beside = records.load(path), path.parent.glob("*.json")
    others = [record for other in sorted(beside) if (record := records.load(other)).seed != first.seed]
    keys = leaderboard.table_key(first), row_key(first)
    return [first, *(record for record in others if (leaderboard.table_key(record), row_key(record)) == keys)]


def _same(record: Record, other: Record) -> bool:
    """Whether two records are of one seed of one row."""
    return record.seed == other.seed and row_key(record) == row_key(other)


def _places(word: str, runs: dict[str, list[Record]], board: Board) -> list[int]:
    if word in runs:
        first = runs[word][0]
        same_table = leaderboard.table_key(first) == leaderboard.table_key(board.rows[0].first)
        return [
            place
            for place, row in enumerate(board.rows)
            if same_table and row_key(row.first) == row_key(first)
        ]
    return [place for place, row in enumerate(board.rows) if _plain(word) == _plain(_name(row))]


def _name(row: Row) -> str:
    return row.label("uniform")


def _plain(name: str) -> str:
    """A row's name without its marks."""
    return name.strip().rstrip(BLIND + BOXED).strip()
