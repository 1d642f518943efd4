"""Numbers as papers print them: shown beside ours, never ranked with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from wsbench.files import documents
from wsbench.files.documents import FolderName, Name

FOLDER = "published"

Words = Annotated[str, StringConstraints(max_length=2000), AfterValidator(documents.printable_line)]


class PublishedTable(documents.Document):
    """One table of one paper.

    Attributes:
        table: its number.
        dataset: as wsbench names it.
        split: what the numbers were measured on.
        differs: why they compare with no row of wsbench.
        columns: metric names, with ``/Class`` where a number is of one class.
        rows: by method, a number or null for each column.
        notes: by method.
    """

    table: Name
    dataset: FolderName
    split: Words
    differs: Words
    columns: list[Name]
    rows: dict[Name, list[float | None]]
    notes: dict[Name, Words] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rows_fit_columns(self) -> PublishedTable:
        for name, numbers in self.rows.items():
            if len(numbers) != len(self.columns):
                raise ValueError(f"row '{name}' has {len(numbers)} numbers for {len(self.columns)} columns")
        if unknown := set(self.notes) - set(self.rows):
            raise ValueError(f"notes on no row: {', '.join(sorted(unknown))}")
        return self


class Paper(documents.Document):
    """The tables of one paper."""

    citation: Words
    tables: list[PublishedTable]


def read(leaderboards: Path) -> list[Paper]:
    """The papers of a leaderboards folder, in the order of their files.

    Raises:
        WsbenchError: a file is not of this form; the message names it.
    """
    return [_paper(path) for path in sorted((leaderboards / FOLDER).glob("*.yaml"))]


def datasets(papers: Sequence[Paper]) -> set[str]:
    """The datasets that have published numbers."""
    return {table.dataset for paper in papers for table in paper.tables}


def _paper(path: Path) -> Paper:
    return documents.checked(Paper, documents.yaml_value(documents.read_bytes(path), str(path)), str(path))
