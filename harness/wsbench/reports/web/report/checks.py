"""Whether heatmaps depend on what was learnt: what `wsbench sanity` has measured of the runs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from wsbench.contract.records import Record
from wsbench.reports import page_words
from wsbench.reports.rows import Row, number
from wsbench.reports.tabular import of_board
from wsbench.reports.tabular.form import ROW
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.subject import Subject

SIMILARITIES = {"spearman": "Spearman", "ssim": "SSIM", "hog": "HOG"}
"""Measures of similarity by their names in records."""

SIMILARITY = (
    "Similarity to the maps of the trained method when what it learnt is random: 1 is an equal map, which "
    "cannot depend on what was learnt."
)
FAITHFULNESS = (
    "Faithfulness: class scores when pixels are removed by a map. A map that is no better than the other "
    "three does not say what the score depends on."
)

Table = tuple[str, list[str], list[list[str]], int]
"""The caption, header and lines of a table, and how many of its columns are words."""


def section(subject: Subject) -> Section | None:
    """The tables of sanity checks and of faithfulness; None where no run was checked."""
    tables = {SIMILARITY: _similarity(subject.rows), FAITHFULNESS: _faithfulness(subject.rows)}
    made = {note: table for note, table in tables.items() if table[2]}
    if not made:
        return None
    body = rendered("report/plain.html", note=" ".join(made), tables=list(made.values()), figures="")
    return Section(subject.anchor("sanity"), "Sanity of the maps", body, group=subject.group)


def _similarity(rows: Sequence[Row]) -> Table:
    lines = []
    for row in rows:
        checked = [record for record in row.records if record.sanity]
        names = dict.fromkeys(name for record in checked for name in record.sanity["checks"])
        for name in names:
            of_check = [record for record in checked if name in record.sanity["checks"]]
            lines += [_condition(row, of_check, name, place) for place in _conditions(of_check, name)]
    header = ["method", "random", "seeds", *SIMILARITIES.values(), "undefined maps"]
    return "Similarity of maps to those of the trained method", header, lines, 2


def _conditions(checked: Sequence[Record], name: str) -> range:
    return range(min(len(record.sanity["checks"][name]) for record in checked))


def _condition(row: Row, checked: Sequence[Record], name: str, place: int) -> list[str]:
    results = [record.sanity["checks"][name][place] for record in checked]
    values = [_mean([result[measure]["value"] for result in results]) for measure in SIMILARITIES]
    undefined, maps = (
        sum(result["undefined"] for result in results),
        sum(record.sanity["maps"] for record in checked),
    )
    what = page_words.RANDOM.get(name, results[0]["what"])
    return [row.label("uniform"), what, _seeds(checked), *map(number, values), f"{undefined} of {maps}"]


def _faithfulness(rows: Sequence[Row]) -> Table:
    table = of_board.faithfulness(rows)
    words = sum(not column.numeric for column in table.columns)
    columns = sorted(table.columns, key=lambda column: column.numeric)  # words first
    header = ["method" if column.name == ROW else column.name for column in columns]
    lines = table.select([column.name for column in columns]).texts()
    return "Faithfulness: what becomes of class scores when pixels are removed", header, lines, words


def _seeds(records: Sequence[Record]) -> str:
    return ", ".join(str(record.seed) for record in records)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None
