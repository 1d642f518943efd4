"""Tables of a leaderboard page, as markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from wsbench.contract.protocol import COLUMNS, DRAWN, FLOOR_METRICS, RANKING_COLUMNS
from wsbench.reports import power
from wsbench.reports.board import Board
from wsbench.reports.rows import Row, number, shown
from wsbench.utils.names import markdown

_FLOORS = "Image-blind boxes with the class scores of each row"

POOLED = ("accuracy", "auc")
"""What a cross-validation has of all folds' images together, besides its means over folds."""


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A GitHub table, first column to the left, numbers to the right."""
    lines = [header, [":---", *["---:"] * (len(header) - 1)], *rows]
    cells = [[markdown(cell) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _bounds(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else "-"


def ranking(board: Board) -> list[str]:
    """The table that ranks, and what its intervals rest on."""
    ranked_by = board.ranked_by
    columns = [metric for metric in shown(board.rows, RANKING_COLUMNS) if metric != ranked_by]
    header = ["method", "seeds", "rank", "rank alone", ranked_by, "95 %", "these networks"]
    for metric in columns:
        header += [metric, f"{metric} 95 %"] if metric in DRAWN else [metric]
    lines = []
    for place, row in enumerate(board.rows):
        standing = board.standings.get(place)
        line = [row.label("uniform"), row.seeds, "-", "-"]
        if standing is not None:
            line[2:] = [f"**{standing.words}**" if standing.winner else standing.words, standing.likely]
        line += [row.cell(ranked_by, "uniform"), _bounds(board.interval(place, ranked_by))]
        line.append(_bounds(row.of_networks(ranked_by, "uniform")))
        for metric in columns:
            line.append(row.cell(metric, "uniform"))
            if metric in DRAWN:
                line.append(_bounds(board.interval(place, metric)))
        lines.append(line)
    sentence = power.sentence(board)
    return [markdown_table(header, lines), _prior_line(board), *([sentence] if sentence else [])]


def _prior_line(board: Board) -> str:
    prior = board.prior(board.ranked_by)
    whose = f"fitted to {prior.rows} rows" if prior.rows else "the default, since few rows were trained"
    return (
        f"Standard deviation over seeds that a row with one seed pays: {prior.variance**0.5:.3f}, worth "
        f"{prior.degrees:.1f} degrees of freedom ({whose}).\n"
    )


def measures(rows: Sequence[Row], protocol: str) -> str:
    """A plain table of measures that do not rank."""
    columns = shown(rows, COLUMNS[protocol])
    header = ["method", *columns]
    lines = [[row.label(protocol), *(row.cell(metric, protocol) for metric in columns)] for row in rows]
    if rows[0].folds:
        header += [f"pooled {metric}" for metric in POOLED]
        for row, line in zip(rows, lines, strict=True):
            line += [number(row.pooled(metric, protocol)) for metric in POOLED]
    return markdown_table(header, lines)


def floors(rows: Sequence[Row]) -> list[str]:
    """What image-blind boxes reach with each row's class scores, folded; nothing where no record says."""
    lines = []
    for row in rows:
        of_seeds = [record.protocols.get("uniform", {}).get("floors", {}) for record in row.records]
        for blind in of_seeds[0]:
            values = [floors[blind] for floors in of_seeds if blind in floors]
            cells = [_mean_of([one.get(metric) for one in values]) for metric in FLOOR_METRICS]
            lines.append([f"{blind} with the scores of {row.label('uniform')}", *cells])
    if not lines:
        return []
    table = markdown_table(["boxes and class scores", *FLOOR_METRICS], lines)
    return [f"<details><summary>{_FLOORS}</summary>\n\n{table}\n</details>\n"]


def _mean_of(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return number(statistics.fmean(known) if known and len(known) == len(values) else None)
