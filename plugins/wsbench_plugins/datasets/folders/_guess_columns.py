"""What the columns of a table hold, by their headings and by their cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wsbench

from ._csv_rows import FLAGS, UNCERTAIN
from ._csv_settings import CORNERS, SIZES, CsvSettings
from ._csv_table import NOTHING

DELIMITERS = (",", ";", "\t")

BOXES = (
    (CORNERS, (("xmin", "ymin", "xmax", "ymax"), ("x0", "y0", "x1", "y1"), ("x1", "y1", "x2", "y2"),
               ("left", "top", "right", "bottom"))),
    (SIZES, (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("bboxx", "bboxy", "bboxw", "bboxh"),
             ("bboxx", "y", "w", "h"), ("left", "top", "width", "height"),
             ("xmin", "ymin", "width", "height"))),
)  # fmt: skip
"""By what a box's columns are, the plain headings that they may have; `plain` says what is plain."""

LABELS = (
    "label", "class", "classname", "finding", "findinglabel", "findinglabels", "labels", "category",
    "disease", "pathology", "diagnosis",
)  # fmt: skip
PATIENTS = ("patient", "patientid", "patientkey", "subject", "subjectid")
SPLITS = ("split", "set", "subset", "partition", "phase")
SEPARATORS = ("|", ";")
NORMAL = ("nofinding", "nofindings", "normal", "healthy", "negative", "none", "0")


def plain(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@dataclass(frozen=True)
class Table:
    """A CSV file as its cells.

    Attributes:
        path: of the file.
        delimiter: between cells.
        header: the headings.
        rows: the cells of every row, as many as headings; those that say nothing are empty.
    """

    path: Path
    delimiter: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]

    def cells(self, heading: str) -> list[str]:
        """Of a column."""
        place = self.header.index(heading)
        return [row[place] for row in self.rows]

    def heading(self, known: Sequence[str], but: Sequence[str]) -> str | None:
        """The first heading that is one of some plain words; None where none is."""
        return next((name for name in self.header if plain(name) in known and name not in but), None)


def read(path: Path) -> Table | None:
    """A table; None where a file is none that can be understood."""
    try:
        text = wsbench.images.read_text(path)
        first = text.split("\n", 1)[0]
        delimiter = max(DELIMITERS, key=first.count)
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except (wsbench.WsbenchError, ValueError, csv.Error):
        return None
    names = tuple(name.strip() for name in header)
    width = len(names)
    cells = [[_text(cell) for cell in [*row, *[""] * width][:width]] for row in rows if any(row)]
    filled = [name for name in names if name]
    sound = len(filled) > 1 and len(set(filled)) == len(filled) and cells
    return Table(path, delimiter, names, cells) if sound else None


def _text(cell: str) -> str:
    word = cell.strip()
    return "" if word.lower() in NOTHING else word


def box_columns(table: Table) -> dict[str, str]:
    """The headings of a box's columns by what they are; empty where the table has none."""
    by_plain = {plain(name): name for name in table.header}
    for names, choices in BOXES:
        for choice in choices:
            if all(word in by_plain for word in choice):
                return {name: by_plain[word] for name, word in zip(names, choice, strict=True)}
    return {}


def size_columns(table: Table, taken: Sequence[str]) -> dict[str, str]:
    """The headings of the columns of an image's size."""
    by_plain = {plain(name): name for name in table.header if name not in taken}
    for width, height in (("imagewidth", "imageheight"), ("width", "height")):
        if width in by_plain and height in by_plain:
            return {"image_width": by_plain[width], "image_height": by_plain[height]}
    return {}


def is_flag(cells: Sequence[str]) -> bool:
    """Whether cells say of images whether something is there: some that it is, and nothing else."""
    words = {cell.lower() for cell in cells}
    return bool(words & {"1", "1.0"}) and words <= {"", *FLAGS, *UNCERTAIN}


def label_keys(table: Table, heading: str, *, boxed: bool) -> tuple[dict[str, str], dict[str, Any]]:
    """The keys of ``columns``, and those of the entry, for a column of classes."""
    words = set(table.cells(heading)) - {""}
    separator = next((sign for sign in SEPARATORS if any(sign in word for word in words)), "")
    if not separator or boxed:
        return {"label": heading}, _normal_keys(words)
    parts = {part.strip() for word in words for part in word.split(separator)}
    return {"labels": heading}, _normal_keys(parts) | ({"separator": separator} if separator != "|" else {})


def _normal_keys(words: Iterable[str]) -> dict[str, Any]:
    """The key ``normal``, where words that the default does not know say that an image shows nothing."""
    normal = sorted(word for word in words if plain(word) in NORMAL)
    known = set(normal) <= set(CsvSettings.model_fields["normal"].default)
    return {} if known else {"normal": normal}
