"""Draws a curve for each setting of a sweep that is a number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.errors import printable
from wsbench.reports.figures import save
from wsbench.studies.sweeps.cells import number_of
from wsbench.studies.sweeps.results import Line, SweepResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 3
"""Most metrics of a protocol that a picture shows."""

MOST_CURVES = 10
"""Most curves in a panel; more would share colours."""

INCHES = (3.6, 3.2)
"""Width and height of a panel."""


@dataclass(frozen=True)
class Panel:
    """A metric on the same test images, as a function of a setting.

    Attributes:
        title: what is shown, in words.
        curves: the points of each curve by its label: value of the setting, and line.
        floor: the best image-blind row, and its mean; None without one.
    """

    title: str
    curves: Mapping[str, Sequence[tuple[float, Line]]]
    floor: tuple[str, float] | None


def draw_all(results: SweepResults, folder: Path) -> list[Path]:
    """Draw a picture for each numeric setting with several values, as PNG and as SVG.

    Args:
        results: of the sweep.
        folder: where ``curve-NAME.png`` and ``curve-NAME.svg`` are written.

    Returns:
        The files.
    """
    files = []
    for name in results.swept:
        panels = list(panels_of(results, name))
        if panels:
            for ending in ("png", "svg"):
                files.append(folder / f"curve-{name}.{ending}")
                _draw(panels, name, files[-1])
    return files


def panels_of(results: SweepResults, name: str) -> Iterator[Panel]:
    """The panels of a setting: none where it has less than two numbers as values.

    Args:
        results: of the sweep. Its other settings make different curves.
        name: of the setting.
    """
    lines = results.printed
    numbers = {number_of(line.settings.get(name)) for line in lines if not line.reference}
    if len(numbers - {None}) < 2:
        return
    chosen: dict[tuple[tuple[str, str], str, str], list[Line]] = defaultdict(list)
    for line in lines:
        chosen[line.tested_on, line.protocol, line.metric].append(line)
    counts: dict[tuple[tuple[str, str], str], int] = defaultdict(int)
    others = [other for other in results.swept if other != name]
    for (tested_on, protocol, metric), of_metric in chosen.items():
        curves = _curves(of_metric, name, others)
        if not curves or counts[tested_on, protocol] >= PANELS:
            continue
        counts[tested_on, protocol] += 1
        sign = -1 if results.metrics[metric].higher_is_better is False else 1
        floors = [(line.settings["method"], line.mean) for line in of_metric if line.reference]
        known = [(method, mean) for method, mean in floors if mean is not None]
        floor = max(known, key=lambda row: sign * row[1], default=None)
        yield Panel(f"{metric}, {protocol}\non {tested_on[0]}", curves, floor)


def _curves(lines: Sequence[Line], name: str, others: Sequence[str]) -> dict[str, list[tuple[float, Line]]]:
    curves: dict[str, list[tuple[float, Line]]] = defaultdict(list)
    for line in lines:
        number = number_of(line.settings.get(name))
        if number is not None and line.mean is not None and not line.reference:
            label = ", ".join(f"{other}={line.settings[other]}" for other in others if other in line.settings)
            curves[label].append((number, line))
    several = {label: sorted(points, key=lambda point: point[0]) for label, points in curves.items()}
    return {label: points for label, points in several.items() if len({value for value, _ in points}) > 1}


def _draw(panels: Sequence[Panel], name: str, path: Path) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = INCHES
    across = min(len(panels), PANELS)
    down = -(-len(panels) // across)
    # Without a salt, the names in an SVG file differ from one run to the next.
    with rc_context({"svg.hashsalt": "wsbench"}):
        figure = Figure(figsize=(width * across, height * down), layout="constrained")
        FigureCanvasAgg(figure)
        for axes, panel in zip(figure.subplots(down, across, squeeze=False).ravel(), panels, strict=False):
            _panel(axes, panel, name)
        for axes in figure.axes[len(panels) :]:
            axes.set_axis_off()
        save(figure, path, dpi=110)


def _panel(axes: Axes, panel: Panel, name: str) -> None:
    for colour, (label, points) in enumerate(list(panel.curves.items())[:MOST_CURVES]):
        numbers = [number for number, _ in points]
        means = [line.mean or 0.0 for _, line in points]
        axes.plot(numbers, means, "o-", ms=4, lw=1.5, color=f"C{colour}", label=printable(label) or None)
        ends = [line.interval or (line.mean, line.mean) for _, line in points]
        low, high = zip(*ends, strict=True)
        axes.fill_between(numbers, low, high, color=f"C{colour}", alpha=0.15, lw=0)
    if panel.floor is not None:
        method, mean = panel.floor
        axes.axhline(mean, color="grey", lw=1, ls=":", label=f"{method}, the best image-blind row")
    numbers = sorted({number for points in panel.curves.values() for number, _ in points})
    if numbers[0] > 0 and numbers[-1] / numbers[0] >= 50:
        axes.set_xscale("log")
    axes.set_title(panel.title, fontsize=9, parse_math=False)
    axes.set_xlabel(name, parse_math=False)
    if any(panel.curves):
        for text in axes.legend(fontsize=6).get_texts():
            text.set_parse_math(False)
