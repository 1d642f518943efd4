"""Tables of rows beside the rows of the methods that they build on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wsbench.cli import tables

if TYPE_CHECKING:
    from pathlib import Path

    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.reports.board import Board
    from wsbench.reports.upstream import Built

WIDTH = 79


def show(records: Sequence[Record], metrics: Mapping[str, MetricSpec], leaderboards: Path) -> None:
    """Print the difference of every method to each method that it builds on and that has records, too.

    Args:
        records: records on the same data.
        metrics: all metrics by name.
        leaderboards: the folder of all leaderboards. Its rows say how much seeds vary.
    """
    from wsbench.reports.board import Board
    from wsbench.reports.sides import committed_table
    from wsbench.reports.upstream import built_on

    pairs = built_on(Board.of(records, metrics).rows)
    if not pairs:
        return
    committed = committed_table(records[0], metrics, leaderboards)
    for built in pairs:
        print()
        _pair(built, committed)
    print("95 %: over seeds, test images and thresholds; -: records keep no draws of it")


def _pair(built: Built, committed: Board) -> None:
    from wsbench.scoring.compared import p_words

    differences = built.differences(committed)
    own, other = built.row.first.method["name"], built.on.first.method["name"]
    lines = [
        [
            result.name,
            f"{result.first:.3f}",
            f"{result.second:.3f}",
            f"{result.difference:+.3f}",
            f"{result.interval[0]:+.3f} to {result.interval[1]:+.3f}",
            p_words(result.p),
        ]
        for result in differences
    ]
    lines += _of_paper(built)
    seeds = f"seed {built.on.seeds}" if len(built.on.records) == 1 else f"pairs of seeds {built.on.seeds}"
    tables.show(
        f"{own} less {other}, its {built.role}; {seeds}",
        ["measure", own, other, "difference", "95 %", "p"],
        lines,
        text=1,
        width=WIDTH,
    )


def _of_paper(built: Built) -> list[list[str]]:
    """A line for each metric that the terminal shows of protocol ``paper``, without an interval."""
    from wsbench.reports.rows import metrics_of_table

    lines = []
    for metric in metrics_of_table([built.row], tables.TERMINAL["paper"]):
        values = [
            [row_value for row_value in row.values(metric, "paper") if row_value is not None]
            for row in (built.row, built.on)
        ]
        if all(len(of_row) == len(built.on.records) for of_row in values):
            own, other = (sum(of_row) / len(of_row) for of_row in values)
            cells = [f"{own:.3f}", f"{other:.3f}", f"{own - other:+.3f}", "-", "-"]
            lines.append([f"{metric} (paper)", *cells])
    return lines
