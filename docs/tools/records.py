"""Tables and numbers of README and docs, made from the leaderboards: blocks of cog call these functions.

A block may be a table::

    <!-- [[[cog table("phantom", "uniform", "rank, cond_ap25", "kd_student (quick); two_lungs †") ]]] -->

or prose whose numbers say in a comment behind them where they come from::

    <!-- [[[cog cited() ]]] -->
    Its `cond_gain` is 0.061<!-- phantom: tbva_gan (quick), cond_gain -->.
    <!-- [[[end]]] -->

`cited` writes the same prose with today's numbers, so that the words can be changed freely. ``python
docs/tools/fill.py`` fills all documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsbench.reports.rows import Row

ROOT = Path(__file__).parents[2]
LEADERBOARDS = ROOT / "leaderboards"
NUMBER = r"-?\d+(?:\.\d+)?"
CITED = re.compile(rf"(?P<text>{NUMBER}(?: to {NUMBER})?)<!-- (?P<source>[^>]+?) -->")
"""A number or a range, and the comment behind it that says its source."""

Fill = Callable[[str], str]


@cache
def page(dataset: str) -> str:
    """The text of a leaderboard page."""
    return (LEADERBOARDS / f"{dataset}.md").read_text(encoding="utf-8")


@cache
def lines_of(dataset: str, name: str) -> list[dict[str, str]]:
    """The lines of a table beside a page, of its first data section, by heading.

    Args:
        dataset: whose table.
        name: ``uniform``, ``paper``, ``upstream`` or another one.
    """
    from wsbench.reports.tabular.form import read_csv

    text = (LEADERBOARDS / "tables" / dataset / f"{name}.csv").read_text(encoding="utf-8")
    return [line for line in read_csv(text) if line["table"] == "1"]


def rows_of(dataset: str, name: str) -> dict[str, dict[str, str]]:
    """By label of a row, its cells in a table beside a page, by heading."""
    return {line["row"]: line for line in lines_of(dataset, name)}


def as_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """One table, numbers to the right, with a blank line before and after it."""
    lines = [header, [":---", *["---:"] * (len(header) - 1)], *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def table_of(dataset: str, protocol: str, columns: str, rows: str = "") -> str:
    """Some columns of a table beside a leaderboard page.

    Args:
        dataset: whose table.
        protocol: ``uniform`` or ``paper``.
        columns: their headings, with commas.
        rows: labels of methods, with semicolons; empty: all.

    Raises:
        KeyError: the table has no such row or column.
    """
    by_label = rows_of(dataset, protocol)
    headings = [word.strip() for word in columns.split(",")]
    labels = [word.strip() for word in rows.split(";")] if rows else list(by_label)
    return as_markdown(
        ["method", *headings],
        [[label, *(by_label[label][heading] for heading in headings)] for label in labels],
    )


@cache
def committed(dataset: str) -> dict[str, Row]:
    """By label, the rows of a page's first table, with their records."""
    from wsbench.contract.plugins import find
    from wsbench.reports import leaderboard
    from wsbench.reports.rows import ranked

    metrics = find().metrics
    fingerprint = re.findall("Data `(.*?)`", page(dataset))[0]
    records = leaderboard.read_records(LEADERBOARDS, metrics)[dataset]
    of_table = [record for record in records if record.key["fingerprint"] == fingerprint]
    return {row.label("uniform"): row for row in ranked(of_table, metrics)}


def facts_of(dataset: str, heading: str, rows: str, facts: str) -> str:
    """Means over seeds of what methods say of themselves (`Method.facts`).

    Args:
        dataset: whose records.
        heading: of the first column.
        rows: labels of methods, with semicolons.
        facts: names, each with the digits behind the point: ``score_normal 2, peak_normal 3``.
    """
    wanted = [(name, int(digits)) for name, digits in (word.split() for word in facts.split(","))]
    lines = []
    for label in (word.strip() for word in rows.split(";")):
        said = [record.method["facts"] for record in committed(dataset)[label].records]
        means = [sum(seed[name] for seed in said) / len(said) for name, _ in wanted]
        lines.append(
            [label, *(f"{mean:.{digits}f}" for mean, (_, digits) in zip(means, wanted, strict=True))]
        )
    return as_markdown([heading, *(f"`{name}`" for name, _ in wanted)], lines)


def value_of(source: str) -> list[float]:
    """The number, or the two numbers, that a source names.

    ``phantom: ROW, COLUMN`` is a cell (of several seeds, the mean); ``phantom paper: ROW, COLUMN``
    the same under protocol ``paper``; ``phantom seeds: ROW, METRIC`` the lowest and the highest seed;
    ``phantom difference: ROW less ROW, METRIC`` what `wsbench compare` says, and ``phantom interval: ROW less
    ROW, METRIC`` its 95 % interval. ``phantom upstream: ROW, COLUMN`` is a cell of the table of
    rows less what they build on.

    Raises:
        KeyError: there is no such row, column or kind of source.
    """
    place, _, what = source.partition(": ")
    dataset, _, kind = place.partition(" ")
    label, _, column = what.rpartition(", ")
    if kind in ("", "uniform", "paper", "upstream"):
        cell = rows_of(dataset, kind or "uniform")[label][column]
        return [float(word) for word in re.findall(NUMBER, cell.split(" ± ")[0])]
    if kind == "seeds":
        values = committed(dataset)[label].values(column, "uniform")
        return [min(values), max(values)]
    return {"difference": difference, "interval": interval}[kind](dataset, *label.split(" less "), column)


def difference(dataset: str, first: str, second: str, metric: str) -> list[float]:
    """How far the means of two rows lie apart."""
    means = [side.mean for side in _compared(dataset, first, second, metric)[0]]
    return [means[0] - means[1]]


def interval(dataset: str, first: str, second: str, metric: str) -> list[float]:
    """The differences of two rows that their seeds and the test images leave open."""
    from wsbench.scoring import compared

    estimates, prior = _compared(dataset, first, second, metric)
    return list(compared.difference(metric, *estimates, prior).interval)


@cache
def _compared(dataset: str, first: str, second: str, metric: str):  # type: ignore[no-untyped-def]
    from wsbench.contract.plugins import find
    from wsbench.reports import sides

    pair = sides.pair(first, second, find().metrics, LEADERBOARDS, dataset)
    prior = sides.committed_table(pair[0].row.first, find().metrics, LEADERBOARDS).prior(metric)
    return [side.row.estimate(metric) for side in pair], prior


def refreshed(prose: str) -> str:
    """A text with today's number before every comment that cites a source, with as many digits as before."""

    def replace(match: re.Match[str]) -> str:
        shown, values = match["text"].split(" to "), value_of(match["source"])
        if len(shown) != len(values):
            raise KeyError(f"{match[0]}: {len(values)} numbers come from there")
        digits = [len(word.partition(".")[2]) for word in shown]
        words = [f"{value:.{count}f}" for value, count in zip(values, digits, strict=True)]
        return f"{' to '.join(words)}<!-- {match['source']} -->"

    return CITED.sub(replace, prose)


def table(dataset: str, protocol: str, columns: str, rows: str = "") -> None:
    """Write `table_of` into a document."""
    write(table_of(dataset, protocol, columns, rows))


def facts(dataset: str, heading: str, rows: str, names: str) -> None:
    """Write `facts_of` into a document."""
    write(facts_of(dataset, heading, rows, names))


def cited() -> None:
    """Write what the block holds, with the numbers of today."""
    import cog

    write(refreshed(cog.previous))


def write(text: str) -> None:
    """Write generated text into the document whose block cog is running."""
    import cog  # there while cog runs a document's block

    cog.out(text)
