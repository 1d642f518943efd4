"""The records of several runs, as `wsbench.run` gives them for several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from wsbench.contract.records import Record
from wsbench.contract.summaries import as_html


@dataclass(frozen=True, repr=False)
class Results(Sequence[Record]):
    """Records in the order in which they were made: a few lines each at a prompt, a table in a notebook.

    Attributes:
        records: those of the method, one of each seed, and those of image-blind reference rows.
    """

    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Results: ...

    def __getitem__(self, index: int | slice) -> Record | Results:
        return Results(self.records[index]) if isinstance(index, slice) else self.records[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.records))

    def _repr_html_(self) -> str:
        return as_html(self.records)
