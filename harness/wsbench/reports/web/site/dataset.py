"""The page of a dataset: its ranked table, then every further table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wsbench.reports import page_words
from wsbench.reports.board_tables import notes_below, published_table
from wsbench.reports.rows import metrics_of_table
from wsbench.reports.tabular.form import METHOD, SETTINGS, Table
from wsbench.reports.tabular.sections import Section
from wsbench.reports.web import document
from wsbench.reports.web.document import rendered
from wsbench.reports.web.site import addresses
from wsbench.reports.web.site.boards import DatasetBoard
from wsbench.reports.web.site.parts import of_table, section
from wsbench.reports.web.site.ranking import ranking
from wsbench.reports.web.site.words import as_html

if TYPE_CHECKING:
    from markupsafe import Markup

    from wsbench.reports.web.document import Section as Part

SIGNS = page_words.PREFACE.partition("; do not edit. ")[2]

NOTES: Mapping[str, str] = {
    "paper": "Every method's own boxes and thresholds, as its paper has them. This protocol does not rank.",
    "upstream": page_words.UPSTREAM.partition("\n")[2],
    "floors": "Boxes that never look at the image, with the class scores of each row.",
    "prompts": "What a single prompt of each class reaches, of rows that join several.",
    "sanity": page_words.SANITY,
    "faithfulness": page_words.FAITHFULNESS,
    "costs": page_words.COSTS,
}
TITLES = {
    "paper": "Protocol paper",
    "upstream": "Less what they build on",
    "floors": "Image-blind boxes",
    "prompts": "Spread over prompts",
    "sanity": "Sanity",
    "faithfulness": "Faithfulness",
    "costs": "Cost",
}


def page(board: DatasetBoard, *, fold_maps: bool) -> str:
    """The HTML of a dataset's page.

    Args:
        board: the dataset.
        fold_maps: folds rows that differ from a better one only by options of the map.
    """
    parts = []
    for of_data in board.sections:
        parts += _parts(board, of_data, fold_maps=fold_maps)
    if board.sections:
        parts.append(section("signs", "How to read it", as_html(SIGNS)))
    if board.people:
        parts.append(section("readers", "Readers", as_html("\n".join(board.people))))
    if board.printed:
        tables = "\n".join(published_table(paper, table) for paper, table in board.printed)
        words = page_words.PUBLISHED.partition("\n")[2].partition(" Wide tables")[0]
        parts.append(section("published", "Published", as_html(words), as_html(tables)))
    return document.page(
        f"Leaderboard: {board.name}",
        parts,
        lead=lead(board),
        home=addresses.link("index.html", board.address),
    )


def lead(board: DatasetBoard) -> str:
    """What a dataset's part of the leaderboards holds, in a sentence."""
    if not board.sections:
        return "No run of wsbench on this dataset has been submitted. Below is what papers print of it."
    data, rows = board.sections[0].first.dataset, sum(len(part.board.rows) for part in board.sections)
    images, boxes = data["images"]["test"], data["boxes"]["test"]
    if len(board.sections) > 1:
        return f"{rows} rows in {len(board.sections)} tables, which cannot be compared with each other."
    return f"{rows} row{'s' if rows != 1 else ''}, tested on {images} images with {boxes} boxes."


def _parts(board: DatasetBoard, of_data: Section, *, fold_maps: bool) -> list[Part]:
    several = len(board.sections) > 1
    group, end = (f"data {of_data.number}", f"-{of_data.number}") if several else ("", "")
    links, rows = board.links(of_data, board.address), of_data.board.rows
    notes = as_html("\n".join(notes_below(of_data.board)))
    ranked = ranking(of_data, links, f"ranked{end}", fold_maps=fold_maps)
    parts = [
        section(f"ranking{end}", "Ranking", _facts(of_data), ranked, notes, group=group),
    ]
    if (further := _further(of_data)) is not None:
        body = of_table(f"further-table{end}", "Further measures, protocol uniform", further, rows, links)
        parts.append(section(f"further{end}", "Further measures", body, group=group))
    for name, title in TITLES.items():
        if (table := of_data.tables.get(name)) is not None:
            body = of_table(f"{name}-table{end}", title, table, rows, links)
            parts.append(section(f"{name}{end}", title, as_html(NOTES[name]), body, group=group))
    return parts


def _further(of_data: Section) -> Table | None:
    """The columns of protocol ``uniform`` that the ranked table does not have; None without any."""
    table, rows = of_data.tables["uniform"], of_data.board.rows
    further = [name for name in metrics_of_table(rows, "uniform") if name in {c.name for c in table.columns}]
    shown = {of_data.board.ranked_by, *metrics_of_table(rows, "ranking")}
    names = [name for name in further if name not in shown]
    names += [column.name for column in table.columns if column.name.startswith("pooled ")]
    return table.select([METHOD, SETTINGS, *names]) if names else None


def _facts(of_data: Section) -> Markup:
    return rendered("site/facts.html", facts=facts(of_data))


def facts(of_data: Section) -> list[tuple[str, str]]:
    """What a section's rows were trained and tested on."""
    data, key = of_data.first.dataset, of_data.first.key
    roles = ", ".join(f"{count} {role}" for role, count in data["images"].items())
    boxes = ", ".join(f"{count} {role}" for role, count in data["boxes"].items())
    options = ", ".join(f"{name}={value}" for name, value in sorted(data["settings"].items()))
    return [
        ("Images", roles),
        ("Boxes", boxes),
        ("Classes", ", ".join(data["classes"])),
        *([("Options", options)] if options else []),
        *([("Folds", str(data["folds"]))] if data.get("folds") else []),
        ("Data", key["fingerprint"]),
        ("Protocol version", str(key["protocol"])),
        ("The test split has seen", of_data.seen.removeprefix("Its test split has seen ").removesuffix(".")),
    ]
