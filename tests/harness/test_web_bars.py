"""Bars of intervals: where their parts stand."""

from __future__ import annotations

import re

from wsbench.reports.web.bars import MARGIN, WIDTH, interval_bar


def places(bar: str) -> dict[str, list[float]]:
    """By class of a part, its horizontal positions."""
    parts = re.findall(r'class="bar-(\w+)"([^>]*)', bar)
    return {name: [float(x) for x in re.findall(r' c?x\d?="([\d.]+)"', rest)] for name, rest in parts}


def test_parts_stand_where_the_scale_says() -> None:
    inner = WIDTH - 2 * MARGIN
    bar = places(interval_bar(0.5, 0.25, 0.75, (0.0, 1.0), floor=0.6))
    assert bar == {
        "floor": [MARGIN + 0.6 * inner] * 2,
        "interval": [MARGIN + 0.25 * inner, MARGIN + 0.75 * inner],
        "value": [MARGIN + 0.5 * inner],
    }


def test_what_lies_outside_of_the_scale_is_drawn_at_its_end() -> None:
    bar = places(interval_bar(-1.0, -2.0, 9.0, (0.0, 1.0)))
    assert bar == {"interval": [MARGIN, WIDTH - MARGIN], "value": [MARGIN]}


def test_a_scale_without_a_span_has_its_values_in_the_middle() -> None:
    assert places(interval_bar(2.0, 2.0, 2.0, (2.0, 2.0)))["value"] == [WIDTH / 2]
