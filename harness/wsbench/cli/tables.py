"""Tables in the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from wsbench.cli import layout
from wsbench.errors import printable

if TYPE_CHECKING:
    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.data.audit import AuditProblem
    from wsbench.reports.board import Board
    from wsbench.reports.rows import Row

EXAMPLES = 4
"""Most findings of a kind, and most images of a finding, that are printed."""

WINNER = "*"
"""The mark behind the rank of a row, if no other row is better by more than noise."""

WIDEST = 26
"""Most characters in a line of a row's label, so that a row of eight columns fits into 80 characters."""

TERMINAL = {"uniform": "terminal", "paper": "terminal paper"}
"""The table of `wsbench.contract.specs.TABLES` that shows a protocol."""

TITLES = {
    "uniform": "protocol uniform: boxes and thresholds by the harness",
    "paper": "protocol paper: every method's own boxes and thresholds",
}


def show(
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    text: int | None = None,
    width: int | None = None,
) -> None:
    """Print a table on the standard output.

    Args:
        title: the line above the table.
        header: the headings of the columns.
        rows: the cells of each row.
        text: number of columns at the left that hold text; all others hold numbers, which are never folded.
            Columns that do not fit are named below the table instead. None: all columns hold text.
        width: width in characters; None takes that of the terminal.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    gap = 2 if text is None else 1  # eight columns of numbers and intervals must fit into 80
    lines = [list(row) for row in rows]
    console = Console(width=width)
    column_widths = (
        [None] * len(header) if text is None else layout.widths(header, lines, text, gap, console.width)
    )
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for index, (heading, wide) in enumerate(zip(header, column_widths, strict=False)):
        justify: Literal["left", "right"] = "right" if text is not None and index >= text else "left"
        table.add_column(Text(printable(heading)), justify=justify, overflow="fold", width=wide)
    for line in lines:
        # rich would read markup and names of emoji in a str.
        table.add_row(
            *(Text("\n".join(map(printable, cell.split("\n")))) for cell in line[: len(column_widths)])
        )
    # rich would fold a table's own title to the width of the table.
    console.print(Text(printable(title), style="bold"))
    console.print(table)
    if hidden := header[len(column_widths) :]:
        print(f"no room in {console.width} columns for: {', '.join(hidden)}")


def problems(all_problems: Sequence[AuditProblem]) -> None:
    """Print the problems of an audit, kind by kind: the first few of each, and how many there are."""
    by_kind: dict[str, list[AuditProblem]] = {}
    for problem in all_problems:
        by_kind.setdefault(problem.kind, []).append(problem)
    for kind, of_kind in by_kind.items():
        print(f"{kind}: {len(of_kind)}")
        for problem in of_kind[:EXAMPLES]:
            names = ", ".join(problem.images[:EXAMPLES]) + (" ..." if len(problem.images) > EXAMPLES else "")
            line = f"{names}: {problem.description}" if names else problem.description
            print(printable(f"  {line}"))
        if len(of_kind) > EXAMPLES:
            print(f"  ... and {len(of_kind) - EXAMPLES} more; --json FILE has them all")


def short(bound: float, digits: int = 2) -> str:
    """A number with this many decimal places and without a leading zero: ``.25``, ``-.25``, ``10.25``."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{bound:.{digits}f}")


def _interval(board: Board, index: int, metric: str, protocol: str) -> str:
    """The interval over seeds, images and thresholds if records keep the metric draw by draw; else the
    interval of these networks."""
    in_draws = protocol == "uniform" and board.metrics[metric].is_kept
    bounds = board.interval(index, metric) if in_draws else None
    bounds = bounds or board.rows[index].of_networks(metric, protocol)
    digits = max(board.metrics[metric].digits - 1, 0)
    low, high = (short(bound, digits) for bound in bounds or (0.0, 0.0))
    return "" if low == high else f"{low}\N{EN DASH}{high}"


def _prompts(row: Row, metrics: Sequence[str], protocol: str) -> list[list[str]]:
    """A line with the range over single prompts; none for a row that joins no prompts."""
    from wsbench.reports import prompts

    spread = prompts.spread_of(row) if protocol == prompts.PROTOCOL else None
    if spread is None:
        return []
    cells = []
    for metric in metrics:
        low, high, _ = spread.of_metric.get(metric, (0.0, 0.0, None))
        digits = max(row.metrics[metric].digits - 1, 0)
        ends = dict.fromkeys((short(low, digits), short(high, digits)))
        cells.append("\N{EN DASH}".join(ends) if metric in spread.of_metric else "")
    return [["", f"  {spread.prompts} single prompts", *cells]]


def _folds(row: Row, protocol: str) -> None:
    """Print a line for each fold, then mean, spread and the value of all images together."""
    from wsbench.reports.rows import metrics_of_table, number

    metrics = metrics_of_table([row], "folds")
    columns = [row.fold_values(metric, protocol) for metric in metrics]
    by_fold = enumerate(zip(*columns, strict=True), start=1)
    lines = [[f"fold {fold_number}", *map(number, values)] for fold_number, values in by_fold]
    lines.append(["mean", *(row.mean(metric, protocol) for metric in metrics)])
    lines.append(["sd over folds", *(row.spread(metric, protocol) for metric in metrics)])
    lines.append(["pooled", *(number(row.pooled(metric, protocol)) for metric in metrics)])
    show(f"{row.label(protocol)}, protocol {protocol}, fold by fold", ["", *metrics], lines, text=1)
    print()


def _protocol(board: Board, protocol: str) -> None:
    """Print the rows that have a protocol, in the order of the ranking metric."""
    from wsbench.reports.rows import metrics_of_table

    metrics = metrics_of_table(board.rows, TERMINAL[protocol])
    cells = []
    for index, row in enumerate(board.rows):
        if protocol not in row.first.protocols:
            continue
        standing = board.standings.get(index)
        ranks = f"{standing.words}{WINNER if standing.winner else ''}" if standing else "-"
        label = "\n".join(textwrap.wrap(row.label(protocol), WIDEST, subsequent_indent="  "))
        cells.append([ranks, label, *(row.mean(metric, protocol) for metric in metrics)])
        if (count := len(row.records) * max(row.folds, 1)) > 1:
            spread = f"  ± over {count} {'folds' if row.folds else 'seeds'}"
            cells.append(["", spread, *(row.spread(metric, protocol) for metric in metrics)])
        cells.append(["", "  95 %", *(_interval(board, index, metric, protocol) for metric in metrics)])
        cells += _prompts(row, metrics, protocol)
    if cells:
        header = ["rank", "method", *(board.metrics[metric].heading or metric for metric in metrics)]
        show(TITLES[protocol], header, [line for line in cells if any(line[2:])], text=2)
        print()


def results(records: Sequence[Record], metrics: Mapping[str, MetricSpec]) -> None:
    """Print the main metrics of some runs on the same data under both protocols, the best run first.

    Args:
        records: the records of the runs.
        metrics: all metrics by name.
    """
    from wsbench.reports.board import Board
    from wsbench.reports.board_tables import notes_of
    from wsbench.reports.labels import BLIND, BOXED
    from wsbench.runs.evaluation_log import seen_here

    board = Board.of(records, metrics)
    for protocol in TERMINAL:
        _protocol(board, protocol)
    for row in board.rows:
        if row.folds and not row.left_out and row.first.method["reads_image"]:
            for protocol in row.first.protocols:
                _folds(row, protocol)
    data = records[0].dataset
    _data_lines(data)
    if seen := seen_here(records):
        print(f"evaluations of this test split here, so far: {seen}")
    print(f"{BLIND} never looks at the image   {BOXED} uses annotated boxes")
    for line in notes_of(board):
        print(textwrap.fill(printable(line), 79))
    print(f"rank: by {board.ranked_by}, all ranks that noise leaves open; {WINNER} nothing is surely better")
    if not data["boxes"]["test"]:
        print("no test image has a box, so metrics of boxes are left out")


def _data_lines(data: Mapping[str, Any]) -> None:
    """Print what was tested, and what was left out of training for it."""
    print(f"{data['name']}: {data['images']['test']} test images, {data['boxes']['test']} boxes on them")
    fold = data.get("fold") or {}
    if "attribute" in fold:
        print(printable(f"{fold['attribute']} {fold['value']} is tested, and left out of training"))
    for split, (present, release) in data["subset"].items():
        print(f"a subset: split {split} has {present} of the release's {release} images; not comparable")
