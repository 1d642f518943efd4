"""Values by class, and the share of lesions that are hit by their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsbench.contract.protocol import RANKED_BY, RANKED_WITHOUT_BOXES
from wsbench.errors import WsbenchError
from wsbench.reports.plots.points import MOST_SERIES, Absent
from wsbench.reports.plots.run_data import PROTOCOL, RunData, Series, series_of
from wsbench.scoring.bootstrap import ratio
from wsbench.scoring.intervals import of_draws
from wsbench.scoring.strata import area_share, lesion_hits, thirds
from wsbench.scoring.table import Scored

SIZES = ("small", "middle", "large")
"""The thirds of the truth boxes of the test images, by the share of the image that a box covers."""

LINE_BREAK = " | "
"""Where the title of a group may be broken."""

NO_BOXES = "no test image has a box whose place is known"


@dataclass(frozen=True)
class GroupValue:
    """The value of one method in one group.

    Attributes:
        label: the method with its settings.
        value: the mean over seeds.
        low, high: the ends of its interval; None without one.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Group:
    """A class, or a size of lesions.

    Attributes:
        title: what the axis says.
        name: the value of the filter, such as the name of the class.
        values: one for each method that has a value.
    """

    title: str
    name: str
    values: tuple[GroupValue, ...]


@dataclass(frozen=True)
class GroupPanel:
    """A metric, by groups.

    Attributes:
        title: the metric.
        key: what the groups are: ``class`` or ``size``.
        groups: from top to bottom.
    """

    title: str
    key: str
    groups: tuple[Group, ...]

    @property
    def labels(self) -> list[str]:
        """The methods that have a value in some group."""
        return [value.label for group in self.groups for value in group.values]


def by_class(runs: Sequence[RunData]) -> tuple[GroupPanel, ...] | Absent:
    """The metrics that rank, by class. Intervals of one seed are those of the record; with several seeds
    they go from the lowest to the highest seed."""
    all_series = series_of(runs)[:MOST_SERIES]
    classes = list(dict.fromkeys(name for series in all_series for name in series.classes))
    panels = []
    for metric in (RANKED_BY, RANKED_WITHOUT_BOXES):
        groups = [
            Group(name, name, tuple(v for s in all_series if (v := _of_class(s, metric, name)) is not None))
            for name in classes
        ]
        if shown := tuple(group for group in groups if group.values):
            panels.append(GroupPanel(metric, "class", shown))
    return tuple(panels) or Absent("no metric that ranks has a value of any class")


def _of_class(series: Series, metric: str, name: str) -> GroupValue | None:
    described = [run.record.protocols[PROTOCOL]["metrics"].get(metric, {}) for run in series.runs]
    values = [of_seed.get("per_class", {}).get(name) for of_seed in described]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    interval: Any = min(known), max(known)
    if len(known) == 1:
        single = described[0].get("interval") if len(series.classes) == 1 else None
        interval = described[0].get("class_intervals", {}).get(name) or single or (None, None)
    return GroupValue(series.label, float(np.mean(known)), *interval)


def by_size(runs: Sequence[RunData]) -> tuple[GroupPanel, ...] | Absent:
    """The share of lesions of each size that a box of their class hits, by `wsbench.scoring.strata`."""
    values: dict[str, list[GroupValue]] = {name: [] for name in SIZES}
    titles: dict[str, str] = {}
    problem = "no run was named"
    for series in series_of(runs)[:MOST_SERIES]:
        try:
            of_sizes = hits_by_size(series)
        except WsbenchError as error:
            problem = str(error)
            continue
        titles = titles or _titles(series.runs[0].table)
        for name, value in of_sizes.items():
            values[name].append(value)
    groups = tuple(Group(titles[name], name, tuple(values[name])) for name in SIZES if values[name])
    return (GroupPanel("lesions hit", "size", groups),) if groups else Absent(problem)


def sizes_of(scored: Scored) -> np.ndarray:
    """Return the ``(T,)`` size of every truth box, as a position in `SIZES`."""
    return thirds(area_share(scored))


def hits_by_size(series: Series) -> dict[str, GroupValue]:
    """The share of lesions that are hit, as the mean over seeds, with its 95 % interval over draws of the
    test images.

    Raises:
        WsbenchError: the dataset is not at hand, or no test image has a box whose place is known.
    """
    tables, draws = [run.table for run in series.runs], series.runs[0].images.draws
    table = tables[0]
    if len(table.truth) == 0:
        raise WsbenchError(NO_BOXES)
    hit, size = np.mean([lesion_hits(of_seed) for of_seed in tables], axis=0), sizes_of(table)
    result = {}
    for place, name in enumerate(SIZES):
        members = size == place
        if not members.any():
            continue
        image = table.truth.image[members]
        hits, count = (
            np.bincount(image, weights, minlength=len(table.names)) for weights in (hit[members], None)
        )
        drawn = ratio(draws.sum(hits), draws.sum(count))
        value, units = float(hit[members].mean()), len(np.unique(draws.unit[image]))
        low, high = of_draws(value, drawn, bounded=True, units=units) or (None, None)
        result[name] = GroupValue(series.label, value, low, high)
    return result


def _titles(table: Scored) -> dict[str, str]:
    shares, size = 100 * area_share(table), sizes_of(table)
    titles = {}
    for place, name in enumerate(SIZES):
        of_size = shares[size == place]
        if len(of_size):
            titles[name] = f"{name}{LINE_BREAK}{of_size.min():.1f} to {of_size.max():.1f} %"
    return titles
