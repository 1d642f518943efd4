"""Whether methods localise, from the records of the leaderboards.

Tables of what tells whether they have learnt, and of each class beside boxes that never look at the image.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from records import as_markdown, committed, write

PROTOCOL = "uniform"


def signs_of(dataset: str, rows: str) -> str:
    """The signs with limits of some rows (`Method.learning`): means over seeds, with standard deviations.

    Args:
        dataset: whose records.
        rows: labels of methods, with semicolons.

    Raises:
        KeyError: there is no such row.
    """
    lines = []
    for label in (word.strip() for word in rows.split(";")):
        row = committed(dataset)[label]
        for sign in (sign for sign in row.signs if sign.has_limits):
            values = [
                each["value"]
                for record in row.records
                for each in record.learning
                if each["name"] == sign.name
            ]
            limits = [f"at least {sign.at_least:g}"] if sign.at_least is not None else []
            limits += [f"at most {sign.at_most:g}"] if sign.at_most is not None else []
            kept = "yes" if sign.holds else "no"
            lines.append([label, f"`{sign.name}`", _spread(values, digits=4), ", ".join(limits), kept])
    return as_markdown(["method", "sign", "value", "limits", "within"], lines)


def classes_of(dataset: str, label: str, beside: str) -> str:
    """Every class with a box: AUC and `cond_ap25` of a row over its seeds, beside those of blind boxes.

    Args:
        dataset: whose records.
        label: of the row.
        beside: of the row of blind boxes.

    Raises:
        KeyError: there is no such row.
    """
    row, blind = committed(dataset)[label], committed(dataset)[beside].first
    places, aucs = _classes(row.records, "cond_ap25"), _classes(row.records, "auc")
    boxes = _metric(blind, "cond_ap25")
    lines = []
    for name, floor in boxes["per_class"].items():
        if floor is not None:
            above = sum(value > floor for value in places[name])
            low, high = boxes["class_intervals"][name]
            hit = [_spread(aucs[name]), _spread(places[name]), f"{floor:.3f} ({low:.3f} to {high:.3f})"]
            lines.append([name, *hit, f"{above} of {len(places[name])}"])
    header = ["class", "`auc`", "`cond_ap25`", f"{beside.split(maxsplit=1)[0]}, 95 %", "seeds above"]
    return as_markdown(header, lines)


def _classes(records: Sequence[Any], metric: str) -> Mapping[str, list[float]]:
    values = [_metric(record, metric)["per_class"] for record in records]
    return {name: [of_seed[name] for of_seed in values] for name in values[0]}


def _metric(record: Any, metric: str) -> Mapping[str, Any]:
    return record.protocols[PROTOCOL]["metrics"][metric]  # type: ignore[no-any-return]  # JSON


def _spread(values: Sequence[float | None], digits: int = 3) -> str:
    if None in values:
        return "no number"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def signs(dataset: str, rows: str) -> None:
    """Write `signs_of` into a document."""
    write(signs_of(dataset, rows))


def classes(dataset: str, label: str, beside: str) -> None:
    """Write `classes_of` into a document."""
    write(classes_of(dataset, label, beside))
