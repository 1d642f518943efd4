"""Tables of the site: cells that are sorted, linked and drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wsbench.reports.rows import Row
from wsbench.reports.tabular.form import ABSENT, METHOD, ROW, SETTINGS, Kind, Line, Table
from wsbench.reports.web.document import Section, rendered

if TYPE_CHECKING:
    from markupsafe import Markup

STYLES = ("site.css",)
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
FILTERED = 10
"""A table with so many lines has a field that filters them."""


@dataclass(frozen=True)
class Heading:
    """The heading of a column: its text, whether its cells are numbers, and what it means."""

    text: str
    numeric: bool = True
    title: str = ""


@dataclass(frozen=True)
class Entry:
    """A cell.

    Attributes:
        text: what it shows.
        value: what its column is sorted by; empty for its text.
        under: further words below, such as an interval.
        href: where it leads; empty for nowhere.
        best: whether a word says that no other row is better.
        bar: a drawing beside the text; empty without one.
        more: rows that are folded under this one, as texts with their addresses.
    """

    text: str
    value: str = ""
    under: str = ""
    href: str = ""
    best: bool = False
    bar: Markup | str = ""
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Shown:
    """A line of cells, and whether its row never looks at the image."""

    entries: tuple[Entry, ...]
    blind: bool = False


def section(anchor: str, title: str, *bodies: Markup, group: str = "") -> Section:
    """A section of a page of the site."""
    from markupsafe import Markup

    return Section(anchor, title, Markup("\n").join(bodies), STYLES, group=group)


def table_html(anchor: str, caption: str, headings: Sequence[Heading], lines: Sequence[Shown]) -> Markup:
    """A table that can be sorted, and filtered if it is long.

    Args:
        anchor: its id.
        caption: what it shows.
        headings: of its columns.
        lines: its lines. The first cell of each is the line's heading.
    """
    filtered = len(lines) >= FILTERED
    return rendered(
        "site/table.html", id=anchor, caption=caption, headings=headings, lines=lines, filtered=filtered
    )


def plain_table(anchor: str, caption: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> Markup:
    """A table of texts; numbers stand at the right."""
    columns = list(zip(*lines, strict=True)) if lines else [()] * len(header)
    headings = [
        Heading(text, numeric=bool(column) and all(_is_number(cell) for cell in column))
        for text, column in zip(header, columns, strict=True)
    ]
    shown = [Shown(tuple(Entry(cell, _sorted_by(cell)) for cell in line)) for line in lines]
    return table_html(anchor, caption, headings, shown)


def of_table(
    anchor: str, caption: str, table: Table, rows: Sequence[Row], links: Mapping[int, str]
) -> Markup:
    """A table of a board. An interval stands below the value that it belongs to.

    Args:
        anchor: the table's id.
        caption: what it shows.
        table: the table.
        rows: the rows of its board.
        links: the address of each row's page, by its number.
    """
    names = [column.name for column in table.columns]
    lead = METHOD if METHOD in names else ROW
    below = {name: f"{name} 95 %" for name in names if f"{name} 95 %" in names}
    dropped = {ROW, SETTINGS, METHOD, "winner", *below.values()} - {lead}
    columns = [column for column in table.columns if column.name not in dropped]
    columns.sort(key=lambda column: column.name != lead)
    headings = [
        Heading("Method", numeric=False)
        if column.name == lead
        else _heading(column.name, rows, numeric=column.numeric)
        for column in columns
    ]
    lines = []
    for line in table.lines:
        entries = []
        for column in columns:
            entry = entry_of(column.kind, line, column.name, below.get(column.name))
            entries.append(_lead(entry, line, links) if column.name == lead else entry)
        blind = line.row is not None and rows[line.row].is_blind
        lines.append(Shown(tuple(entries), blind))
    return table_html(anchor, caption, headings, lines)


def entry_of(kind: Kind, line: Line, name: str, below: str | None = None) -> Entry:
    """The cell of a column, with the interval of another column below it."""
    cell = line.cells.get(name, ())
    under = Kind.INTERVAL.text(line.cells.get(below, ())) if below else ""
    text = kind.text(cell)
    first = next(iter(cell), "") if kind is not Kind.TEXT else _sorted_by(text)
    return Entry(text, first, "" if under == ABSENT else under)


def _lead(entry: Entry, line: Line, links: Mapping[int, str]) -> Entry:
    settings = line.cells.get(SETTINGS, ("",))[0]
    return replace(entry, value=entry.text, under=settings, href=links.get(line.row or 0, ""))


def _heading(name: str, rows: Sequence[Row], *, numeric: bool) -> Heading:
    spec = rows[0].metrics.get(name)
    return Heading(name, numeric, spec.summary if spec else "")


def _is_number(text: str) -> bool:
    return text in (ABSENT, "") or NUMBER.match(text) is not None


def _sorted_by(text: str) -> str:
    """What a text is sorted by: the number that it is or begins with, unit and all."""
    match = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)(?: ([kMGT]))?(?: .*)?", text)
    if match is None:
        return text if text != ABSENT else ""
    factor = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(match[2] or "", 1.0)
    return f"{float(match[1]) * factor:g}"
