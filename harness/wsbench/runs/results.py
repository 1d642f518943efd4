"""The records of several runs, as `wsbench.run` gives them for several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self, overload

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.contract.summaries import Drawable, as_html
from wsbench.runs.drops import Drop, drops_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Results(Sequence[Record], Drawable):
    """Records in the order in which they were made: a few lines each at a prompt, a table in a notebook.

    Attributes:
        records: those of the method, one of each seed, those of methods that it builds on and of image-blind
            reference rows, and those of the method on other datasets.
        drops: what the method loses on other datasets, as means over seeds.
    """

    records: tuple[Record, ...]
    drops: tuple[Drop, ...] = ()

    @classmethod
    def of(
        cls, records: Sequence[Record], transfers: Sequence[Record], metrics: Mapping[str, MetricSpec]
    ) -> Self:
        """The records of runs and of their transfers.

        Args:
            records: of runs.
            transfers: of the method on other datasets.
            metrics: all metrics by name.
        """
        return cls((*records, *transfers), tuple(drops_of(transfers, metrics)))

    def transfer(self) -> pd.DataFrame:
        """The drops as a table: dataset, metric, own value, value there, drop, and the ends of its 95 %
        interval. A cell is missing where a value does not exist."""
        import pandas as pd

        rows = []
        for drop in self.drops:
            low, high = drop.interval or (None, None)
            values = {name: value for name, value in asdict(drop).items() if name != "interval"}
            rows.append({**values, "drop": drop.value, "low": low, "high": high})
        columns = ["tested_on", "metric", "own", "there", "drop", "low", "high"]
        return pd.DataFrame(rows, columns=columns)

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
