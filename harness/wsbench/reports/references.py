"""Rows that classify worse than a reference classifier of their table, such as one that sees a thumbnail."""

from __future__ import annotations

from collections import defaultdict

from wsbench.contract.protocol import RANKED_WITHOUT_BOXES
from wsbench.errors import printable
from wsbench.reports.board import Board
from wsbench.scoring.compared import Difference, difference
from wsbench.scoring.significance import LEVEL, holm


def below(board: Board) -> dict[int, list[tuple[int, Difference]]]:
    """Find the rows whose AUC is below that of a reference row by more than noise.

    Every row that looks at the image is compared with every reference row (`MethodSpec.reference`). The p
    values are corrected over all these pairs, so the chance that any row is listed wrongly is at most 5 %.

    Args:
        board: the table.

    Returns:
        By the index of the reference row, the indices of the rows that are below it with the differences
        ``row - reference``, in the order of the table.
    """
    if RANKED_WITHOUT_BOXES not in board.metrics:
        return {}
    estimates = {index: row.estimate(RANKED_WITHOUT_BOXES) for index, row in enumerate(board.rows)}
    known = {index: estimate for index, estimate in estimates.items() if estimate is not None}
    references = [index for index in known if _reference(board, index)]
    others = [index for index in known if index not in references and not board.rows[index].is_blind]
    prior = board.prior(RANKED_WITHOUT_BOXES)
    pairs = [(index, other) for index in references for other in others]
    compared = [difference(RANKED_WITHOUT_BOXES, known[other], known[index], prior) for index, other in pairs]
    corrected = holm([result.p for result in compared])
    result: dict[int, list[tuple[int, Difference]]] = defaultdict(list)
    for (index, other), less, p in zip(pairs, compared, corrected, strict=True):
        if p < LEVEL and less.difference < 0:
            result[index].append((other, less))
    return dict(result)


def lines(board: Board) -> list[str]:
    """A line for each reference row that some rows are below; none without such rows.

    Args:
        board: the table.
    """
    text = board.metrics[RANKED_WITHOUT_BOXES].text if RANKED_WITHOUT_BOXES in board.metrics else str
    return [
        f"Worse classifiers than {board.rows[index].label('uniform')} (`{RANKED_WITHOUT_BOXES}` "
        f"{text(rows[0][1].second)}), {_reference(board, index)}: "
        + ", ".join(f"{board.rows[other].label('uniform')} ({text(less.first)})" for other, less in rows)
        + "."
        for index, rows in below(board).items()
    ]


def _reference(board: Board, index: int) -> str:
    return printable(board.rows[index].first.method.get("reference", ""))
