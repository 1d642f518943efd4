"""The rows of tables, each with what it says of its image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import wsbench

from ._csv_rows import RowContent, RowError, content_of
from ._csv_settings import CsvSettings
from ._csv_table import rows
from ._words import by_split


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        file: the image, as the table writes it.
        split: that the table or its column says; empty where neither does.
        where: file and line, for messages.
        said: what it says of its image.
        patient: that it names; None without such a column.
        size: width and height of the image that was annotated, where it says them.
        fault: why it cannot be understood; empty where it can.
        of_boxes: whether it stands in the table of boxes, which says nothing else of images.
    """

    file: str
    split: str
    where: str
    said: RowContent
    patient: str | None
    size: tuple[int, int] | None = None
    fault: str = ""
    of_boxes: bool = False


def read_rows(settings: CsvSettings, root: Path, problems: list[wsbench.Problem]) -> Iterator[Row]:
    """The rows of all tables of images.

    Args:
        settings: which tables, and their columns.
        root: the dataset's folder.
        problems: to which rows are added that name no image.

    Raises:
        WsbenchError: a table cannot be read, or lacks a column.
    """
    columns = settings.columns
    for split, file in by_split(settings.table).items():
        of_table = split if not isinstance(settings.table, str) else ""
        for line, cells in rows(root / file, columns.headings, settings.delimiter):
            where = f"{file}, line {line}"
            own_split = of_table if columns.split is None else cells[columns.split]
            if not cells[columns.image]:
                problems.append(wsbench.Problem(where, f"{columns.image} is empty", "bad row"))
            elif columns.split is not None and not own_split:
                problems.append(wsbench.Problem(where, f"{columns.split} is empty", "bad row"))
            else:
                yield _row(cells, own_split, where, settings)


def read_box_rows(settings: CsvSettings, root: Path, problems: list[wsbench.Problem]) -> Iterator[Row]:
    """The rows of the tables of boxes; none where there is no such table."""
    if settings.boxes is None or settings.box_columns is None:
        return
    changed = {"table": settings.boxes, "columns": settings.box_columns, "unboxed": "label"}
    for row in read_rows(settings.model_copy(update=changed), root, problems):
        fault = row.fault or ("" if row.said.box is not None or not row.said.label else "has no box")
        yield replace(row, split="", of_boxes=True, fault=fault)


def _row(cells: Mapping[str, str], split: str, where: str, settings: CsvSettings) -> Row:
    columns = settings.columns
    patient = None if columns.patient is None else cells[columns.patient] or None
    row = Row(cells[columns.image], split, where, RowContent(), patient)
    try:
        return replace(row, said=content_of(cells, settings), size=_size(cells, settings))
    except RowError as error:
        return replace(row, fault=str(error))


def _size(cells: Mapping[str, str], settings: CsvSettings) -> tuple[int, int] | None:
    columns = settings.columns
    if columns.image_width is None or columns.image_height is None:
        return None
    words = cells[columns.image_width], cells[columns.image_height]
    if not any(words):
        return None
    try:
        return int(float(words[0])), int(float(words[1]))
    except (ValueError, OverflowError):
        raise RowError(
            f"the image is {words[0][:20]} x {words[1][:20]} pixels, which are no numbers"
        ) from None
