"""The terminal's table of the prompts that a record joins, and what is said of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsbench.cli import tables
from wsbench.errors import printable

if TYPE_CHECKING:
    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec

LONGEST_PROMPT = 32
"""Characters of a prompt that a table shows."""


def show(record: Record, metrics: Mapping[str, MetricSpec]) -> None:
    """Print the spread over prompts of a record, and what its answers were; nothing without prompts."""
    prompts = record.method["facts"].get("prompts", {})
    if spread := prompts.get("spread"):
        _spread(record, prompts, spread, metrics)
    if answers := prompts.get("answers"):
        for line in answer_lines(answers, scored=prompts["scored_boxes"], roles=prompts["roles"]):
            print(line)


def answer_lines(answers: Mapping[str, int], *, scored: bool, roles: list[str]) -> list[str]:
    """Say how many answers have boxes, how boxes without scores rank, and which roles were predicted."""
    lines = [
        f"answers: {answers['total']}; {answers['with_boxes']} with boxes, "
        f"{answers['without_boxes']} without a box, "
        f"{answers['unparsed']} that could not be parsed (they count as without a box)"
    ]
    if answers["partly_parsed"]:
        lines.append(f"answers with boxes of which some could not be parsed: {answers['partly_parsed']}")
    if not scored:
        lines.append("boxes have no scores: they rank by their order in their answer, and images tie")
    if len(roles) < len(("select", "calibrate", "test")):
        lines.append(f"answered roles: {', '.join(roles)}; operating points and box rules of others are 0.5")
    return lines


def _spread(
    record: Record, prompts: Mapping[str, Any], spread: Mapping[str, Any], metrics: Mapping[str, MetricSpec]
) -> None:
    names = [name for name in spread if name in metrics and spread[name]["lowest"] is not None]
    of_class: Mapping[str, list[str]] = prompts["of_class"]

    def line(label: str, key: str) -> list[str]:
        return [label, *(metrics[name].text(spread[name][key]) for name in names)]

    rows = [[f"joined ({prompts['join']})", *(metrics[name].text(record.value(name)) for name in names)]]
    for number in range(max(map(len, of_class.values()))):
        values = [metrics[name].text(spread[name]["values"][number]) for name in names]
        rows.append([_label(number, of_class), *values])
    rows += [line("lowest", "lowest"), line("highest", "highest"), line("sd over prompts", "sd")]
    if len(of_class) > 1:
        for label, texts in of_class.items():
            ranges = [_range(metrics[name], spread[name]["per_class"][label]) for name in names]
            rows.append([f"{label}, {len(texts)} prompts", *ranges])
    print()
    header = ["", *(metrics[name].heading or name for name in names)]
    tables.show(f"prompts of {record.method['name']}, protocol uniform", header, rows, text=1)


def _label(number: int, of_class: Mapping[str, list[str]]) -> str:
    if len(of_class) > 1:
        return f"prompt {number + 1} of each class"
    (texts,) = of_class.values()
    text = printable(texts[number])
    return text if len(text) <= LONGEST_PROMPT else f"{text[: LONGEST_PROMPT - 3]}..."


def _range(metric: MetricSpec, described: Mapping[str, Any]) -> str:
    low, high = (metric.text(described[key]) for key in ("lowest", "highest"))
    return low if low == high else f"{low}\N{EN DASH}{high}"
