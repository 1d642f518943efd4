"""The tables of the release: boxes and image labels, by reader in the training split."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import wsbench

from ._names import ALSO_WRITTEN, CORNERS, IMAGE, LABEL, NOTHING, READER

EMPTY = ("", "nan", "na", "none", "null")
"""In lower case, what a cell holds that says nothing."""

Cells = Mapping[str, str]


@dataclass
class Said:
    """What the tables say of one image by one reader; the reader is empty where readers agreed on it.

    Attributes:
        labels: the classes that are present.
        boxes: the boxes, in pixels of the original image.
        nothing: whether a row says that there is no finding.
    """

    labels: set[str] = field(default_factory=set)
    boxes: list[wsbench.Box] = field(default_factory=list)
    nothing: bool = False


@dataclass
class Tables:
    """What the tables of one split say.

    Attributes:
        by_reader: whether rows name a reader.
        images: by image, what each reader says of it.
        problems: rows that cannot be understood or that contradict each other.
    """

    by_reader: bool
    images: dict[str, dict[str, Said]] = field(default_factory=lambda: defaultdict(dict))
    problems: list[wsbench.Problem] = field(default_factory=list)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that say what a row is about."""
        return (IMAGE, READER) if self.by_reader else (IMAGE,)

    def said(self, cells: Cells) -> Said:
        """What the reader of a row says of its image so far."""
        return self.images[cells[IMAGE]].setdefault(cells[READER] if self.by_reader else "", Said())

    def report(self, where: str, what: str, kind: str, image: str) -> None:
        """Add a problem with a row; of a row without an image, no image can be left out."""
        self.problems.append(wsbench.Problem(where, what, kind, (image,) if image else ()))


def first_of(root: Path, places: Sequence[str]) -> Path | None:
    """The first of some files that is there."""
    return next((root / place for place in places if (root / place).is_file()), None)


def add_boxes(tables: Tables, path: Path, classes: Sequence[str]) -> None:
    """Add the rows of a table of boxes.

    Args:
        tables: where they are added.
        path: the CSV file.
        classes: the classes that rows may name.

    Raises:
        WsbenchError: the file cannot be read, or lacks a column.
    """
    known = {name.lower(): name for name in classes}
    columns = (*tables.keys, LABEL, *CORNERS)
    seen: dict[tuple[str, ...], int] = {}
    for line, cells in _rows(path, columns):
        where = f"{path.name}, line {line}"
        row = tuple(cells[name] for name in columns)
        if row in seen:
            what = f"repeats line {seen[row]}; it counts once"
            tables.problems.append(wsbench.Problem(where, what, "repeated row", remedy="none"))
            continue
        seen[row] = line
        if fault := _add_box(tables, cells, known):
            tables.report(where, fault, "bad row", cells[IMAGE])


def _add_box(tables: Tables, cells: Cells, known: Mapping[str, str]) -> str:
    """Add a row of a table of boxes, or say what is wrong with it."""
    if empty := [name for name in tables.keys if not cells[name]]:
        return f"{empty[0]} is empty"
    said, word = tables.said(cells), cells[LABEL].lower()
    corners = [cells[name] for name in CORNERS]
    if word == NOTHING.lower():
        said.nothing = True
        return f"says {NOTHING} and has a box" if any(corners) else ""
    if word not in known:
        return f"has the class '{cells[LABEL][:40]}', which is none of the dataset's"
    said.labels.add(known[word])
    if any(corners):
        box = _box(known[word], corners)
        if box is None:
            return f"has the corners {', '.join(corners)[:60]}, which are no box"
        said.boxes.append(box)
    return ""


def _box(label: str, corners: Sequence[str]) -> wsbench.Box | None:
    numbers = [number for cell in corners if (number := _number(cell)) is not None]
    if len(numbers) < len(corners) or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        return None
    x0, y0, x1, y1 = numbers
    return wsbench.Box(label, x0, y0, x1, y1)


def add_labels(tables: Tables, path: Path, classes: Sequence[str]) -> None:
    """Add the rows of a table of image labels, which has a column for every class.

    Args:
        tables: where they are added, after the boxes. Rows that deny a box are problems.
        path: the CSV file.
        classes: the classes whose columns are read.

    Raises:
        WsbenchError: the file cannot be read, or lacks a column.
    """
    for line, cells in _rows(path, tables.keys):
        words = {name: _cell(cells, name) for name in classes}
        if missing := [name for name, word in words.items() if word is None]:
            raise wsbench.WsbenchError(f"vindr: {path} has no column '{missing[0]}'")
        flags = {name: _number(word or "0") for name, word in words.items()}
        said = tables.said(cells)
        boxed = {box.label for box in said.boxes}
        where = f"{path.name}, line {line}"
        if wrong := [name for name, flag in flags.items() if flag not in (0, 1)]:
            tables.report(where, f"{wrong[0]} is neither 0 nor 1", "bad row", cells[IMAGE])
        elif denied := [name for name, flag in flags.items() if not flag and name in boxed]:
            what = f"says 0 for {denied[0]}, of which {cells[IMAGE]} has a box"
            tables.report(where, what, "rows that contradict", cells[IMAGE])
        else:
            said.labels |= {name for name, flag in flags.items() if flag}
            said.nothing |= _number(_cell(cells, NOTHING) or "0") == 1


def _cell(cells: Cells, name: str) -> str | None:
    """The cell of a class in a table of image labels; None where there is no such column."""
    others = [spelling for spelling, known in ALSO_WRITTEN.items() if known == name]
    return next((cells[spelling] for spelling in (name.lower(), *others) if spelling in cells), None)


def contradictions(tables: Tables, findings: Sequence[str]) -> Iterator[wsbench.Problem]:
    """Images of which one reader says both that there is no finding and that there is one."""
    for image, by_reader in tables.images.items():
        for reader, said in by_reader.items():
            if said.nothing and (present := sorted(said.labels & set(findings))):
                who = f"by {reader} " if reader else ""
                what = f"has {who}{NOTHING} and {present[0]}"
                yield wsbench.Problem(image, what, "rows that contradict", (image,))


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Cells]]:
    """The line and the cells, by heading in lower case, of every row that holds something. Cells that say
    nothing are empty."""
    reader = csv.reader(io.StringIO(wsbench.images.read_text(path), newline=""))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if missing := [name for name in columns if name not in header]:
            raise wsbench.WsbenchError(f"vindr: {path} has no column '{missing[0]}'")
        for row in reader:
            if any(map(str.strip, row)):
                texts = [text.strip() for text in (*row, *[""] * (len(header) - len(row)))]
                cells = ["" if text.lower() in EMPTY else text for text in texts]
                yield reader.line_num, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise wsbench.WsbenchError(f"vindr: {path}, line {reader.line_num}: {error}") from None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
