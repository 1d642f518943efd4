"""Short forms of records: a few lines for a Python prompt, and a table for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wsbench.contract.protocol import ranked_by
from wsbench.errors import printable

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from wsbench.contract.records import Record


class Drawable:
    """One or several records, of which figures can be drawn."""

    def figure(
        self, name: str, *, root: str | Path | None = None, plugin_files: Iterable[str | Path] = ()
    ) -> Figure:
        """Draw a figure; see `wsbench.finished.figure`."""
        # Drawing needs rooms that this one may not import. The package itself knows its public names, and
        # loads them when they are asked for.
        import wsbench

        runs: Any = self
        return wsbench.finished.figure(runs, name, root=root, plugin_files=plugin_files)


def label(record: Record) -> str:
    """Method, preset, seed and dataset of a record, in one line."""
    method, data = record.method, record.dataset
    of_seed = f"{method['name']} ({method['preset']}), seed {record.seed}"
    trained = f", trained on {record.transfer['trained_on']['name']}" if record.transfer else ""
    return printable(f"{of_seed}{trained}, on {data['name']} ({data['images']['test']} test images)")


def main_metrics(record: Record, protocol: str) -> list[str]:
    """The metrics of a record by which rows are compared. The one that ranks is the first."""
    made = record.protocols[protocol]
    first = ranked_by(record.dataset["boxes"]["test"])
    return [name for name in dict.fromkeys([first, *made.get("draws", {})]) if name in made["metrics"]]


def in_words(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A value with three decimal places and its 95 % interval; a dash where the value does not exist."""
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def summary(record: Record) -> str:
    """A line that names the run, and a line for each protocol with its main metrics and 95 % intervals."""
    lines = [label(record)]
    for protocol in record.protocols:
        values = [f"{name} {_cell(record, protocol, name)}" for name in main_metrics(record, protocol)]
        lines.append(f"  {protocol}: {', '.join(values)}")
    return "\n".join(lines)


def as_html(records: Iterable[Record]) -> str:
    """An HTML table with a row for each record and protocol and a column for each main metric. Text is
    escaped."""
    rows: list[tuple[Record, str]] = [(record, name) for record in records for name in record.protocols]
    columns = list(dict.fromkeys(name for row in rows for name in main_metrics(*row)))
    cells = [
        [label(record), protocol, *(_cell(record, protocol, name) for name in columns)]
        for record, protocol in rows
    ]
    return html_table(["run", "protocol", *columns], cells)


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, pictures: Sequence[str] = ()) -> str:
    """An HTML table. Text is escaped.

    Args:
        header: the headings of its columns.
        rows: the cells of each row, as plain text.
        pictures: the address of a picture for each row, as a last column; none without.
    """
    body = [_cells("td", row) for row in rows]
    if pictures:
        images = [f'<td><img alt="" src="{html.escape(address)}"></td>' for address in pictures]
        body = [f"{cells}{image}" for cells, image in zip(body, images, strict=True)]
    lines = "".join(f"<tr>{cells}</tr>" for cells in body)
    return f"<table><thead><tr>{_cells('th', header)}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(record: Record, protocol: str, metric: str) -> str:
    described: Mapping[str, Any] = record.protocols[protocol]["metrics"].get(metric, {})
    return in_words(described.get("value"), described.get("interval"))


def _cells(tag: str, cells: Iterable[str]) -> str:
    return "".join(f"<{tag}>{html.escape(printable(cell))}</{tag}>" for cell in cells)
