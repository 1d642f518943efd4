"""Reads a single row of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import wsbench

from ._csv_settings import CsvSettings

FLAGS = {
    "1": True,
    "1.0": True,
    "true": True,
    "yes": True,
    "0": False,
    "0.0": False,
    "false": False,
    "no": False,
}
UNCERTAIN = ("-1", "-1.0")


class RowError(Exception):
    """The reason why a row cannot be understood."""


@dataclass(frozen=True)
class RowContent:
    """The content of a row.

    Attributes:
        label: a class that is present; empty if the row names none.
        box: a box of that class.
        normal: the word by which the row says that the image shows nothing; empty if it does not say so.
        unknown: whether nobody can tell what the image shows.
        labels: all classes of the image; None if no column holds them.
    """

    label: str = ""
    box: wsbench.Box | None = None
    normal: str = ""
    unknown: bool = False
    labels: tuple[str, ...] | None = None


def content_of(cells: Mapping[str, str], settings: CsvSettings) -> RowContent:
    """Read the cells of a row.

    Raises:
        RowError: a cell cannot be understood.
    """
    columns = settings.columns
    if columns.flags or columns.labels is not None:
        labels = _flags(cells, settings) if columns.flags else _labels(cells, settings)
        if labels is None:
            return RowContent(unknown=True)
        row = _of_class(cells, settings) if columns.box else RowContent()
        return RowContent(row.label if row.box else "", row.box, labels=labels)
    return _of_class(cells, settings)


def _of_class(cells: Mapping[str, str], settings: CsvSettings) -> RowContent:
    corners = _corners(cells, settings)
    word = _word(cells, settings, boxed=corners is not None)
    if corners is not None:
        return _boxed(word, corners, settings)
    if word in settings.normal:
        return RowContent(normal=word)
    if settings.columns.box and settings.unboxed != "label":
        unknown = settings.unboxed == "unknown"
        return RowContent(unknown=True) if unknown else RowContent(normal=word or "no box")
    return RowContent(_class(word, settings) or "") if word else RowContent()


def _boxed(word: str, corners: tuple[float, float, float, float], settings: CsvSettings) -> RowContent:
    if not word:
        raise RowError("has a box and no class")
    if word in settings.normal:
        raise RowError(f"has a box and the word '{word}'")
    label = _class(word, settings)
    if label is None:
        return RowContent()
    return RowContent(label, wsbench.Box(label, *corners, word if word != label else ""))


def _word(cells: Mapping[str, str], settings: CsvSettings, *, boxed: bool) -> str:
    if settings.columns.label is not None:
        return cells[settings.columns.label]
    return settings.only_class or "" if boxed else ""


def _class(word: str, settings: CsvSettings) -> str | None:
    """The class of a word; None for one that is passed over."""
    if not settings.classes:
        return word
    if word not in settings.classes:
        raise RowError(f"names the class '{word}', which is neither in classes nor in normal")
    return settings.classes[word]


def _corners(cells: Mapping[str, str], settings: CsvSettings) -> tuple[float, float, float, float] | None:
    """x0, y0, x1, y1 in pixels; None for a row without a box."""
    headings = settings.columns.box
    empty = [heading for heading in headings if not cells[heading]]
    if len(empty) == len(headings):
        return None
    if empty:
        raise RowError(f"has a part of a box: {empty[0]} is empty")
    a, b, c, d = (_number(cells[heading], heading) for heading in headings)
    return (a, b, c, d) if settings.columns.x is None else wsbench.geometry.xywh_to_xyxy((a, b, c, d))


def _number(word: str, heading: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RowError(f"{heading} is '{word[:40]}', which is no number")
    return number


def _flags(cells: Mapping[str, str], settings: CsvSettings) -> tuple[str, ...] | None:
    """The classes whose flag is set; None where that is not known."""
    labels = []
    for heading in settings.columns.flags:
        word = cells[heading]
        if word in UNCERTAIN:
            if settings.uncertain == "unknown":
                return None
            present = settings.uncertain == "present"
        elif (flag := FLAGS.get(word.lower(), None if word else False)) is None:
            raise RowError(f"{heading} is '{word[:40]}', which is neither 1 nor 0")
        else:
            present = flag
        if present and (label := _class(heading, settings)) is not None:
            labels.append(label)
    return tuple(dict.fromkeys(labels))


def _labels(cells: Mapping[str, str], settings: CsvSettings) -> tuple[str, ...]:
    assert settings.columns.labels is not None
    cell = cells[settings.columns.labels]
    words = [word.strip() for word in cell.split(settings.separator) if word.strip()]
    normal = [word for word in words if word in settings.normal]
    if normal and len(normal) < len(words):
        raise RowError(f"has the labels {cell[:60]}")
    known = (_class(word, settings) for word in words if word not in normal)
    return tuple(dict.fromkeys(label for label in known if label is not None))
