"""The figures of a report: curves with bands, class scores, trainings, thresholds and places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError
from wsbench.reports.plots import FIGURES, Datasets, FigureKind, RunData, svg
from wsbench.reports.plots.points import Absent
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.provenance import without_folders
from wsbench.reports.web.report.subject import Subject

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_LINES = 8
"""Most rows of a figure, as many as there are colours."""

PARTS = {
    "curves": ("Curves", ("precision_recall", "froc", "roc")),
    "scores": ("Class scores", ("calibration", "score_calibration", "reliability", "scores")),
    "training": ("Training", ("loss", "losses", "training")),
    "thresholds": ("Thresholds", ("thresholds", "threshold", "box_thresholds")),
    "places": ("Places", ("place", "places", "heat")),
}
"""By the id of their section, its title and the names of its figures, in the order of the page."""

OTHERS = "figures"
"""The id of the section of all further figures."""


@dataclass(frozen=True)
class Drawn:
    """A figure, or why there is none.

    Attributes:
        title, caption: of the figure.
        svg: its drawing; None without one.
        absence: why it is not drawn; empty where it is.
    """

    title: str
    caption: str
    svg: Markup | None
    absence: str = ""


def sections(subject: Subject, datasets: Datasets) -> dict[str, Section]:
    """The sections of the figures, by the keys of `PARTS` and `OTHERS`; those without any figure are missing.

    Args:
        subject: the runs.
        datasets: their data.
    """
    rows = subject.shown[:MOST_LINES]
    if subject.best_blind is not None and subject.best_blind not in rows:
        rows = (*rows[:-1], subject.best_blind)
    in_runs = {folder for folder in subject.folders}
    runs = [
        RunData(record, subject.plugins, datasets)
        for index in rows
        for record in subject.rows[index].records
        if record.folder in in_runs
    ]
    if not runs:
        return {}
    named = {name for _, names in PARTS.values() for name in names}
    titles = {key: title for key, (title, _) in PARTS.items()} | {OTHERS: "Figures"}
    members = {key: [name for name in names if name in FIGURES] for key, (_, names) in PARTS.items()}
    members[OTHERS] = [name for name in FIGURES if name not in named]
    left_out = f"Of {len(subject.rows)} rows, {len(rows)} are drawn." if len(rows) < len(subject.rows) else ""
    result = {}
    for key, names in members.items():
        drawn = [_drawn(FIGURES[name], runs) for name in names]
        if any(figure.svg for figure in drawn):
            result[key] = _section(subject, key, titles[key], drawn, left_out)
    return result


def _section(subject: Subject, key: str, title: str, drawn: Iterable[Drawn], left_out: str) -> Section:
    body = rendered("report/curves.html", figures=list(drawn), left_out=left_out)
    return Section(subject.anchor(key), title, body, group=subject.group)


def _drawn(kind: FigureKind, runs: Sequence[RunData]) -> Drawn:
    from markupsafe import Markup

    try:
        points = kind.points(runs)
    except WsbenchError as error:
        return Drawn(kind.title, kind.caption, None, without_folders(str(error)))
    if isinstance(points, Absent):
        return Drawn(kind.title, kind.caption, None, without_folders(points.reason))
    # The figure's own text was escaped when it was written as XML.
    return Drawn(kind.title, kind.caption, Markup(svg(kind.render(points, kind.title))))  # nosec B704
