"""Reads files of answers to prompts, JSON Lines or CSV: a row for each box, and one for an answer without."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError, model_validator

from wsbench.errors import WsbenchError
from wsbench.files.documents import json_value, reason_of
from wsbench.files.user_files import read_text

SUFFIXES = (".jsonl", ".csv")
"""The suffixes of files of answers."""

Side = Annotated[int, Field(ge=1, le=10**6)]
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False, strict=True)]
_FOUR_NUMBERS = TypeAdapter(tuple[Number, Number, Number, Number])
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SEPARATORS = set(" \t,;()[]{}")


class AnswerRow(BaseModel):
    """A row of a file. ``answer`` may hold the text of the model; nothing reads it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: Annotated[str, Field(min_length=1)]
    prompt: str | None = None
    label: str | None = Field(default=None, alias="class")
    box: Any = None
    score: FiniteFloat | None = None
    width: Side | None = None
    height: Side | None = None
    answer: Any = None

    @model_validator(mode="after")
    def _one_prompt(self) -> AnswerRow:
        if (self.prompt is None) == (self.label is None):
            raise ValueError("give either 'prompt' or 'class'")
        if isinstance(self.box, list) and any(isinstance(value, list) for value in self.box):
            raise ValueError("box: has several boxes; write a row for each")
        return self


@dataclass(frozen=True)
class FileRow:
    """A row of a file of answers.

    Attributes:
        line: its line in the file.
        image: the image as the file calls it.
        prompt: the prompt, or the class that stands in its place.
        numbers: the four numbers of its box; None where it has none.
        parsed: whether it was understood. False where something stands for the box that is no box.
        score: the box's score; None where it has none.
        size: width and height of the image as the model saw it; None where the row does not say.
    """

    line: int
    image: str
    prompt: str
    numbers: tuple[float, float, float, float] | None
    parsed: bool
    score: float | None
    size: tuple[int, int] | None


def read_rows(path: Path) -> list[FileRow]:
    """Read a file of answers.

    Args:
        path: a ``.jsonl`` file with an object on each line, or a ``.csv`` file with a heading. Both have
            ``image``, ``prompt`` or ``class``, ``box`` and, optionally, ``score``, ``width``, ``height`` and
            ``answer``. A box is a list of four numbers, or a text of them. ``null`` or an empty cell says
            that the answer names no box.

    Raises:
        WsbenchError: the file cannot be read or a row is wrong. The message names the line.
    """
    values = _csv_rows(path) if path.suffix == ".csv" else _json_rows(path)
    rows = []
    for line, value in values:
        try:
            row = AnswerRow.model_validate(value)
        except ValidationError as error:
            raise WsbenchError(f"{path}, line {line}: {reason_of(error, AnswerRow)}") from None
        numbers, parsed = _box(row.box)
        size = (row.width, row.height) if row.width is not None and row.height is not None else None
        prompt = row.prompt if row.prompt is not None else row.label
        assert prompt is not None
        rows.append(FileRow(line, row.image, prompt, numbers, parsed, row.score, size))
    if not rows:
        raise WsbenchError(f"{path}: has no answers; write a row for every image and prompt")
    return rows


def _json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        if text.strip():
            yield line, json_value(path, text.encode(), f"JSON Lines (line {line})")


def _csv_rows(path: Path) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    try:
        for row in reader:
            if None in row or None in row.values():
                raise WsbenchError(f"{path}, line {reader.line_num}: does not have the cells of the heading")
            yield reader.line_num, {name.strip(): cell for name, cell in row.items() if cell.strip()}
    except csv.Error as error:
        raise WsbenchError(f"{path}, line {reader.line_num}: not CSV: {error}") from None


def _box(value: Any) -> tuple[tuple[float, float, float, float] | None, bool]:
    """Return the four numbers of a box, and whether the value was understood."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None, True
    if isinstance(value, str):
        if not set(_NUMBER.sub("", value)) <= _SEPARATORS:
            return None, False
        value = [float(word) for word in _NUMBER.findall(value)]
    try:
        return _FOUR_NUMBERS.validate_python(value), True
    except ValidationError:
        return None, False
