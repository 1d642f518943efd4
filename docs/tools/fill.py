"""Fills what is generated in README and docs: ``python docs/tools/fill.py``; with ``--check`` it only looks.

Blocks of cog (https://cog.readthedocs.io) call the functions of `records` (numbers of leaderboards),
`localised` (whether methods localise), `sweeps` (tables of sweeps), `reference` (names, commands, metrics)
and `shortcut` (the shortcut study). Nothing outside of a block is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cogapp import Cog

TOOLS = Path(__file__).parent
ROOT = TOOLS.parents[1]
PROLOGUE = (
    "import shortcut\n"
    "from localised import classes, signs\n"
    "from records import cited, facts, table\n"
    "from reference import commands, dataset_names, datasets, plugins\n"
    "from sweeps import sweep"
)


def documents() -> list[Path]:
    """All pages with a block of cog."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if "[[[cog " in page.read_text(encoding="utf-8")]


def main(words: list[str]) -> int:
    """Fill the documents, or say which ones are not as they would be filled: exit code 5."""
    how = ["--check", "--diff"] if "--check" in words else ["-r"]
    pages = [str(page) for page in documents()]
    code: int = Cog().main(["cog", *how, "-e", "-I", str(TOOLS), "-p", PROLOGUE, *pages])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
