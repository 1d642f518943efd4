"""The widths of a table's columns, such that every number is shown completely or not at all."""

from __future__ import annotations

from collections.abc import Sequence


def widths(
    header: Sequence[str], rows: Sequence[Sequence[str]], text: int, gap: int, width: int
) -> list[int]:
    """The width of each column that is shown, in characters.

    Numbers are never folded. Headings and the first ``text`` columns are folded where the terminal is too
    narrow. Columns at the right for which there is no room are left out.

    Args:
        header: the headings. They are folded between words, and within a word only if nothing else helps.
        rows: the cells. A cell with several lines is as wide as its widest line.
        text: number of columns at the left that are always shown.
        gap: number of characters between two columns.
        width: width of the terminal, in characters.

    Returns:
        The widths, in the order of the columns.
    """
    cells = [max((_widest(row[column]) for row in rows), default=0) for column in range(len(header))]
    words = [max(map(len, heading.split()), default=0) for heading in header]
    least = [
        max(cell, word if column < text else 1)
        for column, (cell, word) in enumerate(zip(cells, words, strict=True))
    ]
    shown = len(header)
    while shown > text and sum(least[:shown]) + gap * (shown - 1) > width:
        shown -= 1
    room = width - gap * (shown - 1)
    assigned = least[:shown]
    for targets in (words, list(map(len, header))):
        for column in range(shown):
            assigned[column] += max(0, min(targets[column] - assigned[column], room - sum(assigned)))
    while (
        sum(assigned) > room and max(assigned) > 1
    ):  # even the text columns are too wide: fold the widest one
        assigned[assigned.index(max(assigned))] -= 1
    return assigned


def _widest(cell: str) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, cell.splitlines()), default=0)
