"""What runs cost: seconds and memory."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from wsbench.reports.costs import MEMORY, TIME, TRAINING, Column, machine
from wsbench.reports.plots.points import MOST_SERIES, Absent
from wsbench.reports.plots.run_data import RunData, series_of

COLUMNS: tuple[Column, ...] = (TRAINING, TIME[0], *MEMORY)
"""Of the table of costs: training, the median time for an image, and memory."""


@dataclass(frozen=True)
class Cost:
    """One number of the table of costs.

    Attributes:
        heading: its column, with the unit.
        label: the method with its settings.
        values: one for each seed that was measured.
        text: the median as the table shows it.
    """

    heading: str
    label: str
    values: tuple[float, ...]
    text: str

    @property
    def median(self) -> float:
        """The median over seeds."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Costs:
    """What several methods cost.

    Attributes:
        costs: in the order of columns, then of methods.
        machines: on which they were measured.
    """

    costs: tuple[Cost, ...]
    machines: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        """The methods, as often as they have a number."""
        return [cost.label for cost in self.costs]


def costs(runs: Sequence[RunData]) -> Costs | Absent:
    """What was measured of the runs, in the columns of the table of costs."""
    all_series = series_of(runs)[:MOST_SERIES]
    machines: dict[str, None] = {}
    result = []
    for column in COLUMNS:
        for series in all_series:
            measured = [run.record.efficiency for run in series.runs if run.record.efficiency is not None]
            values = tuple(value for of_run in measured if (value := column.value(of_run)) is not None)
            machines |= dict.fromkeys(machine(of_run) for of_run in measured)
            if values:
                text = column.text(statistics.median(values))
                result.append(Cost(column.heading, series.label, values, text))
    return Costs(tuple(result), tuple(machines)) if result else Absent("no run has measured what it costs")
