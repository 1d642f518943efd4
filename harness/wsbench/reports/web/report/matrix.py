"""Which differences are real: the matrix of all pairs of rows."""

from __future__ import annotations

from dataclasses import dataclass

from wsbench.contract.specs import MetricSpec
from wsbench.reports.differences import Pair, pairs_of
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.subject import Subject
from wsbench.scoring.compared import p_words


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix: the row of the line less the row of the column.

    Attributes:
        text: the difference with its sign; empty on the diagonal and where rows are not compared.
        interval: its 95 % interval, in words.
        p: the corrected p, in words.
        verdict: ``better``, ``worse``, or ``not shown`` where the difference is no more than noise; ``same``
            on the diagonal, and ``none`` where rows are not compared.
    """

    text: str
    interval: str
    p: str
    verdict: str


SAME, MISSING = Cell("", "", "", "same"), Cell("", "", "", "none")


def section(subject: Subject) -> Section | None:
    """The matrix of the metric that ranks; None for fewer than two rows with draws."""
    metric = subject.board.ranked_by
    pairs = pairs_of(subject.board, metric, subject.shown)
    if not pairs:
        return None
    spec = subject.board.metrics[metric]
    compared = [index for index in subject.shown if any(index in both for both in pairs)]
    lines = []
    for index in compared:
        row, cells = subject.rows[index], [_cell(pairs, index, other, spec) for other in compared]
        lines.append((subject.number_of(index), row.label("uniform"), row.is_blind, cells))
    body = rendered(
        "report/matrix.html",
        metric=metric,
        numbers=[subject.number_of(index) for index in compared],
        names=[subject.rows[index].label("uniform") for index in compared],
        lines=lines,
        left_out=subject.left_out,
    )
    return Section(subject.anchor("differences"), "Differences", body, group=subject.group)


def _cell(pairs: dict[tuple[int, int], Pair], index: int, other: int, spec: MetricSpec) -> Cell:
    if index == other:
        return SAME
    pair = pairs.get((min(index, other), max(index, other)))
    if pair is None:
        return MISSING
    sign = 1 if index < other else -1
    middle = sign * pair.difference.difference + 0.0  # no minus before a zero
    low, high = sorted(sign * end for end in pair.difference.interval)
    better = middle > 0 if spec.higher_is_better is not False else middle < 0
    verdict = ("better" if better else "worse") if pair.is_shown else "not shown"
    digits = spec.digits
    return Cell(f"{middle:+.{digits}f}", f"{low:+.{digits}f} to {high:+.{digits}f}", p_words(pair.p), verdict)
