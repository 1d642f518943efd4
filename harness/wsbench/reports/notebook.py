"""What a notebook shows of finished runs: rows with their ranks, and the worst images with their boxes."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.contract.summaries import html_table, in_words
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError, printable
from wsbench.reports import pictures
from wsbench.reports.board import Board
from wsbench.reports.cases import OUTCOMES, cases_with_outcomes
from wsbench.reports.rows import Row, compared_metrics
from wsbench.reports.tabular.sections import table_key
from wsbench.utils.progress import Silent

if TYPE_CHECKING:
    import pandas as pd

PROTOCOL = "uniform"


@dataclass(frozen=True, repr=False)
class Ranking:
    """Rows with their ranks. It prints as text, and shows as a table in a notebook.

    Attributes:
        board: the rows.
    """

    board: Board

    @classmethod
    def of(cls, records: Iterable[Record], metrics: Mapping[str, MetricSpec]) -> Ranking:
        """Rank the rows of some records.

        Args:
            records: of runs that were tested on the same images.
            metrics: all metrics by name.

        Raises:
            WsbenchError: there is no record, or two of them do not share a table.
        """
        known = list(records)
        if not known:
            raise WsbenchError("no record was given; give some of finished runs")
        keys = [table_key(record, metrics) for record in known]
        for record, key in zip(known, keys, strict=True):
            if key != keys[0]:
                names = f"{record.method['name']} and {known[0].method['name']}"
                raise WsbenchError(f"{names} were not tested on the same images; rank them apart")
        return cls(Board.of(known, metrics))

    def table(self) -> pd.DataFrame:
        """The rows, best first: ``ranks`` (an interval that holds for all rows together), ``method``,
        ``seeds``, and for each metric that rows are compared by its mean, and the ends of its 95 % interval
        as ``METRIC low`` and ``METRIC high``. A cell is missing where a value does not exist."""
        import pandas as pd

        rows = []
        for index, row in enumerate(self.board.rows):
            values: dict[str, object] = {"ranks": self._ranks(index), "method": row.label(PROTOCOL)}
            values["seeds"] = len(row.records)
            for name in self._metrics:
                low, high = self._interval(index, name) or (None, None)
                values |= {name: self._mean(row, name), f"{name} low": low, f"{name} high": high}
            rows.append(values)
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return str(self.table().to_string(index=False))

    def _repr_html_(self) -> str:
        header = ["ranks", "method", "seeds", *self._metrics]
        rows = []
        for index, row in enumerate(self.board.rows):
            cells = [in_words(self._mean(row, name), self._interval(index, name)) for name in self._metrics]
            rows.append([self._ranks(index), row.label(PROTOCOL), row.seeds, *cells])
        return html_table(header, rows)

    @property
    def _metrics(self) -> list[str]:
        return compared_metrics(self.board.rows[0])

    def _ranks(self, index: int) -> str:
        standing = self.board.standings.get(index)
        return standing.words if standing is not None else "-"

    def _mean(self, row: Row, metric: str) -> float | None:
        values = [value for value in row.values(metric, PROTOCOL) if value is not None]
        return sum(values) / len(values) if values and len(values) == len(row.records) else None

    def _interval(self, index: int, metric: str) -> tuple[float, float] | None:
        several = len(self.board.rows[index].records) > 1
        over_seeds = self.board.interval(index, metric) if several else None
        return over_seeds or self.board.rows[index].of_networks(metric, PROTOCOL)


@dataclass(frozen=True)
class Case:
    """A test image that counts for a class.

    Attributes:
        image: its name.
        label: the class.
        outcome: ``tp``, ``fp``, ``fn`` or ``tn``.
    """

    image: str
    label: str
    outcome: str


@dataclass(frozen=True, repr=False)
class Cases(Sequence[Case]):
    """Test images, the worst first. They show with their truth, boxes and maps in a notebook.

    Attributes:
        cases: in the order of classes, then of outcomes.
        record: the run.
        loaded: its dataset.
        plugins: all plugins.
        protocol: whose operating points and boxes count.
    """

    cases: tuple[Case, ...]
    record: Record
    loaded: Loaded
    plugins: Plugins
    protocol: str = PROTOCOL

    @classmethod
    def of(
        cls,
        record: Record,
        loaded: Loaded,
        plugins: Plugins,
        classes: Sequence[str],
        outcomes: Sequence[str],
        each: int,
        protocol: str = PROTOCOL,
    ) -> Cases:
        """Choose the worst images of every class and outcome.

        Args:
            record, loaded, classes, outcomes, each, protocol: as in
                `wsbench.reports.cases.cases_with_outcomes`.
            plugins: all plugins.

        Raises:
            WsbenchError: no image has any of the outcomes.
        """
        chosen = cases_with_outcomes(record, loaded, classes, outcomes, each, protocol)
        return cls(tuple(Case(*case) for case in chosen), record, loaded, plugins, protocol)

    def __len__(self) -> int:
        return len(self.cases)

    @overload
    def __getitem__(self, index: int) -> Case: ...

    @overload
    def __getitem__(self, index: slice) -> Cases: ...

    def __getitem__(self, index: int | slice) -> Case | Cases:
        if not isinstance(index, slice):
            return self.cases[index]
        return Cases(self.cases[index], self.record, self.loaded, self.plugins, self.protocol)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def __repr__(self) -> str:
        lines = [printable(f"{case.label}, {case.outcome}: {case.image}") for case in self.cases]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [[case.label, f"{case.outcome}: {OUTCOMES[case.outcome]}", case.image] for case in self.cases]
        return html_table(["class", "outcome", "image", "picture"], rows, pictures=self._pictures())

    def _pictures(self) -> list[str]:
        """A picture of every case, as an address that holds it."""
        pairs = [(case.image, case.label) for case in self.cases]
        drawn = pictures.drawings(self.record, self.loaded, self.plugins, pairs, Silent(), self.protocol)
        return [_as_address(drawing) for drawing in drawn]


def _as_address(drawing: pictures.Drawing) -> str:
    """A JPEG file, which is a quarter of the size of a PNG file of a radiograph."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.png"
        pictures.draw([[drawing]], path)
        file = io.BytesIO()
        with Image.open(path) as picture:
            picture.convert("RGB").save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
