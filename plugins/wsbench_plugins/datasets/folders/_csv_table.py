"""A CSV file's rows by heading, with the number of their line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import wsbench

NOTHING = ("", "nan", "na", "n/a", "none", "null")
"""In lower case, what tables have in a cell that says nothing."""


def rows(path: Path, headings: Sequence[str], delimiter: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The number of its line and the cells by heading of every row that holds something. A cell that says
    nothing is empty, also where a program wrote ``nan``.

    Args:
        path: of the file, UTF-8.
        headings: of the columns that are read.
        delimiter: between the cells of a row.

    Raises:
        WsbenchError: the file cannot be read, lacks a column, or is no CSV.
    """
    reader = csv.reader(io.StringIO(wsbench.images.read_text(path), newline=""), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader, [])]
        places = {heading: _place(heading, header, path) for heading in headings}
        for row in reader:
            if any(map(str.strip, row)):
                cells = [*row, *[""] * (len(header) - len(row))]
                yield reader.line_num, {name: _text(cells[place]) for name, place in places.items()}
    except csv.Error as error:
        raise wsbench.WsbenchError(f"{path}, line {reader.line_num}: {error}") from None


def _place(heading: str, header: Sequence[str], path: Path) -> int:
    wsbench.choose(heading, dict.fromkeys(header), f"column of {path}")
    if header.count(heading) > 1:
        raise wsbench.WsbenchError(f"{path} has {header.count(heading)} columns '{heading}'; rename one")
    return header.index(heading)


def _text(cell: str) -> str:
    word = cell.strip()
    return "" if word.lower() in NOTHING else word
