"""Numbers as papers print them: shown beside ours, never ranked with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from wsbench.errors import WsbenchError

FOLDER = "published"


class PublishedTable(BaseModel):
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

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    dataset: str
    split: str
    differs: str
    columns: list[str]
    rows: dict[str, list[float | None]]
    notes: dict[str, str] = {}

    @model_validator(mode="after")
    def _rows_fit_columns(self) -> PublishedTable:
        for name, numbers in self.rows.items():
            if len(numbers) != len(self.columns):
                raise ValueError(f"row '{name}' has {len(numbers)} numbers for {len(self.columns)} columns")
        if unknown := set(self.notes) - set(self.rows):
            raise ValueError(f"notes on no row: {', '.join(sorted(unknown))}")
        return self


class Paper(BaseModel):
    """The tables of one paper."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    citation: str
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
    try:
        return Paper.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WsbenchError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WsbenchError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
