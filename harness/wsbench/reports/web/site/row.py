"""The page of a row: what it is, what it reached, by class and by seed, and how to make it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wsbench.contract.plugins import Plugins
from wsbench.reports.labels import changed_of
from wsbench.reports.rows import Row
from wsbench.reports.tabular.form import ABSENT, Table
from wsbench.reports.tabular.sections import Section, folded_maps
from wsbench.reports.web import document
from wsbench.reports.web.document import rendered
from wsbench.reports.web.report.commands import command_of
from wsbench.reports.web.site import addresses, dataset, thresholds
from wsbench.reports.web.site.board_file import by_class, interval_of
from wsbench.reports.web.site.boards import DatasetBoard
from wsbench.reports.web.site.parts import Entry, Heading, Shown, of_table, plain_table, section, table_html
from wsbench.reports.web.site.ranking import headings, lines_of
from wsbench.reports.web.site.words import as_html

if TYPE_CHECKING:
    from markupsafe import Markup


FROM_BOARD = ("upstream", "prompts", "sanity", "faithfulness", "costs")
"""Tables of the dataset's page whose lines of the row its own page has, too."""


def page(board: DatasetBoard, of_data: Section, index: int, plugins: Plugins) -> str:
    """The HTML of a row's page.

    Args:
        board: the row's dataset.
        of_data: the section that it stands in.
        index: its number there.
        plugins: all plugins. They say what settings mean.
    """
    row, base = of_data.board.rows[index], board.pages[of_data.number, index]
    parts = [
        section("result", "Result", *_result(board, of_data, index)),
        section("again", "Run it again", _again(row, plugins)),
        section("settings", "Settings", _settings(row, plugins)),
        section("measures", "Measures", *(_measures(of_data, index, name) for name in row.first.protocols)),
        section("classes", "By class", *(_classes(row, protocol) for protocol in row.first.protocols)),
        section("thresholds", "Thresholds", *thresholds.bodies(row)),
    ]
    links = board.links(of_data, base)
    for name in FROM_BOARD:
        table = _own(of_data.tables.get(name), index)
        if table is not None:
            body = of_table(f"{name}-table", dataset.TITLES[name], table, of_data.board.rows, links)
            parts.append(section(name, dataset.TITLES[name], as_html(dataset.NOTES[name]), body))
    parts.append(section("provenance", "Provenance", _provenance(row)))
    spec = plugins.methods.get(row.first.method["name"])
    lead = spec.summary if spec else ""
    home = addresses.link("index.html", base)
    return document.page(f"{row.label('uniform')} on {board.name}", parts, lead=lead, home=home)


def _own(table: Table | None, index: int) -> Table | None:
    """The lines of a row; None without any."""
    if table is None:
        return None
    own = table.without(frozenset(line.row for line in table.lines if line.row is not None) - {index})
    return own if own.lines else None


def _result(board: DatasetBoard, of_data: Section, index: int) -> list[Markup]:
    rows, base = of_data.board.rows, board.pages[of_data.number, index]
    links = board.links(of_data, base)
    shown = [line for _, line in lines_of(of_data, {index: ""}, [index], measures=False)]
    heads = headings(of_data.board, measures=False)
    table = table_html("result-table", "Protocol uniform; dashed: the best image-blind row", heads, shown)
    others = next(
        (
            [other for other in (best, *rest) if other != index]
            for best, rest in folded_maps(of_data.board).items()
            if index in (best, *rest)
        ),
        [],
    )
    words = rendered(
        "site/result.html",
        standing=of_data.board.standings.get(index),
        unconverged=[sign.words for sign in rows[index].unconverged],
        count=len(rows),
        metric=of_data.board.ranked_by,
        apart=rows[index].apart,
        dataset=board.name,
        href=addresses.link(board.address, base),
        others=[(changed_of(rows[other].first) or "no change", links[other]) for other in others],
        blind=rows[index].is_blind,
    )
    return [words, table]


def _again(row: Row, plugins: Plugins) -> Markup:
    return rendered("site/again.html", command=command_of(row, plugins), external=row.external)


def _settings(row: Row, plugins: Plugins) -> Markup:
    method, spec = row.first.method, plugins.methods.get(row.first.method["name"])
    fields = spec.settings.model_fields if spec else {}
    later = {*spec.after_fit, *spec.after_predict} if spec else set()
    lines = []
    for name, value in method["settings"].items():
        notes = ["changed"] if name in method["changed"] else []
        notes += ["needs no second training"] if name in later else []
        meaning = (fields[name].description or "") if name in fields else ""
        lines.append([name, _word(value), ", ".join(notes), meaning])
    facts = [
        ("Method", method["name"]),
        ("Preset", method["preset"]),
        ("Seeds", row.seeds),
        *([("Publication", method["citation"])] if method.get("citation") else []),
        ("Sees boxes", method.get("box_use") or method["box_supervision"]),
        *([("Trained before on", ", ".join(row.first.trained_on))] if row.first.trained_on else []),
        *((name, _word(value)) for name, value in method.get("facts", {}).items()),
    ]
    table = plain_table("settings-table", "All settings", ["Setting", "Value", "Note", "Meaning"], lines)
    return rendered("site/facts.html", facts=facts) + (table if lines else "")


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _measures(of_data: Section, index: int, protocol: str) -> Markup:
    row, metrics = of_data.board.rows[index], of_data.board.metrics
    present = row.first.protocols[protocol]["metrics"]
    names = sorted(
        (name for name in present if name in metrics and row.can_have(name)), key=_order(row, protocol)
    )
    header = [Heading("Metric", numeric=False), Heading("Mean"), Heading("95 %")]
    header += [Heading(f"seed {record.seed}") for record in row.records] if len(row.records) > 1 else []
    lines = []
    for name in names:
        spec, mean = metrics[name], row.average(name, protocol)
        bounds = interval_of(of_data.board, index, spec, protocol)
        cells = [
            Entry(name, under=spec.summary),
            Entry(row.cell(name, protocol), "" if mean is None else repr(mean)),
            Entry(f"{spec.text(bounds[0])} to {spec.text(bounds[1])}" if bounds else ABSENT),
        ]
        if len(row.records) > 1:
            cells += [Entry(spec.text(value)) for value in row.values(name, protocol)]
        lines.append(Shown(tuple(cells)))
    return table_html(f"measures-{protocol}", f"Protocol {protocol}", header, lines)


def _order(row: Row, protocol: str) -> Any:
    """A sort key of metrics: those of the tables first, in their order."""
    from wsbench.reports.rows import metrics_of_table

    tables = ("ranking", "uniform") if protocol == "uniform" else ("paper",)
    shown = [row.ranked_by, *(name for table in tables for name in metrics_of_table([row], table))]
    return lambda name: (shown.index(name) if name in shown else len(shown), name)


def _classes(row: Row, protocol: str) -> Markup:
    present = row.first.protocols[protocol]["metrics"]
    names = sorted(
        (name for name, values in present.items() if values.get("per_class") and name in row.metrics),
        key=_order(row, protocol),
    )
    names = [name for name in names if row.can_have(name)]
    means = {name: by_class(row, name, protocol) for name in names}
    lines = [
        [label, *(row.metrics[name].text(means[name].get(label)) for name in names)]
        for label in row.first.dataset["classes"]
    ]
    return plain_table(
        f"classes-{protocol}", f"Protocol {protocol}: means over seeds", ["Class", *names], lines
    )


def _provenance(row: Row) -> Markup:
    header = ["Seed", "Training", "Device", "Python", "Commit", "wsbench", "torch"]
    lines = []
    for record in row.records:
        made = record.provenance
        versions, git = made.get("versions", {}), made.get("git") or {}
        commit = f"{git.get('commit', ABSENT)[:12]}{' (changed)' if git.get('changed') else ''}"
        lines.append(
            [
                str(record.seed),
                record.training or ABSENT,
                str(made.get("device", ABSENT)),
                str(made.get("python", ABSENT)),
                commit,
                versions.get("wsbench", ABSENT),
                versions.get("torch", ABSENT),
            ]
        )
    return plain_table("provenance-table", "The runs", header, lines)
