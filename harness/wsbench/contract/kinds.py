"""What a plugin hands over that turns entries of datasets.yaml into datasets: kinds, and their guesses."""

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
    """What a folder of images seems to hold, as a kind of dataset sees it.

    Attributes:
        keys: of an entry of datasets.yaml that describes the folder: settings of the kind, and ``roles``.
        images: how many images the entry describes; where several kinds know a folder, most images win.
        reasons: one line for each thing that was guessed: what, and from what.
    """

    keys: Mapping[str, Any]
    images: int
    reasons: Sequence[str]


@dataclass(frozen=True)
class DatasetKindSpec:
    """A kind of dataset. An entry of datasets.yaml that says ``kind: NAME`` is a dataset of its own.

    Attributes:
        name: what users write behind ``kind:``.
        summary: one line.
        settings: the settings model. Users write its fields as keys of their entry, beside those that every
            entry has (``root``, ``roles`` ...), so it must not have fields of these names.
        load: ``load(settings, source)`` -> `Dataset`; import heavy libraries inside.
        guess: ``guess(folder)`` -> `FolderGuess`, for ``wsbench data new``; None where it does not know the
            folder. Without it, ``data new`` never writes an entry of this kind.
    """

    name: str
    summary: str
    settings: type[Settings]
    load: Callable[[Any, Source], Dataset]
    guess: Callable[[Path], FolderGuess | None] | None = None

    def __post_init__(self) -> None:
        require_name(self.name, "a kind of dataset")
