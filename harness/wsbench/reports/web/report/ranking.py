"""Which row is best: the ranked tables of both protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsbench.reports.board_tables import notes_of
from wsbench.reports.labels import BLIND, BOXED, TRANSFERRED, changed_of
from wsbench.reports.rows import Row, metrics_of_table
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.bars import Scale
from wsbench.reports.web.report.subject import Subject

if TYPE_CHECKING:
    from markupsafe import Markup

    from wsbench.contract.specs import MetricSpec

MARKS = {
    BLIND: "never looks at the image",
    BOXED: "uses annotated boxes of the calibrate role under this protocol",
    TRANSFERRED: "was trained on another dataset than the one that it is tested on",
}
"""What marks behind names mean."""


@dataclass(frozen=True)
class Cell:
    """A value in a table.

    Attributes:
        value: by which the table is sorted; None where it does not exist.
        text: the value, and its spread over seeds.
        interval: the 95 % interval in words; empty without one.
    """

    value: float | None
    text: str
    interval: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a ranked table.

    Attributes:
        place: its number, which other tables name it by.
        name, changed: its method with marks, and its changed settings.
        blind: whether it never looks at the image.
        seeds: its seeds.
        rank: the rank interval that holds for the whole table, in words; empty without one.
        best_rank: the first rank of that interval; None without one.
        winner: whether no other row is better by more than noise.
        alone: the rank interval of the row alone.
        bar: the drawing of the ranking metric.
        cells: of the metrics.
    """

    place: str
    name: str
    changed: str
    blind: bool
    seeds: str
    rank: str
    best_rank: int | None
    winner: bool
    alone: str
    bar: Markup | str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Ranked:
    """A table of one protocol.

    Attributes:
        protocol: its name.
        caption: what it shows.
        metrics: the metrics of its columns. The one that ranks comes first.
        axis: the scale of the bars.
        lines: its rows, the best first.
    """

    protocol: str
    caption: str
    metrics: tuple[MetricSpec, ...]
    axis: Markup
    lines: tuple[Line, ...]

    @property
    def with_settings(self) -> bool:
        """Whether any row has changed settings."""
        return any(line.changed for line in self.lines)


CAPTIONS = {
    "uniform": "Protocol uniform: the harness chooses boxes and thresholds for every method in the same way.",
    "paper": "Protocol paper: every method has its own boxes and thresholds. The ranks are those of uniform.",
}


def section(subject: Subject) -> Section:
    """The ranked tables of a subject under both protocols, with what their marks mean."""
    tables = [
        ranked(subject, protocol)
        for protocol in CAPTIONS
        if any(protocol in record.protocols for record in subject.records)
    ]
    body = rendered(
        "report/ranking.html",
        tables=tables,
        anchor=subject.anchor("ranking"),
        ranked_by=subject.board.metrics[subject.board.ranked_by],
        notes=notes(subject),
        blind_line=subject.best_blind is not None,
    )
    return Section(subject.anchor("ranking"), "Ranking", body, group=subject.group)


def ranked(subject: Subject, protocol: str) -> Ranked:
    """The table of one protocol.

    Args:
        subject: the rows.
        protocol: ``uniform`` or ``paper``.
    """
    board, main = subject.board, subject.board.ranked_by
    others = [name for name in metrics_of_table(board.rows, _TABLES[protocol]) if name != main]
    if protocol == "uniform":
        further = metrics_of_table(board.rows, "uniform")
        others += [name for name in further if name not in others and name != main]
    indices = [index for index, row in enumerate(board.rows) if protocol in row.first.protocols]
    values = {index: board.rows[index].average(main, protocol) for index in indices}
    intervals = {index: interval(subject, index, main, protocol) for index in indices}
    ends = [end for bounds in intervals.values() if bounds for end in bounds]
    floor = None if subject.best_blind is None else values.get(subject.best_blind)
    scale = Scale.of([*ends, *(value for value in values.values() if value is not None)], floor)
    lines = [
        _line(subject, index, protocol, scale.bar(values[index], intervals[index]), [main, *others])
        for index in indices
    ]
    metrics = tuple(board.metrics[name] for name in (main, *others))
    return Ranked(protocol, CAPTIONS[protocol], metrics, scale.axis(), tuple(lines))


_TABLES = {"uniform": "ranking", "paper": "paper"}


def interval(subject: Subject, index: int, metric: str, protocol: str) -> tuple[float, float] | None:
    """The 95 % interval of a row over seeds, images and thresholds, where records keep the metric draw by
    draw; else that of these networks."""
    board = subject.board
    over_seeds = protocol == "uniform" and board.metrics[metric].is_kept
    bounds = board.interval(index, metric) if over_seeds else None
    return bounds or board.rows[index].of_networks(metric, protocol)


def _line(subject: Subject, index: int, protocol: str, bar: Markup | str, metrics: Sequence[str]) -> Line:
    board, row = subject.board, subject.rows[index]
    standing = board.standings.get(index)
    return Line(
        place=subject.number_of(index),
        name=row.name(protocol),
        changed=changed_of(row.first),
        blind=row.is_blind,
        seeds=row.seeds,
        rank=standing.words if standing else "",
        best_rank=standing.best if standing else None,
        winner=standing is not None and standing.winner,
        alone=standing.likely if standing else "",
        bar=bar,
        cells=tuple(_cell(subject, index, metric, protocol) for metric in metrics),
    )


def _cell(subject: Subject, index: int, metric: str, protocol: str) -> Cell:
    row, spec = subject.rows[index], subject.board.metrics[metric]
    bounds = interval(subject, index, metric, protocol)
    words = "" if bounds is None else f"{spec.text(bounds[0])} to {spec.text(bounds[1])}"
    return Cell(row.average(metric, protocol), row.cell(metric, protocol), words)


def notes(subject: Subject) -> list[str]:
    """What the marks of a subject's rows mean, and what was said of the weights and settings of some rows."""
    rows = subject.rows
    labels = "".join(row.label(protocol) for row in rows for protocol in CAPTIONS)
    explained = [f"{mark} {meaning}." for mark, meaning in MARKS.items() if mark in labels]
    return [*explained, *notes_of(subject.board), *_folds(rows)]


def _folds(rows: Sequence[Row]) -> list[str]:
    folds = rows[0].folds
    return [f"± is the standard deviation over the {folds} folds of all seeds."] if folds else []
