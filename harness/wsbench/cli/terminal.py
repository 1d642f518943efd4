"""What a terminal can show: signs that its encoding lacks are replaced, and paths begin at home."""

from __future__ import annotations

import codecs
import sys

from wsbench.files.user_files import expanded

HANDLER = "wsbench"
INSTEAD = {"†": "+", "‡": "#", "§": "!", "–": "-", "—": "-", "±": "~", "×": "x", "…": ".", "·": ".", "’": "'"}  # noqa: RUF001
"""One sign each, so that tables stay straight."""


def show_any_sign() -> None:
    """Make the standard streams write every text in whatever encoding they have, instead of ending in a
    UnicodeEncodeError after the work is done."""
    codecs.register_error(HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)


def at_home(word: str) -> str:
    """A word of the command line, with a ``~`` that no shell replaced: ``~/path`` or ``--option=~/path``."""
    name, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{name}{equals}{expanded(value)}" if value.startswith("~") else word


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    return "".join(map(_instead, signs)), error.end


def _instead(sign: str) -> str:
    """The bytes of a file name that is no UTF-8 are shown as such."""
    byte = ord(sign) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else INSTEAD.get(sign, "?")
