"""The ranked table of a section, with intervals as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wsbench.reports.board import Board
from wsbench.reports.labels import changed_of
from wsbench.reports.rows import metrics_of_table
from wsbench.reports.tabular.form import ABSENT, Cell, Kind
from wsbench.reports.tabular.sections import Section, folded_maps
from wsbench.reports.web.report.bars import Scale
from wsbench.reports.web.site.parts import Entry, Heading, Shown, entry_of, table_html

if TYPE_CHECKING:
    from markupsafe import Markup

CAPTION = "In the order of the mean {metric}. The dashed line is the best row that never looks at the image."


def ranking(section: Section, links: Mapping[int, str], anchor: str, *, fold_maps: bool) -> Markup:
    """The ranked table.

    Args:
        section: whose rows.
        links: the address of each row's page.
        anchor: the table's id.
        fold_maps: folds rows that differ from a better one only by options of the map under it.
    """
    board = section.board
    groups = folded_maps(board) if fold_maps else {}
    hidden = {index for others in groups.values() for index in others}
    lines = lines_of(section, links, [index for index in range(len(board.rows)) if index not in hidden])
    for place, shown in enumerate(lines):
        others = groups.get(shown[0], ())
        more = tuple((changed_of(board.rows[other].first) or "no change", links[other]) for other in others)
        first, *rest = shown[1].entries
        lines[place] = (shown[0], replace(shown[1], entries=(replace(first, more=more), *rest)))
    return table_html(
        anchor, CAPTION.format(metric=board.ranked_by), headings(board), [shown for _, shown in lines]
    )


def headings(board: Board, *, measures: bool = True) -> list[Heading]:
    """The headings of `lines_of`."""
    main = board.metrics[board.ranked_by]
    names = others_of(board) if measures else []
    return [
        Heading("Method", numeric=False),
        Heading("Seeds", numeric=False),
        Heading("Rank", title="holds for all rows at once with a chance of 95 %; below, of the row alone"),
        Heading(main.name, title=main.summary),
        Heading("95 %", numeric=False, title="over seeds, images and choices of thresholds"),
        *(Heading(name, title=board.metrics[name].summary) for name in names),
    ]


def others_of(board: Board) -> list[str]:
    """The metrics beside the one that ranks."""
    return [name for name in metrics_of_table(board.rows, "ranking") if name != board.ranked_by]


def lines_of(
    section: Section, links: Mapping[int, str], indices: Sequence[int], *, measures: bool = True
) -> list[tuple[int, Shown]]:
    """Some rows, each with its number.

    Args:
        section: whose rows.
        links: the address of each row's page.
        indices: the numbers of the rows.
        measures: whether the measures that do not rank are shown, too.
    """
    board, scale = section.board, scale_of(section.board)
    by_row = (
        {line.row: line for line in section.tables["uniform"].lines} if "uniform" in section.tables else {}
    )
    result = []
    for index in indices:
        row = board.rows[index]
        entries = [
            Entry(row.name("uniform"), under=changed_of(row.first), href=links[index]),
            Entry(row.seeds.replace(", ", ",\N{NO-BREAK SPACE}"), row.seeds),
        ]
        if (line := by_row.get(index)) is not None:
            rank = entry_of(Kind.RANKS, line, "rank")
            alone = Kind.RANKS.text(line.cells["rank alone"])
            entries.append(replace(rank, under=f"alone {alone}", best=line.winner))
            entries.append(entry_of(Kind.SPREAD, line, board.ranked_by))
            entries.append(_interval(board, index, scale, line.cells["95 %"]))
            if measures:
                entries += [
                    entry_of(Kind.SPREAD, line, name, f"{name} 95 %" if board.metrics[name].is_kept else None)
                    for name in others_of(board)
                ]
        result.append((index, Shown(tuple(entries), row.is_blind)))
    return result


def _interval(board: Board, index: int, scale: Scale, cell: Cell) -> Entry:
    """The interval of the metric that ranks, drawn and in words."""
    value = board.rows[index].average(board.ranked_by, "uniform")
    bar = scale.bar(value, board.interval(index, board.ranked_by))
    return Entry("" if bar else ABSENT, cell[0], Kind.INTERVAL.text(cell) if bar else "", bar=bar)


def scale_of(board: Board) -> Scale:
    """The scale of all intervals of the metric that ranks."""
    metric = board.ranked_by
    ends = [board.interval(index, metric) or () for index in range(len(board.rows))]
    values = [row.average(metric, "uniform") for row in board.rows]
    known = [value for value in values if value is not None]
    best = best_blind(board)
    floor = None if best is None else board.rows[best].average(metric, "uniform")
    return Scale.of([*(end for bounds in ends for end in bounds), *known], floor)


def best_blind(board: Board) -> int | None:
    """The number of the best row that never looks at the image; None without one."""
    blind = [
        index
        for index, row in enumerate(board.rows)
        if row.is_blind and row.average(board.ranked_by, "uniform") is not None
    ]
    return blind[0] if blind else None
