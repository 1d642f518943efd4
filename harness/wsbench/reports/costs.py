"""Tables of efficiency: their columns, and the table of a leaderboard."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wsbench.reports.rows import Row
from wsbench.reports.tabular import form
from wsbench.reports.tabular.form import ROW, Line, Table

Efficiency = Mapping[str, Any]
"""The values of `Record.efficiency`."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        heading: heading with the unit.
        value: returns the value of an efficiency; None where it does not exist.
        text: returns a value as text.
    """

    heading: str
    value: Callable[[Efficiency], float | None]
    text: Callable[[float], str]

    def cell(self, efficiency: Iterable[Efficiency]) -> str:
        """The median over the runs that have a value; a dash if none has."""
        values = [value for run in efficiency if (value := self.value(run)) is not None]
        return self.text(statistics.median(values)) if values else "-"


def short_number(value: float) -> str:
    """A number with three significant digits and k, M, G or T: 230882 -> ``231 k``."""
    for factor, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= factor:
            return three_digits(value / factor) + letter
    return three_digits(value)


def three_digits(value: float) -> str:
    """A number with three significant digits and no exponent. Whole numbers below 1000 have no decimal
    places."""
    if value == 0 or (value == round(value) and value < 1000):
        return str(round(value))
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _of(name: str) -> Callable[[Efficiency], float | None]:
    return lambda efficiency: efficiency.get(name)


def _megabytes(name: str) -> Callable[[Efficiency], float | None]:
    return lambda efficiency: None if efficiency.get(name) is None else efficiency[name] / 2**20


def _per_image(efficiency: Efficiency) -> float | None:
    """Time to train on one image, in milliseconds."""
    images = efficiency.get("training_images")
    return 1000 * efficiency["training_seconds"] / images if images else None


NETWORK = (
    Column("parameters", _of("parameters"), short_number),
    Column("MACs forward", _of("forward_macs"), short_number),
    Column("MACs", _of("macs"), short_number),
    Column("FLOPs", _of("flops"), short_number),
    Column("file MiB", _megabytes("model_bytes"), three_digits),
)
TIME = (
    Column("median ms", _of("latency_median_ms"), three_digits),
    Column("p95 ms", _of("latency_p95_ms"), three_digits),
    Column("images/s", _of("images_per_second"), short_number),
)
MEMORY = (
    Column("predict MiB", _megabytes("inference_bytes"), three_digits),
    Column("train MiB", _megabytes("training_bytes"), three_digits),
)
TRAINING = Column("train s", _of("training_seconds"), three_digits)
TRAINING_AN_IMAGE = Column("train ms/image", _per_image, three_digits)


def machine(efficiency: Efficiency) -> str:
    """The machine of the measurement, and the device of the training if it is another one."""
    count = efficiency["threads"]
    threads = f", {count} thread{'s' if count > 1 else ''}" if count else ""
    elsewhere = efficiency["trained_on"].partition(":")[0] != efficiency["device"].partition(":")[0]
    trained = f"; trained on {efficiency['trained_on']}" if elsewhere else ""
    return f"{efficiency['device']} ({efficiency['hardware']}{threads}){trained}"


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """The header and the cells of `board_table` as texts."""
    of_board = board_table(rows)
    return [column.name for column in of_board.columns], of_board.texts()


def board_table(rows: Sequence[Row]) -> Table:
    """The table of costs, with one line for each row and machine. Values are medians over seeds. Rows without
    an efficiency have no line."""
    columns = (*NETWORK, *TIME, *MEMORY, TRAINING)
    lines = []
    for index, row in enumerate(rows):
        machines: dict[str, list[Efficiency]] = defaultdict(list)
        for record in row.records:
            if record.efficiency is not None:
                machines[machine(record.efficiency)].append(record.efficiency)
        for where, efficiency in sorted(machines.items()):
            cells = {column.heading: (_known(column.cell(efficiency)),) for column in columns}
            lines.append(Line({ROW: (row.label("uniform"),), "measured on": (where,), **cells}, index))
    words = (form.Column(ROW, numeric=False), form.Column("measured on", numeric=False))
    headings = tuple(form.Column(column.heading) for column in columns)
    return Table("costs", (*words, *headings), tuple(lines))


def _known(text: str) -> str:
    return "" if text == "-" else text
