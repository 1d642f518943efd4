"""Tables of rows beside the rows of the methods that they build on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wsbench.cli import tables

if TYPE_CHECKING:
    from pathlib import Path

    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.reports.board import Board
    from wsbench.reports.upstream import Built
    from wsbench.scoring.compared import Difference

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
    print("95 %: over seeds, test images and thresholds; (paper): over pairs of seeds alone")


def _pair(built: Built, committed: Board) -> None:
    from wsbench.reports.rows import metrics_of_table

    lines = [_cells(result, result.name) for result in built.differences(committed)]
    for metric in metrics_of_table([built.row], tables.TERMINAL["paper"]):
        if (result := built.difference_over_seeds(metric, "paper")) is not None:
            lines.append(_cells(result, f"{metric} (paper)"))
    own, other = built.row.first.method["name"], built.on.first.method["name"]
    seeds = f"seed {built.on.seeds}" if len(built.on.records) == 1 else f"pairs of seeds {built.on.seeds}"
    tables.show(
        f"{own} less {other}, its {built.role}; {seeds}",
        ["measure", own, other, "difference", "95 %", "p"],
        lines,
        text=1,
        width=WIDTH,
    )


def _cells(result: Difference, name: str) -> list[str]:
    from wsbench.scoring.compared import p_words

    values = [f"{result.first:.3f}", f"{result.second:.3f}", f"{result.difference:+.3f}"]
    if math.isnan(result.p):
        return [name, *values, "-", "-"]
    low, high = result.interval
    return [name, *values, f"{low:+.3f} to {high:+.3f}", p_words(result.p)]
