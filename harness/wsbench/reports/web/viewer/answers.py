"""What the viewer answers to an address: its page, and pictures and details of single images.

Addresses name images by numbers, which are looked up in tables. No part of an address reaches the file
system.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError, as_line
from wsbench.reports.web.cases.pictures import SERVED_QUALITY, SERVED_SIDE, jpeg
from wsbench.reports.web.cases.table import CaseTable
from wsbench.reports.web.cases.values import detail_values

TEXT = "text/plain; charset=utf-8"

_ADDRESS = re.compile(r"([0-9]{1,6})/(pictures|details)/([0-9]{1,9})", re.ASCII)
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """An answer of the viewer.

    Attributes:
        status: the HTTP status.
        kind: the media type of the content.
        content: what is sent.
    """

    status: int
    kind: str
    content: bytes


NOT_FOUND = Answer(404, TEXT, b"there is nothing at this address\n")


@dataclass(frozen=True)
class CaseFiles:
    """Test images whose pictures and details can be asked for.

    Attributes:
        table: what is known of them.
        loaded: their dataset.
    """

    table: CaseTable
    loaded: Loaded


@dataclass(frozen=True)
class Answers:
    """All that the viewer can answer.

    Attributes:
        page: the HTML of its page.
        files: the images of each explorer of cases on the page, in their order.
    """

    page: str
    files: Sequence[CaseFiles]
    _reading: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def of(self, address: str) -> Answer:
        """Answer an address.

        Args:
            address: what follows the viewer's own part of the address, such as ``0/pictures/17``.
        """
        if address == "":
            return Answer(200, "text/html; charset=utf-8", self.page.encode())
        parts = _ADDRESS.fullmatch(address)
        if parts is None:
            return NOT_FOUND
        number, kind, row = int(parts[1]), parts[2], int(parts[3])
        if number >= len(self.files) or row >= len(self.files[number].table.samples):
            return NOT_FOUND
        try:
            return self._picture(number, row) if kind == "pictures" else self._details(number, row)
        except (WsbenchError, OSError) as error:  # such as a file that was removed after the start
            return Answer(500, TEXT, f"{as_line(str(error))}\n".encode())

    def _picture(self, number: int, row: int) -> Answer:
        table, loaded = self.files[number].table, self.files[number].loaded
        with self._reading:  # datasets do not promise that threads may read at once
            content = jpeg(loaded, table.samples[row], SERVED_SIDE, SERVED_QUALITY)
        return Answer(200, "image/jpeg", content)

    def _details(self, number: int, row: int) -> Answer:
        table = self.files[number].table
        values = detail_values(table, row, range(len(table.truth.classes)), maps=True)
        content = json.dumps(values, separators=(",", ":"), allow_nan=False).encode()
        return Answer(200, "application/json", content)

    @cached_property
    def policy(self) -> str:
        """The page's content security policy: its own scripts alone, and addresses of the viewer alone."""
        digests = [hashlib.sha256(script.encode()).digest() for script in _SCRIPT.findall(self.page)]
        hashes = [base64.b64encode(digest).decode("ascii") for digest in digests]
        scripts = " ".join(f"'sha256-{digest}'" for digest in hashes)
        return (
            f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
            "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
