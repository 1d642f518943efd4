"""How wide the columns of a table are, so that every number is there as a whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence


def widths(
    header: Sequence[str], rows: Sequence[Sequence[str]], text: int, gap: int, width: int
) -> list[int]:
    """Characters of each column that is shown, in the order of the columns: numbers whole, the first ``text``
    columns whole where the terminal has room for them, and headings folded where it has not.

    Columns at the right for which there is no room are left out.

    Args:
        header: the headings, which are folded between words, and within one where nothing else helps.
        rows: the cells; a cell of several lines is as wide as its widest.
        text: columns at the left that are always shown.
        gap: characters between two columns.
        width: of the terminal.
    """
    cells = [max((_widest(row[place]) for row in rows), default=0) for place in range(len(header))]
    words = [max(map(len, heading.split()), default=0) for heading in header]
    least = [
        max(cell, word if place < text else 1)
        for place, (cell, word) in enumerate(zip(cells, words, strict=True))
    ]
    shown = len(header)
    while shown > text and sum(least[:shown]) + gap * (shown - 1) > width:
        shown -= 1
    room = width - gap * (shown - 1)
    given = least[:shown]
    for wanted in (words, list(map(len, header))):
        for place in range(shown):
            given[place] += max(0, min(wanted[place] - given[place], room - sum(given)))
    while sum(given) > room and max(given) > 1:  # text alone is too wide: the widest column is folded
        given[given.index(max(given))] -= 1
    return given


def _widest(cell: str) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, cell.splitlines()), default=0)
