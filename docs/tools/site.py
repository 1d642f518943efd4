"""Builds the documentation as a site: ``python docs/tools/site.py`` fills ``build/site``.

Pages are written for two places, the repository's own view and the site, and in both a link names a file
beside the page. So Zensical is given copies in ``build/pages``: those of docs, with the leaderboards,
CONTRIBUTING and CHANGELOG beside them, links that fit, and no comments. Links to files that are no pages
become plain text.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "build" / "pages"
ADDED = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"^(```.*?^```[^\n]*$)", flags=re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"(`[^`\n]+`)|(?<=\d)<!--.*?-->|<!--.*?-->\n?", flags=re.DOTALL)
"""A comment, with the end of its line unless a number stands before it; code between backticks is none."""


def sources() -> dict[str, Path]:
    """By address on the site, the files that it is made from."""
    docs, boards = ROOT / "docs", ROOT / "leaderboards"
    files = {
        path.relative_to(docs).as_posix(): path
        for path in sorted(docs.rglob("*"))
        if path.is_file() and "tools" not in path.relative_to(docs).parts
    }
    files |= {f"leaderboards/{path.name}": path for path in sorted(boards.glob("*.md"))}
    return files | {address: ROOT / name for name, address in ADDED.items()}


def site_address(path: str) -> str | None:
    """The address on the site of a file of the repository; None if it is not on the site."""
    if path == "README.md":
        return "index.md"
    file = ROOT / path
    return next((address for address, source in sources().items() if source == file), None)


def relinked(text: str, address: str) -> str:
    """A page's text with its links as the site needs them.

    Raises:
        FileNotFoundError: a link or a picture leads to no file of the repository.
    """
    folder = sources()[address].parent.relative_to(ROOT).as_posix()

    def replace(match: re.Match[str]) -> str:
        picture, words, target, anchor = match.groups()
        if not target or ":" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        if not (ROOT / path).exists():
            raise FileNotFoundError(f"{folder}, page {address}: there is no {target}")
        page = site_address(path)
        if page is None:
            return words
        return (
            f"{picture}[{words}]({posixpath.relpath(page, posixpath.dirname(address) or '.')}{anchor or ''})"
        )

    return LINK.sub(replace, text)


def prepared(text: str, address: str) -> str:
    """A page's text as the site shows it; blocks of code stay as they are."""
    parts = FENCE.split(text)
    return "".join(
        part if part.startswith("```") else relinked(COMMENT.sub(lambda m: m[1] or "", part), address)
        for part in parts
    )


def assemble(folder: Path) -> None:
    """Write all pages and pictures of the site into a folder of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    for address, source in sources().items():
        target = folder / address
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(prepared(source.read_text(encoding="utf-8"), address), encoding="utf-8")
        else:
            shutil.copyfile(source, target)


def main() -> int:
    """Build the site; any warning is an error, those about docstrings included."""
    assemble(PAGES)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr, end="")
    return done.returncode or int("griffe:" in done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(main())
