"""The thresholds that a row's runs chose, and the curves that they were chosen by."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wsbench.reports.rows import Row
from wsbench.reports.tabular.form import ABSENT
from wsbench.reports.web.document import rendered
from wsbench.reports.web.site.parts import Entry, Heading, Shown, table_html

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT = 160, 34
"""Of a curve, in CSS pixels."""


def bodies(row: Row) -> list[Markup]:
    """A table for each protocol: operating points, and the box rules that were chosen."""
    return [_table(row, protocol) for protocol in row.first.protocols]


def _table(row: Row, protocol: str) -> Markup:
    of_seeds = [record.protocols[protocol].get("calibration", {}) for record in row.records]
    chosen = [of_fold for of_seed in of_seeds for of_fold in of_seed.get("folds", [of_seed])]
    objective = chosen[0].get("objective")
    heads = ("Class", "Operating point", "Threshold of boxes", "Least area of boxes", "Curve of the first")
    headings = [Heading(text, numeric=place in (1, 2, 3)) for place, text in enumerate(heads)]
    lines = []
    for label in row.first.dataset["classes"]:
        rules = [_rule(of_seed, label) for of_seed in chosen]
        cells = (
            Entry(label),
            _of_seeds([of_seed.get("operating_points", {}).get(label) for of_seed in chosen]),
            _of_seeds([rule.get("threshold") for rule in rules]),
            _of_seeds([rule.get("minimum_area") for rule in rules]),
            Entry("" if rules[0].get("curve") else ABSENT, bar=_curve(rules[0])),
        )
        lines.append(Shown(cells))
    rule = f"; box rules are those with the best {objective} on the calibrate role" if objective else ""
    each = "fold of each seed" if row.folds else "seed"
    caption = f"Protocol {protocol}: of each {each} in its order{rule}"
    return table_html(f"thresholds-{protocol}", caption, headings, lines)


def _rule(calibration: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    boxes = calibration.get("boxes")
    rule = boxes.get(label) if isinstance(boxes, Mapping) else None
    return rule if isinstance(rule, Mapping) else {}


def _of_seeds(values: Sequence[float | None]) -> Entry:
    known = [value for value in values if value is not None]
    if not known:
        return Entry(ABSENT)
    return Entry(", ".join(f"{value:.3g}" for value in known), f"{statistics.fmean(known):g}")


def _curve(rule: Mapping[str, Any]) -> Markup | str:
    """The objective over thresholds, with the chosen one marked; empty without a curve."""
    points = [(float(x), float(y)) for x, _, y in rule.get("curve") or ()]
    if len(points) < 2:
        return ""
    top = max(y for _, y in points) or 1.0

    def place(x: float, y: float) -> str:
        return f"{3 + x * (WIDTH - 6):.1f},{HEIGHT - 3 - max(y, 0.0) / top * (HEIGHT - 6):.1f}"

    return rendered(
        "site/curve.svg",
        width=WIDTH,
        height=HEIGHT,
        points=" ".join(place(x, y) for x, y in points),
        chosen=place(rule["threshold"], rule["value"] or 0.0).split(","),
        words=f"Best {rule['value'] or 0:.3f} at {rule['threshold']:g}",
    )
