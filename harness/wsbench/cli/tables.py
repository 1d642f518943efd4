"""Tables in the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from wsbench.cli import layout
from wsbench.errors import printable

if TYPE_CHECKING:
    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.data.audit import Finding
    from wsbench.reports.board import Board
    from wsbench.reports.rows import Row

FEW = 4
"""Findings of a kind, and images of a finding, that are named."""

WINNER = "*"
"""Behind the rank of a row that nothing is better than by more than noise."""

WIDEST = 26
"""Characters of a row's label in a line; a row of eight columns must fit into 80."""

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
    """Print one table on the standard output. Numbers follow the first ``text`` columns, if it is given: a
    number is shown as a whole, and columns at the right that do not fit are named below the table instead.
    ``width`` is in characters; None is the terminal's."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    gap = 2 if text is None else 1  # eight columns of numbers and intervals must fit into 80
    lines = [list(row) for row in rows]
    console = Console(width=width)
    given = [None] * len(header) if text is None else layout.widths(header, lines, text, gap, console.width)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for place, (heading, wide) in enumerate(zip(header, given, strict=False)):
        justify: Literal["left", "right"] = "right" if text is not None and place >= text else "left"
        table.add_column(Text(printable(heading)), justify=justify, overflow="fold", width=wide)
    for line in lines:
        # Not str, of which rich would read markup and names of emoji.
        table.add_row(*(Text("\n".join(map(printable, cell.split("\n")))) for cell in line[: len(given)]))
    # A table's own title would be folded to the table's width.
    console.print(Text(printable(title), style="bold"))
    console.print(table)
    if left := header[len(given) :]:
        print(f"no room in {console.width} columns for: {', '.join(left)}")


def findings(all_findings: Sequence[Finding]) -> None:
    """What an audit found, kind by kind: the first few of each, and how many there are."""
    by_kind: dict[str, list[Finding]] = {}
    for finding in all_findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, of_kind in by_kind.items():
        print(f"{kind}: {len(of_kind)}")
        for finding in of_kind[:FEW]:
            names = ", ".join(finding.images[:FEW]) + (" ..." if len(finding.images) > FEW else "")
            print(printable(f"  {names}: {finding.what}" if names else f"  {finding.what}"))
        if len(of_kind) > FEW:
            print(f"  ... and {len(of_kind) - FEW} more; --json FILE has them all")


def short(bound: float, digits: int = 2) -> str:
    """So many digits behind the point, and no zero alone before it: ``.25``, ``-.25``, ``10.25``."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{bound:.{digits}f}")


def _interval(board: Board, place: int, metric: str, protocol: str) -> str:
    """Over seeds, images and thresholds where the metric is kept draw by draw, else of the networks at
    hand."""
    kept = protocol == "uniform" and board.metrics[metric].is_kept
    bounds = board.interval(place, metric) if kept else None
    bounds = bounds or board.rows[place].of_networks(metric, protocol)
    digits = max(board.metrics[metric].digits - 1, 0)
    low, high = (short(bound, digits) for bound in bounds or (0.0, 0.0))
    return "" if low == high else f"{low}\N{EN DASH}{high}"


def _folds(row: Row, protocol: str) -> None:
    """One line a fold, then mean, spread and the value of all images together."""
    from wsbench.reports.rows import number, shown

    metrics = shown([row], "folds")
    columns = [row.fold_values(metric, protocol) for metric in metrics]
    by_fold = enumerate(zip(*columns, strict=True), start=1)
    lines = [[f"fold {place}", *map(number, values)] for place, values in by_fold]
    lines.append(["mean", *(row.mean(metric, protocol) for metric in metrics)])
    lines.append(["sd over folds", *(row.spread(metric, protocol) for metric in metrics)])
    lines.append(["pooled", *(number(row.pooled(metric, protocol)) for metric in metrics)])
    show(f"{row.label(protocol)}, protocol {protocol}, fold by fold", ["", *metrics], lines, text=1)
    print()


def _protocol(board: Board, protocol: str) -> None:
    """The rows that have a protocol, in the order of the ranking measure."""
    from wsbench.reports.rows import shown

    metrics = shown(board.rows, TERMINAL[protocol])
    cells = []
    for place, row in enumerate(board.rows):
        if protocol not in row.first.protocols:
            continue
        standing = board.standings.get(place)
        ranks = f"{standing.words}{WINNER if standing.winner else ''}" if standing else "-"
        label = "\n".join(textwrap.wrap(row.label(protocol), WIDEST, subsequent_indent="  "))
        cells.append([ranks, label, *(row.mean(metric, protocol) for metric in metrics)])
        if (count := len(row.records) * max(row.folds, 1)) > 1:
            spread = f"  ± over {count} {'folds' if row.folds else 'seeds'}"
            cells.append(["", spread, *(row.spread(metric, protocol) for metric in metrics)])
        cells.append(["", "  95 %", *(_interval(board, place, metric, protocol) for metric in metrics)])
    if cells:
        header = ["rank", "method", *(board.metrics[metric].heading or metric for metric in metrics)]
        show(TITLES[protocol], header, [line for line in cells if any(line[2:])], text=2)
        print()


def results(records: Sequence[Record], metrics: Mapping[str, MetricSpec]) -> None:
    """The main metrics of some runs on the same data, best first, under both protocols.

    Args:
        records: of the runs.
        metrics: by name.
    """
    from wsbench.reports.board import Board
    from wsbench.reports.board_tables import trained_before
    from wsbench.reports.rows import BLIND, BOXED
    from wsbench.runs.evaluation_log import seen_here

    board = Board.of(records, metrics)
    for protocol in TERMINAL:
        _protocol(board, protocol)
    for row in board.rows:
        if row.folds and row.first.method["reads_image"]:
            for protocol in row.first.protocols:
                _folds(row, protocol)
    data = records[0].dataset
    print(f"{data['name']}: {data['images']['test']} test images, {data['boxes']['test']} boxes on them")
    for split, (here, release) in data["subset"].items():
        print(f"a subset: split {split} has {here} of the release's {release} images; compare with nothing")
    if seen := seen_here(records):
        print(f"evaluations of this test split here, so far: {seen}")
    print(f"{BLIND} never looks at the image   {BOXED} uses annotated boxes")
    print("".join(f"{printable(line)}\n" for line in trained_before(board.rows)), end="")
    print(f"rank: by {board.ranked_by}, all ranks that noise leaves open; {WINNER} nothing is surely better")
    if not data["boxes"]["test"]:
        print("no test image has a box: measures of boxes are left out")
