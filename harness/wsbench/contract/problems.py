"""Problems with the files of a dataset, and contradictions between rows of its tables."""

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
    """A problem with the files of a dataset.

    Attributes:
        file: the file or image.
        what: the problem, in words; it continues the name of the file.
        kind: the title under which `wsbench data check` lists all problems of this kind.
        images: names of the samples that cannot be trusted because of it.
        remedy: what a run does. ``skip``: it refuses the data, unless ``--skip-bad`` leaves out these
            samples. ``fix``: it refuses the data in any case. ``none``: it ignores the problem, which only
            `wsbench data check` reports.
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
    """Find contradictions in a table: an id of two images, an image in two lists, two different rows of one
    name.

    Args:
        pairs: key and value of every row, in the order of the rows. Repeated equal pairs are no
            contradiction.

    Returns:
        The first value of every key, and all values of each key that has several different ones.
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
