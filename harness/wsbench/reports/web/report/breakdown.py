"""Where each row fails: by class, by the size of lesions, by their place, and by attributes of the images."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from wsbench.contract.protocol import RANKED_WITHOUT_BOXES
from wsbench.contract.specs import MetricSpec
from wsbench.reports.rows import Row
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.subject import Subject
from wsbench.scoring.significance import LEVEL
from wsbench.scoring.strata import HIT_IOU

if TYPE_CHECKING:
    from markupsafe import Markup

FILTERS = {"finding": "class", "lesion size": "size", "place": "place"}
"""What the list of cases calls the factors of strata that it can be filtered by."""


@dataclass(frozen=True)
class Cell:
    """A value of one row in one group.

    Attributes:
        text: the value; a dash where it does not exist.
        under: its interval, or how it lies beside the rest.
        share: the value as a share of the column's width, from 0 to 1, for a bar behind it.
        verdict: ``better`` or ``worse`` than the rest by more than noise, else empty.
    """

    text: str
    under: str = ""
    share: float = 0.0
    verdict: str = ""


@dataclass(frozen=True)
class Group:
    """A line of a table.

    Attributes:
        name: of the class or stratum.
        count: how many lesions or images, in words.
        filter: what the list of cases is filtered by, as the query of an address, such as ``class=tb``; empty
            for none.
        cells: a cell for each row that is shown.
    """

    name: str
    count: str
    filter: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grouped:
    """A table of groups."""

    caption: str
    groups: tuple[Group, ...]


def by_class(subject: Subject, figures: Markup | str = "") -> Section | None:
    """The metric that ranks and the AUC of every class; None where there is only one class.

    Args:
        subject: the rows.
        figures: HTML of figures, which stand above the tables.
    """
    classes = subject.first.dataset["classes"]
    if len(classes) < 2:
        return None
    metrics = dict.fromkeys([subject.board.ranked_by, RANKED_WITHOUT_BOXES])
    tables = [_of_metric(subject, subject.board.metrics[name], classes) for name in metrics]
    return _section(subject, ("classes", "By class"), tables, figures=figures)


def _of_metric(subject: Subject, spec: MetricSpec, classes: Sequence[str]) -> Grouped:
    rows = [subject.rows[index] for index in subject.shown]
    groups = [
        Group(name, "", urlencode({"class": name}), tuple(_class_cell(row, spec, name) for row in rows))
        for name in classes
    ]
    with_values = tuple(group for group in groups if any(cell.text != "-" for cell in group.cells))
    return Grouped(f"{spec.name} by class: {spec.summary}", with_values)


def _class_cell(row: Row, spec: MetricSpec, name: str) -> Cell:
    described = [record.protocols["uniform"]["metrics"].get(spec.name, {}) for record in row.records]
    values = [of_seed.get("per_class", {}).get(name) for of_seed in described]
    if not values or None in values:
        return Cell("-")
    mean = statistics.fmean(values)
    bounds = described[0].get("class_intervals", {}).get(name) if len(described) == 1 else None
    under = f"{spec.text(bounds[0])} to {spec.text(bounds[1])}" if bounds else ""
    return Cell(spec.text(mean), under, mean if spec.bounded else 0.0)


def by_stratum(subject: Subject, figures: Markup | str = "") -> Section | None:
    """The share of lesions, and of images, that each row hits, by their properties; None where no lesion of
    the test images is known.

    Args:
        subject: the rows.
        figures: HTML of figures, which stand above the tables.
    """
    results = {index: _strata(subject.rows[index]) for index in subject.shown}
    factors: dict[tuple[str, str], dict[str, int]] = {}
    for of_seeds in results.values():
        for group in (of_seeds or [{"groups": []}])[0]["groups"]:
            factors.setdefault((group["of"], group["factor"]), {})[group["level"]] = group["count"]
    tables = []
    for (kind, factor), levels in factors.items():
        groups = [
            Group(
                level,
                f"{count} {kind}",
                urlencode({FILTERS[factor]: level}) if factor in FILTERS else "",
                tuple(_stratum_cell(results[index], kind, factor, level) for index in subject.shown),
            )
            for level, count in levels.items()
        ]
        tables.append(Grouped(f"By {factor}: share of {kind} that are hit", tuple(groups)))
    if not tables and not figures:
        return None
    small = [word for of_seeds in results.values() for result in of_seeds for word in result["left_out"]]
    note = (
        f"A lesion is hit if a box of its class overlaps it with an IoU of {HIT_IOU:g} or more; an image, if "
        "its best box does. Better and worse: than the rest, by more than the noise of these networks, with "
        "Holm's correction over all groups. Rows of several seeds show the mean; wsbench strata tests them."
    )
    if small:
        note += f" Left out, because too few: {'; '.join(dict.fromkeys(small))}."
    return _section(subject, ("strata", "By lesion and image"), tables, note, figures)


def _strata(row: Row) -> list[Mapping[str, Any]]:
    results = [record.protocols["uniform"].get("strata") for record in row.records]
    return [result for result in results if result] if all(results) else []


def _stratum_cell(of_seeds: Sequence[Mapping[str, Any]], kind: str, factor: str, level: str) -> Cell:
    groups = [
        group
        for result in of_seeds
        for group in result["groups"]
        if (group["of"], group["factor"], group["level"]) == (kind, factor, level)
    ]
    if not groups or len(groups) < len(of_seeds):
        return Cell("-")
    hit = statistics.fmean(group["hit"] for group in groups)
    text = f"{hit:.0%}"
    if len(groups) > 1:
        return Cell(text, share=hit)
    (group,) = groups
    if group["holm"] >= LEVEL:
        return Cell(text, share=hit)
    verdict = "better" if group["hit"] > group["rest"] else "worse"
    return Cell(text, verdict, hit, verdict)


def _section(
    subject: Subject,
    heading: tuple[str, str],
    tables: Sequence[Grouped],
    note: str = "",
    figures: Markup | str = "",
) -> Section:
    shown = [(subject.number_of(index), subject.rows[index]) for index in subject.shown]
    body = rendered(
        "report/breakdown.html",
        tables=tables,
        rows=[(number, row.label("uniform"), row.is_blind) for number, row in shown],
        note=note,
        left_out=subject.left_out,
        cases=subject.cases,
        figures=figures,
    )
    return Section(subject.anchor(heading[0]), heading[1], body, group=subject.group)
