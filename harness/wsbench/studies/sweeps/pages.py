"""The table of a sweep in a terminal and as markdown, from the same cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wsbench.errors import printable
from wsbench.reports.labels import BLIND
from wsbench.scoring.compared import p_words
from wsbench.studies.sweeps.results import Line, SweepResults


@dataclass(frozen=True)
class Page:
    """One table: rows that share test images and protocol.

    Attributes:
        title: what is shown, in words.
        header: the headings.
        rows: the cells of every row.
        settings: number of columns at the left that hold settings.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    settings: int

    def markdown(self) -> str:
        """The table as markdown."""
        ends = [":---"] * self.settings + ["---:"] * (len(self.header) - self.settings)
        lines = [self.header, tuple(ends), *self.rows]
        body = "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        return f"**{self.title}**\n\n{body}\n"


def pages(results: SweepResults) -> Iterator[Page]:
    """The tables of a sweep. The first metric of a table has all its noise, the others are means."""
    lines = results.printed
    for tested_on in dict.fromkeys(line.tested_on for line in lines):
        for protocol in dict.fromkeys(line.protocol for line in lines):
            chosen = [line for line in lines if line.tested_on == tested_on and line.protocol == protocol]
            if chosen:
                yield _page(results, chosen, f"tested on {tested_on[0]}, protocol {protocol}")


def _page(results: SweepResults, lines: Sequence[Line], title: str) -> Page:
    metrics, names = list(dict.fromkeys(line.metric for line in lines)), results.swept or ["method"]
    compared = any(line.difference for line in lines)
    header = [*names, "n", metrics[0], "95 %"]
    header += ["diff.", "95 %", "p (Holm)"] if compared else []
    header += metrics[1:]
    by_row: dict[tuple[tuple[str, str], ...], dict[str, Line]] = {}
    for line in lines:
        by_row.setdefault(tuple(line.settings.items()), {})[line.metric] = line
    rows = []
    for of_row in by_row.values():
        first = next(iter(of_row.values()))
        cells = [_setting(first, name, names[0]) for name in names] + [str(first.seeds)]
        main = of_row.get(metrics[0])
        cells += _main(results, main) + (_difference(main) if compared else [])
        cells += [_mean(results, of_row.get(metric)) for metric in metrics[1:]]
        rows.append(tuple(cells))
    return Page(printable(title), tuple(header), tuple(rows), len(names))


def _setting(line: Line, name: str, first: str) -> str:
    """A setting of a row. In the first column, an image-blind row has its name and the mark."""
    if line.reference:
        return f"{line.settings['method']} {BLIND}" if name == first else ""
    return printable(line.settings.get(name, ""))


def _main(results: SweepResults, line: Line | None) -> list[str]:
    if line is None:
        return ["-", ""]
    spread = "" if line.sd is None else f" ± {results.metrics[line.metric].text(line.sd)}"
    ends = "" if line.interval is None else "{:.2f}\N{EN DASH}{:.2f}".format(*line.interval)
    return [f"{_mean(results, line)}{spread}", ends]


def _mean(results: SweepResults, line: Line | None) -> str:
    return "-" if line is None else results.metrics[line.metric].text(line.mean)


def _difference(line: Line | None) -> list[str]:
    if line is None or line.difference is None:
        return ["", "", ""]
    low, high = line.difference.interval
    p = "" if line.p_holm is None else p_words(line.p_holm)
    return [f"{line.difference.difference:+.3f}", f"{low:.2f} to {high:.2f}", p]
