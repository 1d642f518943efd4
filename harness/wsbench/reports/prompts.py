"""How far the values of single prompts lie apart, of rows that join several prompts of a class."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from wsbench.contract.specs import columns_of
from wsbench.files import documents
from wsbench.reports.rows import Row
from wsbench.reports.tabular.form import ROW, Cell, Column, Kind, Line, Table

PROTOCOL = "uniform"
"""The protocol whose values are compared over prompts."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class MetricSpread(documents.Document):
    """What a record says of a metric over its prompts. Its other keys are not read.

    Attributes:
        values: the value of each set of one prompt of every class.
        lowest, highest: the ends of these values.
        sd: their sample standard deviation.
        version: of the metric.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    values: list[Finite | None]
    lowest: Finite | None
    highest: Finite | None
    sd: Finite | None
    version: int = 1


@dataclass(frozen=True)
class Spread:
    """The values of single prompts of a row.

    Attributes:
        prompts: the number of sets of one prompt of every class; the largest of all seeds.
        of_metric: by metric, the lowest and the highest value over all seeds, and the mean of the seeds'
            standard deviations over prompts; None where a seed has none.
    """

    prompts: int
    of_metric: Mapping[str, tuple[float, float, float | None]]


def spread_of(row: Row) -> Spread | None:
    """What the records of a row say of their single prompts; None where none joins several prompts.

    Metrics that a record of the row lacks, or has in another version than today's, are left out.

    Raises:
        WsbenchError: a record says something else than numbers.
    """
    of_seeds = [_of_record(row, number) for number in range(len(row.records))]
    if not all(of_seeds):
        return None
    of_metric = {}
    for name in columns_of(row.metrics, "terminal"):
        of_name = [one[name] for one in of_seeds if name in one]
        known = [one for one in of_name if one.version == row.metrics[name].version]
        lows = [one.lowest for one in known if one.lowest is not None]
        highs = [one.highest for one in known if one.highest is not None]
        if len(lows) == len(highs) == len(of_seeds):
            sds = [one.sd for one in known if one.sd is not None]
            of_metric[name] = (
                min(lows),
                max(highs),
                statistics.fmean(sds) if len(sds) == len(of_seeds) else None,
            )
    prompts = max(len(one.values) for of_seed in of_seeds for one in of_seed.values())
    return Spread(prompts, of_metric)


def _of_record(row: Row, number: int) -> dict[str, MetricSpread]:
    record = row.records[number]
    prompts = record.method["facts"].get("prompts")
    spread = prompts.get("spread") if isinstance(prompts, dict) else None
    if not isinstance(spread, dict):
        return {}
    where = f"record of {record.method['name']}, seed {record.seed}: method.facts.prompts.spread"
    return {
        str(name): documents.checked(MetricSpread, value, f"{where}.{name}") for name, value in spread.items()
    }


def table(rows: Sequence[Row]) -> Table:
    """The spread over prompts; without lines where no row has several."""
    spreads = {index: spread for index, row in enumerate(rows) if (spread := spread_of(row)) is not None}
    metrics = rows[0].metrics
    shown = {name for spread in spreads.values() for name in spread.of_metric}
    names = [name for name in columns_of(metrics, "terminal") if name in shown]
    lines = []
    for index, spread in spreads.items():
        cells: dict[str, Cell] = {ROW: (rows[index].label(PROTOCOL),), "prompts": (str(spread.prompts),)}
        for name in set(names) & set(spread.of_metric):
            low, high, sd = spread.of_metric[name]
            cells[name] = (metrics[name].text(low), metrics[name].text(high))
            cells[f"{name} sd"] = ("" if sd is None else metrics[name].text(sd),)
        lines.append(Line(cells, index))
    columns = [Column(ROW, numeric=False), Column("prompts")]
    for name in names:
        columns += [Column(name, Kind.INTERVAL), Column(f"{name} sd")]
    return Table("prompts", tuple(columns), tuple(lines))
