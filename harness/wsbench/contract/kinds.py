"""Specs of the kinds of dataset that entries of datasets.yaml can name, and what they guess of a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsbench.contract.base import Dataset, Source
from wsbench.settings import Settings
from wsbench.utils.names import require_name


@dataclass(frozen=True)
class FolderGuess:
    """The content of a folder, as a kind of dataset guesses it.

    Attributes:
        keys: the keys of an entry of datasets.yaml that describes the folder. They are settings of the kind
            and ``roles``.
        images: the number of images that the entry describes. If several kinds know a folder, the one with
            the most images is taken.
        reasons: a line for each guess that says what was guessed, and from what.
    """

    keys: Mapping[str, Any]
    images: int
    reasons: Sequence[str]


@dataclass(frozen=True)
class DatasetKindSpec:
    """A kind of dataset. An entry of datasets.yaml with ``kind: NAME`` is a dataset of its own.

    Attributes:
        name: the name that users write behind ``kind:``.
        summary: a line that describes the kind.
        settings: the settings model. Users write its fields as keys of their entry. It must not have a field
            that every entry has (``root``, ``roles`` ...).
        load: ``load(settings, source)`` returns a `Dataset`. Import heavy libraries inside.
        guess: ``guess(folder)`` returns a `FolderGuess`, or None if the kind does not know the folder. It is
            used by ``wsbench data new``, which writes no entry of a kind without it.
    """

    name: str
    summary: str
    settings: type[Settings]
    load: Callable[[Any, Source], Dataset]
    guess: Callable[[Path], FolderGuess | None] | None = None

    def __post_init__(self) -> None:
        require_name(self.name, "a kind of dataset")
