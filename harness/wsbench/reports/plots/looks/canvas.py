"""The common look of figures: colours, panels, lines with bands, and legends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wsbench.errors import printable
from wsbench.reports.plots.looks.colours import INK, colour_of
from wsbench.reports.plots.looks.svg import mark
from wsbench.reports.plots.points import MOST_SERIES, Line, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

DASHES = ("-", (0, (5, 1.5)), (0, (7, 1.5, 1.5, 1.5)), (0, (1.5, 1.2)))
"""Line styles: full, dashed, dash-dotted and dotted."""

INCHES = (2.7, 2.3)
"""Width and height of a panel."""

SINGLE = (4.6, 2.9)
"""Width and height of a panel that stands alone."""

LEGEND_INCHES = 0.17
"""Height of a line of the legend."""

COLUMNS = 3
"""Most panels beside each other."""

MOST_BANDS = 4
"""Most lines that have a band. More of them would hide each other."""

LABEL_CHARACTERS = 56
"""Longest label in a legend."""

STYLE = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "figure.facecolor": "none",
    "font.size": 8,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 7,
    "ytick.color": INK,
    "ytick.labelsize": 7,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the common look, whatever the user's own settings of Matplotlib are."""
    import matplotlib.style

    with matplotlib.style.context(["default", STYLE]):
        yield


def axes_of(
    count: int, title: str, lines: int, *, inches: tuple[float, float] | None = None
) -> tuple[Figure, list[Axes]]:
    """Make a figure of some panels.

    Args:
        count: the number of panels.
        title: what the figure shows, for those who cannot see it.
        lines: the number of lines of the legend below them.
        inches: width and height of a panel; None takes the usual ones.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from wsbench.reports.plots.looks.drawing import Drawing

    across = min(count, COLUMNS)
    down = -(-count // across)
    width, height = inches or (SINGLE if count == 1 else INCHES)
    figure = Drawing(figsize=(width * across, height * down + LEGEND_INCHES * lines), layout="constrained")
    FigureCanvasAgg(figure)
    figure.set_label(title)
    panels = list(figure.subplots(down, across, squeeze=False).ravel())
    for axes in panels[count:]:
        axes.set_axis_off()
    return figure, panels[:count]


def draw_panels(
    panels: Sequence[Panel],
    title: str,
    labels: Sequence[str],
    settings: Mapping[str, Any],
    *,
    steps: bool = False,
    adjust: Callable[[Axes], None] | None = None,
) -> Figure:
    """Draw lines with bands, one panel for each class.

    Args:
        panels: at least one.
        title: what the figure shows.
        labels: of all methods, in the order of their colours.
        settings: of the axes, such as ``xlabel``.
        steps: whether a value holds up to the next point.
        adjust: called with every panel's axes at the end.
    """
    with style():
        drawn = {label for panel in panels for label in panel.labels}
        figure, all_axes = axes_of(len(panels), title, len(drawn))
        for axes, panel in zip(all_axes, panels, strict=True):
            for line in panel.lines:
                artists = draw_line(axes, line, labels.index(line.label), len(panel.lines), steps=steps)
                for artist in artists if panel.label is not None else ():
                    mark(artist, **{"class": str(panel.label)})
            axes.set(title=short(panel.title, 40), **settings)
            if adjust is not None:
                adjust(axes)
            if panel.label is not None:
                mark(axes.title, **{"class": panel.label})
        values = {line.label: line.value for line in panels[0].lines}
        legend(figure, labels, drawn, values)
        without_math(figure)
    return figure


def draw_line(axes: Axes, line: Line, number: int, lines: int, *, steps: bool = False) -> list[Line2D]:
    """Draw a line with its band, thin lines of its seeds, and its marks.

    Args:
        axes: where it is drawn.
        line: its points.
        number: which colour it has.
        lines: how many lines the panel has.
        steps: whether a value holds up to the next point.

    Returns:
        The line, and its marks.
    """
    colour, step = colour_of(number), "steps-post" if steps else "default"
    if line.band is not None and lines <= MOST_BANDS:
        low, high = line.band.low, line.band.high
        between: Any = "post" if steps else None
        axes.fill_between(line.band.x, low, high, step=between, color=colour, alpha=0.15, lw=0)
    for of_seed in line.seeds:
        axes.plot(line.x, of_seed, color=colour, lw=0.5, alpha=0.5, drawstyle=step)
    (curve,) = axes.plot(line.x, line.y, color=colour, ls=dashes_of(number), drawstyle=step)
    return [curve, *(axes.plot(*point, "o", color=colour, ms=4)[0] for point in line.marks)]


def dashes_of(number: int) -> Any:
    """The style of a line. Lines are told apart without colour, too."""
    return DASHES[number % len(DASHES)]


def legend(
    figure: Figure,
    labels: Sequence[str],
    drawn: Collection[str],
    values: Mapping[str, float | None] | None = None,
    markers: str = "",
) -> None:
    """Name the lines below the panels, with the number that sums each up.

    Args:
        figure: the figure.
        labels: of all methods, in the order of their colours.
        drawn: those of the methods that the figure shows.
        values: by label, those of the first panel.
        markers: of the methods, where they are no lines.
    """
    from matplotlib.lines import Line2D

    handles = []
    for number, label in enumerate(labels):
        if label not in drawn:
            continue
        value = (values or {}).get(label)
        text = ("" if value is None else f"{value:.3f}  ") + short(label, LABEL_CHARACTERS)
        look = (
            {"ls": "none", "marker": markers[number % len(markers)]} if markers else {"ls": dashes_of(number)}
        )
        handles.append(Line2D([], [], color=colour_of(number), ms=4, label=text, **look))
    if len(labels) > MOST_SERIES:
        rest = f"{len(labels) - MOST_SERIES} more methods are not shown; choose fewer runs to see them"
        handles.append(Line2D([], [], ls="none", label=rest))
    figure.legend(handles=handles, loc="outside lower left", ncols=1)


def short(text: str, characters: int) -> str:
    """Text on one line, cut to a number of characters."""
    shown = printable(text)
    return shown if len(shown) <= characters else shown[: characters - 1] + "…"


def without_math(figure: Figure) -> None:
    """Take every text as it stands. A dollar sign in a name begins no formula."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
