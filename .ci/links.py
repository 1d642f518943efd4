"""Checks a folder of HTML pages: ``python .ci/links.py FOLDER``.

Every link leads to a file of the folder and to a place that it has, no page asks for any other file, and none
is too large to be opened at once. Links that lead to other hosts are not followed.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"),
          ("object", "data"), ("embed", "src"), ("video", "src"), ("audio", "src"), ("image", "href"),
          ("form", "action"), ("input", "src"), ("use", "href")}  # fmt: skip
"""What a browser loads without being asked."""

IN_STYLE = re.compile(r"url\(\s*['\"]?(?!data:|#)([^)'\"]+)|@import")
LARGEST = 5_000_000


class Page(HTMLParser):
    """The addresses that a page names, and the places that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what a tag names."""
        for name, value in attributes:
            if name == "id":
                self.places.append(value or "")
            elif (tag, name) in LOADED and not (value or "").startswith("data:"):
                self.loaded.append(value or "")
            elif tag == "a" and name == "href":
                self.links.append(value or "")
            elif name == "srcset" or (name.startswith("on") and value) or (name == "href" and tag == "base"):
                self.loaded.append(f"{name}={value}")


def problems_of(folder: Path) -> list[str]:
    """What is wrong with the pages of a folder, one line each."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.html"))}
    parsed = {path.resolve(): Page(text) for path, text in pages.items()}
    problems = [] if pages else [f"{folder}: has no HTML page"]
    for path, text in pages.items():
        page, name = parsed[path.resolve()], path.relative_to(folder)
        problems += [f"{name}: loads {address}" for address in page.loaded]
        problems += [f"{name}: its style loads {match[0]}" for match in IN_STYLE.finditer(text)]
        doubled = {place for place in page.places if page.places.count(place) > 1}
        problems += [f"{name}: the id {place} stands twice" for place in sorted(doubled)]
        if len(text) > LARGEST:
            problems.append(f"{name}: has {len(text)} characters")
        problems += [
            f"{name}: {word}" for link in page.links if (word := _broken(link, path, parsed, folder))
        ]
    return problems


def _broken(link: str, path: Path, parsed: dict[Path, Page], folder: Path) -> str:
    """Why a link of a page is broken; empty for a sound one."""
    parts = urlsplit(link)
    if parts.scheme in ("http", "https", "mailto"):
        return ""
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return f"links {link}, which is no relative address"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if not target.is_relative_to(folder.resolve()):
        return f"links {link}, which lies outside of the folder"
    if not target.is_file():
        return f"links {link}, and there is no such file"
    if parts.fragment and target in parsed and unquote(parts.fragment) not in parsed[target].places:
        return f"links {link}, and there is no such place"
    return ""


def main(words: list[str]) -> int:
    """Print what is wrong with a folder; the exit code is 1 if anything is."""
    folder = Path(words[0])
    problems = problems_of(folder)
    print("\n".join(problems) if problems else f"{folder}: every link of its pages leads somewhere")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
