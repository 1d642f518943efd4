"""Intervals as small bars: inline SVG that shows a value, the ends of its interval, and a floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT, MARGIN = 120, 18, 4
"""Of a bar, in CSS pixels. The margin keeps a dot at the end of the scale whole."""


def interval_bar(
    value: float, low: float, high: float, scale: tuple[float, float], floor: float | None = None
) -> Markup:
    """Draw a value as a dot and its interval as a line.

    Where all three are equal, only the dot is seen. What lies outside of the scale is drawn at its end. For
    screen readers the picture is silent: the numbers must stand beside it.

    Args:
        value: the value.
        low, high: the ends of its interval.
        scale: the values at the left and the right end of the bar, in this order. Bars of one column share
            it, so that they can be compared.
        floor: the value of image-blind boxes, drawn as a dashed line; None without one.

    Returns:
        An ``<svg>`` element of `WIDTH` x `HEIGHT` pixels. Its colours are those of the page's style.
    """
    from wsbench.reports.web.document import rendered

    def place(number: float) -> float:
        span = scale[1] - scale[0]
        share = (number - scale[0]) / span if span > 0 else 0.5
        return round(MARGIN + min(max(share, 0.0), 1.0) * (WIDTH - 2 * MARGIN), 2)

    return rendered(
        "bar.svg",
        width=WIDTH,
        height=HEIGHT,
        middle=HEIGHT / 2,
        value=place(value),
        low=place(low),
        high=place(high),
        floor=None if floor is None else place(floor),
    )
