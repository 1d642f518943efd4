"""Draws panels that hold no curves: values of groups, reliability, places in the image, and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wsbench.reports.plots.cost import Cost, Costs
from wsbench.reports.plots.groups import LINE_BREAK, Group, GroupPanel
from wsbench.reports.plots.looks.canvas import (
    axes_of,
    legend,
    short,
    style,
    without_math,
)
from wsbench.reports.plots.looks.colours import INK, colour_of
from wsbench.reports.plots.looks.svg import mark
from wsbench.reports.plots.places import GRID, Places
from wsbench.reports.plots.reliability import BINS, Reliability, ReliabilityPanel
from wsbench.scoring.bootstrap import ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES = 0.15
"""Height of a value in a panel of groups."""

MARKERS = "osD^vP*X"
"""Markers of methods, which are told apart without colour, too."""

COUNT_SIZE = 7.0
"""Size of the marker of a bin that holds every image, in points."""

LOG_RANGE = 50
"""Costs that differ by at least this factor have a logarithmic axis."""


def draw_groups(panels: Sequence[GroupPanel], title: str, labels: Sequence[str]) -> Figure:
    """Draw a row for each group, and in it a point with an interval for each method."""
    drawn = {label for panel in panels for label in panel.labels}
    rows = max(len(panel.groups) for panel in panels)
    height = 0.7 + ROW_INCHES * rows * (len(drawn) + 1)
    with style():
        figure, all_axes = axes_of(len(panels), title, len(drawn), inches=(7.0 / min(len(panels), 2), height))
        for axes, panel in zip(all_axes, panels, strict=True):
            for row, group in enumerate(panel.groups):
                _draw_group(axes, panel, group, -row, labels)
            axes.set_yticks(
                [-row for row in range(len(panel.groups))], [_on_lines(g.title) for g in panel.groups]
            )
            axes.set(title=short(panel.title, 40), ylim=(-len(panel.groups) + 0.5, 0.5))
            low, high = axes.get_xlim()
            axes.set_xlim(min(-0.02, low), max(1.02, high))
        legend(figure, labels, drawn, markers=MARKERS)
        without_math(figure)
    return figure


def _on_lines(title: str) -> str:
    return "\n".join(short(line, 30) for line in title.split(LINE_BREAK))


def _draw_group(axes: Axes, panel: GroupPanel, group: Group, row: int, labels: Sequence[str]) -> None:
    for place, value in enumerate(group.values):
        number = labels.index(value.label)
        height = row + 0.4 - 0.8 * (place + 0.5) / len(group.values)
        if value.low is not None and value.high is not None:
            axes.plot([value.low, value.high], [height, height], color=colour_of(number), lw=1, alpha=0.7)
        marker = MARKERS[number % len(MARKERS)]
        (point,) = axes.plot(value.value, height, marker, color=colour_of(number), ms=4)
        mark(point, **{panel.key: group.name})


def draw_reliability(panels: Sequence[ReliabilityPanel], title: str, labels: Sequence[str]) -> Figure:
    """Draw how often a class is present against its score, and the line on which both are equal."""
    drawn = {label for panel in panels for label in panel.labels}
    with style():
        figure, all_axes = axes_of(len(panels), title, len(drawn))
        for axes, panel in zip(all_axes, panels, strict=True):
            axes.plot([0, 1], [0, 1], color=INK, lw=0.7, ls=":")
            for method in panel.methods:
                _draw_method(axes, method, panel.label, labels.index(method.label))
            axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="class score", ylabel="share with the class")
            axes.set_title(short(panel.label or "all classes together", 40))
        legend(figure, labels, drawn, markers=MARKERS)
        without_math(figure)
    return figure


def _draw_method(axes: Axes, method: Reliability, label: str | None, number: int) -> None:
    colour = colour_of(number)
    filled = np.flatnonzero(method.count)
    axes.plot(method.score[filled], method.frequency[filled], color=colour, lw=0.8, alpha=0.6)
    for place in range(BINS):
        if method.count[place] == 0:
            continue
        score, share = method.score[place], method.count[place] / method.count.sum()
        axes.plot([score, score], [method.low[place], method.high[place]], color=colour, lw=1, alpha=0.5)
        size = 2.5 + COUNT_SIZE * np.sqrt(share)
        marker = MARKERS[number % len(MARKERS)]
        (point,) = axes.plot(score, method.frequency[place], marker, color=colour, ms=size)
        mark(point, **({"class": label} if label is not None else {}), score=place)


def draw_places(places: Sequence[Places], title: str, labels: Sequence[str]) -> Figure:
    """Draw where lesions are and, for each method, the share of the lesions of a cell that it hits."""
    with style():
        figure, all_axes = axes_of(1 + len(places), title, 0, inches=(2.2, 2.4))
        lesions = np.where(places[0].lesions > 0, places[0].lesions, np.nan)
        most = np.nanmax(lesions)
        _draw_cells(all_axes[0], lesions / most, f"lesions (full colour: {most:.0f})", INK)
        for axes, of_method in zip(all_axes[1:], places, strict=True):
            shares = ratio(of_method.hits, of_method.lesions)
            colour = colour_of(labels.index(of_method.label))
            _draw_cells(axes, shares, short(of_method.label, 34), colour)
        without_math(figure)
    return figure


def _draw_cells(axes: Axes, shares: np.ndarray, title: str, colour: str) -> None:
    """Draw a square for each cell that has a share, fuller for a higher one; an empty frame is 0."""
    from matplotlib.patches import Rectangle

    for row, column in zip(*np.nonzero(~np.isnan(shares)), strict=True):
        share = round(float(shares[row, column]), 2)
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, alpha=share, lw=0))
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=colour, lw=0.4))
    axes.set(xlim=(0, GRID), ylim=(GRID, 0), aspect="equal", xticks=[], yticks=[])
    axes.grid(visible=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    axes.set_title(title, fontsize=8)


def draw_costs(costs: Costs, title: str, labels: Sequence[str]) -> Figure:
    """Draw a bar for each method and column of the table of costs."""
    headings = list(dict.fromkeys(cost.heading for cost in costs.costs))
    drawn = list(dict.fromkeys(costs.labels))
    with style():
        height = 0.6 + 1.6 * ROW_INCHES * len(drawn)
        figure, all_axes = axes_of(len(headings), title, len(drawn), inches=(2.7, height))
        for axes, heading in zip(all_axes, headings, strict=True):
            of_column = [cost for cost in costs.costs if cost.heading == heading]
            for cost in of_column:
                _draw_cost(axes, cost, -drawn.index(cost.label), colour_of(labels.index(cost.label)))
            _scale(axes, [value for cost in of_column for value in cost.values])
            axes.set(title=heading, yticks=[], ylim=(-len(drawn) + 0.4, 0.6))
        legend(figure, labels, drawn, markers="s")
        without_math(figure)
    return figure


def _draw_cost(axes: Axes, cost: Cost, row: int, colour: str) -> None:
    axes.barh(row, cost.median, height=0.6, color=colour, alpha=0.6)
    axes.plot(cost.values, [row] * len(cost.values), "|", color=INK, ms=6)
    place = (max(cost.values), row)
    axes.annotate(cost.text, place, (4, 0), textcoords="offset points", va="center", fontsize=7)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """Leave room for the numbers beside bars. Where values differ much, the axis is logarithmic."""
    lowest, highest = min(values), max(values)
    if lowest > 0 and highest >= LOG_RANGE * lowest:
        axes.set_xscale("log")
        axes.set_xlim(lowest / 2, highest * (highest / lowest) ** 0.4)
        axes.tick_params(which="both", labelbottom=False)
    else:
        axes.set_xlim(0, highest * 1.3 or 1)
