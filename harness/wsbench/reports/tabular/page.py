"""A leaderboard page as markdown: the columns that matter of each table, and where the others are."""

from __future__ import annotations

from collections.abc import Sequence

from wsbench.reports import page_words
from wsbench.reports.board_tables import data_line, markdown_table, notes_below
from wsbench.reports.rows import metrics_of_table
from wsbench.reports.tabular.form import METHOD, ROW, SETTINGS, Table
from wsbench.reports.tabular.sections import Section, folded_maps

MOST = 10
"""Columns of a table on a page; more would not fit on a screen."""

FOLDER = "tables"
"""The folder of all tables as CSV, within that of all leaderboards."""


def short_columns(section: Section, name: str) -> list[str]:
    """The columns of a table that pages show, at most `MOST`.

    Under protocol ``uniform``: ranks, the measure that ranks and its interval, then measures that are
    compared draw by draw, then others. Of other tables, the first columns.
    """
    columns = [column.name for column in section.tables[name].columns if column.name != ROW]
    if name == "uniform":
        board = section.board
        ranking = [metric for metric in metrics_of_table(board.rows, "ranking") if metric != board.ranked_by]
        compared = [metric for metric in ranking if board.metrics[metric].is_kept]
        further = metrics_of_table(board.rows, "uniform")
        columns = [METHOD, SETTINGS, "seeds", "rank", board.ranked_by, "95 %"]
        columns = list(dict.fromkeys([*columns, *compared, *ranking, *further]))
    elif name != "paper":
        columns.insert(0, ROW)
    return columns[:MOST]


def section_text(section: Section, dataset: str, *, fold_maps: bool = False) -> list[str]:
    """The parts of a page that show a section.

    Args:
        section: the section.
        dataset: the dataset's name.
        fold_maps: leaves out rows that differ from a better one only by options of the map.
    """
    groups = folded_maps(section.board) if fold_maps else {}
    hidden = frozenset(index for others in groups.values() for index in others)
    parts = [data_line(section.first, section.seen)]
    if "uniform" in section.tables:
        parts += [page_words.TITLES["uniform"], markdown_of(_shown(section, "uniform", hidden))]
        parts += [_folded(section, index, len(others)) for index, others in groups.items()]
        parts += notes_below(section.board)
    if "upstream" in section.tables:
        parts += [page_words.UPSTREAM, markdown_of(_shown(section, "upstream", hidden))]
    if "paper" in section.tables:
        parts += [page_words.TITLES["paper"], markdown_of(_shown(section, "paper", hidden))]
    return [*parts, _elsewhere(list(section.tables), dataset)]


def markdown_of(table: Table) -> str:
    """A table as markdown. In bold is the rank of every row that no other one is better than by more than
    noise."""
    texts = table.texts()
    for line, cells in zip(table.lines, texts, strict=True):
        for place, column in enumerate(table.columns):
            if column.name == "rank" and line.winner:
                cells[place] = f"**{cells[place]}**"
            elif column.name == SETTINGS and not line.cells[SETTINGS][0]:
                cells[place] = ""
    words = [place for place, column in enumerate(table.columns) if not column.numeric]
    return markdown_table([column.name for column in table.columns], texts, words)


def _shown(section: Section, name: str, hidden: frozenset[int]) -> Table:
    return section.tables[name].select(short_columns(section, name)).without(hidden)


def _folded(section: Section, index: int, count: int) -> str:
    label = section.board.rows[index].label("uniform")
    rows = "1 more row differs" if count == 1 else f"{count} more rows differ"
    return f"{label}: {rows} from it by options of the map alone.\n"


def _elsewhere(names: Sequence[str], dataset: str) -> str:
    """A line that links the files of all tables, with what each has."""
    links = [f"[{page_words.TABLES[name]}]({FOLDER}/{dataset}/{name}.csv)" for name in names]
    return f"{page_words.ELSEWHERE} {'; '.join(links)}.\n"
