"""Chosen columns of a dataset's tables in one of several formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from wsbench.errors import WsbenchError, choose
from wsbench.reports.tabular.form import Line, Table, csv_of
from wsbench.reports.tabular.latex import as_latex
from wsbench.reports.tabular.page import markdown_of, short_columns
from wsbench.reports.tabular.sections import Section, folded_maps

Chosen = tuple[Section, Table]
"""A section, and what was chosen of its table."""


@dataclass(frozen=True)
class Choice:
    """What of a dataset's tables is written.

    Attributes:
        protocol: ``uniform`` or ``paper``.
        columns: names of columns; empty chooses those of the leaderboard page. Costs are columns, too, of
            rows that were measured on one machine.
        fold_maps: leaves out rows that differ from a better one only by options of the map.
    """

    protocol: str = "uniform"
    columns: tuple[str, ...] = ()
    fold_maps: bool = False


def chosen_tables(sections: Sequence[Section], choice: Choice) -> list[Chosen]:
    """The chosen columns and rows of every section that has the protocol.

    Raises:
        WsbenchError: no section has the protocol, or one has no such column.
    """
    names = {name for section in sections for name in section.tables} & {"uniform", "paper"}
    choose(choice.protocol, dict.fromkeys(names), "protocol of these records")
    tables = []
    for section in sections:
        if choice.protocol in section.tables:
            table = with_costs(section.tables[choice.protocol], section.tables.get("costs"))
            table = table.select(choice.columns or short_columns(section, choice.protocol))
            groups = folded_maps(section.board) if choice.fold_maps else {}
            hidden = frozenset(index for others in groups.values() for index in others)
            tables.append((section, table.without(hidden)))
    return tables


def with_costs(table: Table, costs: Table | None) -> Table:
    """A table with the columns of costs, which have a value in lines whose row has one line of costs."""
    if costs is None:
        return table
    of_row: dict[int | None, list[Line]] = {}
    for line in costs.lines:
        of_row.setdefault(line.row, []).append(line)
    known = {column.name for column in table.columns}
    added = tuple(column for column in costs.columns if column.name not in known)
    lines = []
    for line in table.lines:
        measured = of_row.get(line.row, [])
        more = measured[0].cells if len(measured) == 1 else {}
        lines.append(replace(line, cells={**more, **line.cells}))
    return replace(table, columns=(*table.columns, *added), lines=tuple(lines))


def markdown(dataset: str, tables: Sequence[Chosen], protocol: str) -> str:
    """The tables as markdown."""
    return "\n".join(markdown_of(table) for _, table in tables)


def csv(dataset: str, tables: Sequence[Chosen], protocol: str) -> str:
    """The tables as CSV; its first column is the number of the table on the leaderboard page."""
    return csv_of({str(section.number): table for section, table in tables})


def latex(dataset: str, tables: Sequence[Chosen], protocol: str) -> str:
    """The tables as LaTeX. Rows are bold by the ranks of protocol ``uniform``, the only one that ranks."""
    parts = []
    for section, table in tables:
        data = section.first.dataset
        images, boxes = data["images"]["test"], data["boxes"]["test"]
        caption = (
            f"{dataset}, protocol {protocol}: {images} test images with {boxes} boxes. Means and sample "
            "standard deviations over seeds; 95 % intervals in brackets."
        )
        rule = ""
        if any(line.winner for line in table.lines):
            rule = (
                "Bold: rows that no other row is better than by more than noise, in "
                f"{section.board.ranked_by} under protocol uniform."
            )
        parts.append(as_latex(table, caption, rule))
    return "\n".join(parts)


FORMATS: Mapping[str, Callable[[str, Sequence[Chosen], str], str]] = {
    write.__name__: write for write in (markdown, csv, latex)
}
"""By name, what writes the tables of a dataset under a protocol."""


def written(dataset: str, sections: Sequence[Section], choice: Choice, form: str) -> str:
    """The chosen part of a dataset's tables as text.

    Args:
        dataset: its name.
        sections: its sections.
        choice: what is written.
        form: one of `FORMATS`.

    Raises:
        WsbenchError: the form, the protocol or a column is unknown, or there is no record.
    """
    write = choose(form, FORMATS, "format")
    if not sections:
        raise WsbenchError(f"{dataset} has no records, so there is nothing to write")
    return write(dataset, chosen_tables(sections, choice), choice.protocol)
