"""The scale that the bars of a column share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsbench.reports.web.bars import HEIGHT, MARGIN, WIDTH, interval_bar
from wsbench.reports.web.document import rendered

if TYPE_CHECKING:
    from markupsafe import Markup

STEPS = (1, 2, 2.5, 5, 10)
"""Distances of ticks, times a power of ten."""

TICKS = 3
"""About as many distances of ticks as a scale has."""


@dataclass(frozen=True)
class Scale:
    """A scale with round ends.

    Attributes:
        low, high: the values at its ends.
        step: the distance of its ticks.
        floor: the value of the best image-blind row, drawn as a dashed line; None without one.
    """

    low: float
    high: float
    step: float
    floor: float | None = None

    @classmethod
    def of(cls, values: Iterable[float], floor: float | None = None) -> Scale:
        """The smallest scale that holds some values.

        Args:
            values: values and ends of intervals.
            floor: the value of the best image-blind row.
        """
        held = [value for value in values if math.isfinite(value)] + ([] if floor is None else [floor])
        low, high = (min(held), max(held)) if held else (0.0, 1.0)
        span = (high - low) or 1.0
        unit = 10.0 ** math.floor(math.log10(span / TICKS))
        step = next(factor * unit for factor in STEPS if factor * unit >= span / TICKS)
        # The margin keeps an end that is round already, which division may have moved by its last bit.
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return cls(first * step, max(last, first + 1) * step, step, floor)

    @property
    def ticks(self) -> list[float]:
        """The values of its ticks."""
        count = round((self.high - self.low) / self.step)
        return [round(self.low + place * self.step, 10) for place in range(count + 1)]

    def axis(self) -> Markup:
        """The drawing of the scale, for the head of a column."""
        inner = WIDTH - 2 * MARGIN
        places = [MARGIN + inner * (tick - self.low) / (self.high - self.low) for tick in self.ticks]
        labels = [f"{tick:g}" for tick in self.ticks]
        return rendered(
            "report/axis.svg", ticks=list(zip(places, labels, strict=True)), width=WIDTH, height=HEIGHT
        )

    def bar(self, value: float | None, interval: tuple[float, float] | None) -> Markup | str:
        """The drawing of a value and its 95 % interval; empty without a value.

        Args:
            value: the value.
            interval: the ends of its interval; None without one.
        """
        if value is None:
            return ""
        low, high = interval or (value, value)
        return interval_bar(value, low, high, (self.low, self.high), self.floor)
