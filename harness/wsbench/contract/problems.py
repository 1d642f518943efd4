"""What is wrong with the files of a dataset, and how things that a table says twice are told from another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from wsbench.utils.deprecation import warn_renamed

Key = TypeVar("Key")
Value = TypeVar("Value")

Remedy = Literal["skip", "fix", "none"]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a dataset's files: which file, and what.

    Attributes:
        file: which file or image.
        what: in words.
        kind: the same words for all problems of a kind.
        images: names of the samples that cannot be trusted because of it.
        remedy: what can be done. ``skip``: a run refuses the data unless ``--skip-bad`` leaves these samples
            out. ``fix``: a run refuses the data until the files are fixed. ``none``: the problem is harmless,
            and only ``wsbench data check`` shows it.
    """

    file: str
    what: str
    kind: str = "bad image"
    images: tuple[str, ...] = ()
    remedy: Remedy = "skip"

    def __post_init__(self) -> None:
        if str(self.remedy) == "mend":
            warn_renamed("Problem(remedy='mend')", "Problem(remedy='fix')")
            object.__setattr__(self, "remedy", "fix")


def one_value_each(pairs: Iterable[tuple[Key, Value]]) -> tuple[dict[Key, Value], dict[Key, list[Value]]]:
    """What each key of a table stands for, and the keys that stand for more than one thing: an id that names
    two images, an image in two lists, two rows of one name that differ. Equal pairs say nothing new.

    Args:
        pairs: key and value of every row, in their order.

    Returns:
        The first value of every key; and of each key with several different values, all of these.
    """
    first: dict[Key, Value] = {}
    several: dict[Key, list[Value]] = {}
    for key, value in pairs:
        if first.setdefault(key, value) == value:
            continue
        values = several.setdefault(key, [first[key]])
        if value not in values:
            values.append(value)
    return first, several
