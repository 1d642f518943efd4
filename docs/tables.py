"""Fills the tables of README and docs from the leaderboard pages: ``python docs/tables.py``.

A table follows a comment that names a page, a protocol, columns and, if not all are wanted, rows:

    <!-- table phantom uniform: rank, cond_ap25, auc; rows: kd_student (quick), two_lungs † -->

Nothing but the lines of the table is rewritten. ``tests/test_documents.py`` holds documents to it.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMENT = re.compile(r"<!-- table (\w+) (\w+): ([^;]*?)(?:; rows: (.*?))? -->\n")
SECTIONS = {"uniform": 1, "paper": 2}


def cells(line: str) -> list[str]:
    """The cells of one line of a markdown table."""
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a text whose first column is headed ``method``, without their rules."""
    found = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("| method |"):
            rest = list(itertools.takewhile(lambda row: row.startswith("| "), lines))
            found.append([cells(line), *map(cells, rest[1:])])
    return found


def rows_of(page: str, protocol: str) -> dict[str, dict[str, str]]:
    """By method, the cells of all tables of one protocol's first data section, by heading."""
    section = page.split("## Protocol")[SECTIONS[protocol]].split("\n## ", maxsplit=1)[0]
    merged: dict[str, dict[str, str]] = {}
    for header, *rows in tables(section):
        for row in rows:
            merged.setdefault(row[0], {}).update(zip(header, row, strict=True))
    return merged


def table(page: str, protocol: str, columns: list[str], wanted: list[str]) -> str:
    """One table as markdown.

    Raises:
        KeyError: the page has no such row or column.
    """
    rows = rows_of(page, protocol)
    header = ["method", *columns]
    lines = [header, [":---", *["---:"] * len(columns)]]
    lines += [[name, *(rows[name][column] for column in columns)] for name in wanted or rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def filled(text: str) -> str:
    """A document with every table as its page has it."""

    def replace(match: re.Match[str]) -> str:
        dataset, protocol, columns, rows = match.groups()
        page = (ROOT / "leaderboards" / f"{dataset}.md").read_text(encoding="utf-8")
        wanted = [name.strip() for name in rows.split(",")] if rows else []
        comment = match[0].splitlines()[0]
        lines = table(page, protocol, [column.strip() for column in columns.split(",")], wanted)
        return f"{comment}\n\n{lines}\n"

    with_old = re.compile(COMMENT.pattern + r"\n*(?:\|.*\n)*\n*")
    return with_old.sub(replace, text)


def documents() -> list[Path]:
    """README and all pages of docs that have such tables."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in pages if "<!-- table " in page.read_text(encoding="utf-8")]


if __name__ == "__main__":
    for document in documents():
        document.write_text(filled(document.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"filled {document.relative_to(ROOT)}")
