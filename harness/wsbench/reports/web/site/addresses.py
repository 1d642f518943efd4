"""Addresses of the site's pages: safe names of files, made of the words of what they show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import quote

from wsbench.reports.labels import changed_of
from wsbench.reports.rows import Row, row_key
from wsbench.reports.tabular.sections import Section
from wsbench.utils.hashing import key_of

INDEX, PAPERS, BOARD, SCHEMA = "index.html", "papers.html", "board.json", "board.schema.json"

DATASETS, ROWS = "datasets", "rows"
"""Folders of the pages of datasets and of rows."""

MAX_BYTES = 60
"""Bytes of the words in a name."""

Place = tuple[int, int]
"""The number of a section of a dataset, and of a row in its board."""


def of_dataset(name: str) -> str:
    """The address of a dataset's page, from the site's folder."""
    return f"{DATASETS}/{anchor(name)}.html"


def anchor(name: str) -> str:
    """A name as the id of a place in a page, or as that of a file: lower-case words, with a hash where they
    are not the name itself."""
    words = _words(name)
    return words if words == name else f"{words}-{key_of(name)[:6]}"


def of_rows(dataset: str, sections: Iterable[Section]) -> dict[Place, str]:
    """The address of the page of every row of a dataset, from the site's folder.

    A name has the row's words and a hash of the dataset, its fingerprint, the method and all settings. So it
    stays when other rows come, and no two rows share one. Only rows that several sections of the same data
    have, under other versions of metrics, get a hash of their section as well.
    """
    rows = {
        (section.number, index): (section, row)
        for section in sections
        for index, row in enumerate(section.board.rows)
    }
    short = {place: _hash(dataset, row) for place, (_, row) in rows.items()}
    shared = {name for name, count in Counter(short.values()).items() if count > 1}
    addresses = {}
    for place, (section, row) in rows.items():
        ending = short[place]
        if ending in shared:
            ending += key_of(section.key)[:8]
        words = _words(f"{row.first.method['name']} {row.first.method['preset']} {changed_of(row.first)}")
        addresses[place] = f"{ROWS}/{words}-{ending}.html"
    return addresses


def link(address: str, base: str = "") -> str:
    """An address as a relative link.

    Args:
        address: from the site's folder; what follows ``#`` is a place in the page.
        base: address of the page that the link stands in.
    """
    path, sign, anchor = address.partition("#")
    return f"{'../' * base.count('/')}{quote(path)}{sign}{quote(anchor)}"


def _hash(dataset: str, row: Row) -> str:
    fingerprint = row.first.key["fingerprint"]
    return key_of([dataset, fingerprint, row_key(row.first)])[:8]


def _words(text: str) -> str:
    """Lower-case words of letters and digits of English, joined by hyphens: safe in every file system and
    address."""
    joined = "-".join(re.findall(r"[a-z0-9_]+", text.lower()))
    return joined[:MAX_BYTES].strip("-") or "row"
