"""The figures of a report, as sections of their own and as parts of others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError
from wsbench.reports.plots import FIGURES, Datasets, FigureKind, RunData
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.provenance import without_folders
from wsbench.reports.web.report.subject import Subject

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_LINES = 8
"""Most rows of a figure, as many as there are colours."""

CHOICES = ("calibration", "losses", "thresholds")
"""Figures of how scores, trainings and thresholds came about."""

BY_CLASS, BY_LESION, COST = ("by_class",), ("by_size", "places"), ("cost",)
"""Figures that belong to tables."""


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

    @property
    def width(self) -> int:
        """The width of the drawing in pixels, at which its text has the size of the page's small text."""
        match = re.search(r'\bwidth="(\d+)"', self.svg or "")
        return int(match[1]) if match else 0


@dataclass(frozen=True)
class Figures:
    """The figures of a subject.

    Attributes:
        drawn: by name.
        left_out: a sentence on the rows that they do not show; empty where they show all.
    """

    drawn: Mapping[str, Drawn] = field(default_factory=dict)
    left_out: str = ""

    def html(self, names: Sequence[str], *, absences: bool = False) -> Markup:
        """The HTML of some figures; empty where none of them could be drawn.

        Args:
            names: of the figures.
            absences: whether a line says why a figure is not there.
        """
        from markupsafe import Markup

        figures = [self.drawn[name] for name in names if name in self.drawn]
        if not any(figure.svg for figure in figures):
            return Markup()
        shown = [figure for figure in figures if figure.svg or absences]
        # A single figure of a section with its own title needs no heading.
        headed = len(names) > 1 or absences
        return rendered("report/curves.html", figures=shown, left_out=self.left_out, headed=headed)

    def sections(self, subject: Subject) -> list[Section]:
        """The sections of figures alone: the curves, which are all that no table and no other section has,
        and `CHOICES`. One is missing where none of its figures could be drawn."""
        elsewhere = {*CHOICES, *BY_CLASS, *BY_LESION, *COST}
        names = {
            ("curves", "Curves"): [name for name in self.drawn if name not in elsewhere],
            ("choices", "Scores, training, thresholds"): list(CHOICES),
        }
        sections = []
        for (key, title), of_section in names.items():
            if body := self.html(of_section, absences=True):
                sections.append(Section(subject.anchor(key), title, body, group=subject.group))
        return sections


def figures_of(subject: Subject, datasets: Datasets) -> Figures:
    """Draw all figures of a subject.

    Args:
        subject: the runs. Committed records alone, without predictions, have no figures.
        datasets: their data.
    """
    rows = subject.shown[:MOST_LINES]
    if subject.best_blind is not None and subject.best_blind not in rows:
        rows = (*rows[:-1], subject.best_blind)
    folders = set(subject.folders)
    runs = [
        RunData(record, subject.plugins, datasets)
        for index in rows
        for record in subject.rows[index].records
        if record.folder in folders
    ]
    if not runs:
        return Figures()
    count = len(subject.rows)
    left_out = f"Of {count} rows, {len(rows)} are drawn." if len(rows) < count else ""
    return Figures({name: _drawn(kind, runs) for name, kind in FIGURES.items()}, left_out)


def _drawn(kind: FigureKind, runs: Sequence[RunData]) -> Drawn:
    from markupsafe import Markup

    try:
        figure = kind.draw(runs)
        absence = kind.absence(runs) if figure is None else ""
    except WsbenchError as error:
        figure, absence = None, str(error)
    if figure is None:
        return Drawn(kind.title, kind.caption, None, without_folders(absence))
    # The text of the figure was escaped when it was written as XML.
    return Drawn(kind.title, kind.caption, Markup(kind.svg(figure)))  # nosec B704
