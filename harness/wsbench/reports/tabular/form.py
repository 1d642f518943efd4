"""Tables as values: columns of numbers with what belongs to them, and lines of cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from wsbench.errors import choose

Cell = tuple[str, ...]
"""The parts of a cell, as many as the kind of its column has; a part that does not exist is empty."""

ABSENT = "-"
"""What formats for people show in place of an empty cell."""

ROW, METHOD, SETTINGS, WINNER = "row", "method", "settings", "winner"
"""Columns: the whole label of a row, its method with the preset, what was changed, and whether no other row
is better by more than noise."""


class Kind(Enum):
    """What a cell holds: its value is the ends of the names of its parts in CSV, and what stands between
    them where they are one text."""

    TEXT = (("",), "")
    SPREAD = (("", " sd"), " ± ")
    """A mean, and the sample standard deviation over seeds or folds."""
    INTERVAL = ((" low", " high"), " to ")
    RANKS = ((" first", " last"), " to ")
    """The ends of a rank interval, which is one number where they are equal."""

    @property
    def endings(self) -> tuple[str, ...]:
        """The ends of the names of the parts in CSV."""
        endings: tuple[str, ...] = self.value[0]
        return endings

    def text(self, cell: Cell) -> str:
        """The parts of a cell as one text; `ABSENT` where there are none."""
        parts = [part for part in cell if part]
        if self is Kind.RANKS:
            parts = list(dict.fromkeys(parts))
        return self.value[1].join(parts) or ABSENT


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading, by which users choose it.
        kind: what its cells hold.
        numeric: whether its texts are numbers, which stand at the right.
    """

    name: str
    kind: Kind = Kind.TEXT
    numeric: bool = True

    @property
    def names(self) -> list[str]:
        """The names of its parts, which are columns of CSV."""
        return [f"{self.name}{ending}" for ending in self.kind.endings]


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        cells: by the name of their column.
        row: the number of the line's row in its board; None where no board is behind it.
    """

    cells: Mapping[str, Cell]
    row: int | None = None

    @property
    def winner(self) -> bool:
        """Whether the table says that no other row is better by more than noise."""
        return self.cells.get(WINNER) == ("yes",)


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: what it shows, such as ``uniform``; the name of its file.
        columns: its columns.
        lines: its lines, in their order.
    """

    name: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    def select(self, names: Sequence[str]) -> Table:
        """The table with some of its columns, in the order of their names.

        Raises:
            WsbenchError: there is no such column.
        """
        known = {column.name: column for column in self.columns}
        return replace(self, columns=tuple(choose(name, known, f"column of {self.name}") for name in names))

    def without(self, rows: frozenset[int]) -> Table:
        """The table without the lines of some rows of its board."""
        return replace(self, lines=tuple(line for line in self.lines if line.row not in rows))

    def texts(self) -> list[list[str]]:
        """The cells as texts, line by line."""
        return [
            [column.kind.text(line.cells.get(column.name, ())) for column in self.columns]
            for line in self.lines
        ]


def csv_of(tables: Mapping[str, Table]) -> str:
    """Tables of one name as CSV: a line for each of their lines, a column for each part of their cells.

    Args:
        tables: by the number of their table on a page. They may differ in their columns.

    Returns:
        Text in UTF-8. Its first column is the number of the table. Cells without a value are empty.
    """
    header = dict.fromkeys(
        name for table in tables.values() for column in table.columns for name in column.names
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, ["table", *header], restval="", lineterminator="\n")
    writer.writeheader()
    for number, table in tables.items():
        for line in table.lines:
            parts = {"table": number}
            for column in table.columns:
                cell = line.cells.get(column.name) or ("",) * len(column.names)
                parts |= dict(zip(column.names, cell, strict=True))
            writer.writerow(parts)
    return text.getvalue()


def read_csv(text: str) -> list[dict[str, str]]:
    """The lines of a file that `csv_of` made: by the name of a column, the cell as one text; ``table`` is the
    number of the table. Ranks of winners are bold, as in markdown."""
    lines = []
    for parts in csv.DictReader(io.StringIO(text)):
        cells: dict[str, str] = {}
        for name in parts:
            kind, stem = _kind_of(name, parts)
            if stem not in cells:
                cells[stem] = kind.text(tuple(parts[f"{stem}{ending}"] for ending in kind.endings))
        if cells.get(WINNER) == "yes" and "rank" in cells:
            cells["rank"] = f"**{cells['rank']}**"
        lines.append(cells)
    return lines


def _kind_of(name: str, names: Mapping[str, str]) -> tuple[Kind, str]:
    """The kind of the column that a column of CSV is a part of, and that column's name."""
    for kind in (Kind.SPREAD, Kind.INTERVAL, Kind.RANKS):
        for ending in kind.endings:
            stem = name.removesuffix(ending) if ending else name
            if (ending == "" or stem != name) and all(f"{stem}{end}" in names for end in kind.endings):
                return kind, stem
    return Kind.TEXT, name
