"""Published numbers, as papers print them. They are shown beside the tables and never ranked."""

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
        table: number of the table in the paper.
        dataset: the dataset's name in wsbench.
        split: the data that the numbers were measured on.
        differs: why the numbers cannot be compared with rows of wsbench.
        columns: metric names, with ``/Class`` where a number is of one class.
        rows: a number or null for each column, by method.
        decimals: the decimal places that the paper prints; by default as many as a number needs.
        notes: remarks, by method.
    """

    table: Name
    dataset: FolderName
    split: Words
    differs: Words
    columns: list[Name]
    rows: dict[Name, list[float | None]]
    decimals: int | None = Field(None, ge=0, le=12)
    notes: dict[Name, Words] = Field(default_factory=dict)

    def printed(self, number: float | None) -> str:
        """Return a number with the zeros that the paper prints; ``-`` where there is none."""
        if number is None:
            return "-"
        return f"{number:g}" if self.decimals is None else f"{number:.{self.decimals}f}"

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


def read_papers(leaderboards: Path) -> list[Paper]:
    """Read the papers of a leaderboards folder, in the order of their files.

    Raises:
        WsbenchError: a file does not have this form; the message names it.
    """
    return [_paper(path) for path in sorted((leaderboards / FOLDER).glob("*.yaml"))]


def datasets(papers: Sequence[Paper]) -> set[str]:
    """The datasets that have published numbers."""
    return {table.dataset for paper in papers for table in paper.tables}


def _paper(path: Path) -> Paper:
    return documents.checked(Paper, documents.yaml_value(documents.read_bytes(path), str(path)), str(path))
