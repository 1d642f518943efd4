"""Short forms of records: a few lines for a Python prompt, and a table for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wsbench.contract.protocol import ranked_by
from wsbench.errors import printable

if TYPE_CHECKING:
    from wsbench.contract.records import Record


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
    head = _row("th", ["run", "protocol", *columns])
    lines = [
        _row("td", [label(record), protocol, *(_cell(record, protocol, name) for name in columns)])
        for record, protocol in rows
    ]
    return f"<table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(record: Record, protocol: str, metric: str) -> str:
    described: Mapping[str, Any] = record.protocols[protocol]["metrics"].get(metric, {})
    return in_words(described.get("value"), described.get("interval"))


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
