"""Types of settings that people write in YAML by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


def _word(value: Any) -> Any:
    """A number as the word that a table has. YAML reads `no` and `yes` as truth values, not as words."""
    if isinstance(value, bool):
        raise ValueError(f"YAML reads it as {str(value).lower()}; write it in quotes")
    return str(value) if isinstance(value, int | float) else value


def _words_as_keys(value: Any) -> Any:
    return {_word(key): inner for key, inner in value.items()} if isinstance(value, Mapping) else value


def _inside(paths: Any) -> Any:
    for path in paths.values() if isinstance(paths, Mapping) else [paths]:
        parts = PureWindowsPath(path)  # it knows both separators, and drives
        if parts.anchor or ".." in parts.parts:
            raise ValueError("must be a path inside the dataset's folder")
    return paths


def _differ(levels: tuple[float, float]) -> tuple[float, float]:
    if levels[0] == levels[1]:
        raise ValueError("black and white must be different values")
    return levels


Levels = Annotated[tuple[float, float], AfterValidator(_differ)]
"""The values of an image that are black and white."""

Word = Annotated[str, BeforeValidator(_word)]
"""A word of a table, which may look like a number."""

PlaceInside = Annotated[str, AfterValidator(_inside)]
"""A file or folder inside the dataset's folder."""

BySplit = Annotated[dict[Word, str], BeforeValidator(_words_as_keys), AfterValidator(_inside)]
"""A file or folder inside the dataset's folder for every split."""

Places = Annotated[str | dict[Word, str], BeforeValidator(_words_as_keys), AfterValidator(_inside)]
"""A file or folder inside the dataset's folder, or one for every split."""

ClassMap = Annotated[dict[Word, Word | None], BeforeValidator(_words_as_keys)]
"""By the word in the files, the class that it is; None for a word that is passed over."""

ONE_SPLIT = "all"
"""The split of all images, where no setting says which split an image belongs to."""


def by_split(value: str | Mapping[str, str]) -> Mapping[str, str]:
    """A file or folder for every split; a single one is that of all images."""
    return {ONE_SPLIT: value} if isinstance(value, str) else value
