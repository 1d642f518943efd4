"""Output for any terminal: signs that its encoding lacks are replaced. Input: a leading ``~`` is expanded."""

from __future__ import annotations

import codecs
import sys

from wsbench.files.user_files import expanded

HANDLER = "wsbench"
MARKS = {"†": "+", "‡": "#", "§": "!", "‖": "=", "¤": "^"}
INSTEAD = {**MARKS, "–": "-", "—": "-", "±": "~", "×": "x", "…": ".", "·": ".", "’": "'"}  # noqa: RUF001
"""Replacements of one character each, so that the columns of tables stay aligned."""


def show_any_sign() -> None:
    """Make the standard streams write any text in the encoding they have. Otherwise a command could end in a
    UnicodeEncodeError after its work is done."""
    codecs.register_error(HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)


def at_home(word: str) -> str:
    """A word of the command line with its ``~`` expanded: ``~/path`` or ``--option=~/path``."""
    name, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{name}{equals}{expanded(value)}" if value.startswith("~") else word


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    return "".join(map(_instead, signs)), error.end


def _instead(sign: str) -> str:
    """The replacement of a sign. Bytes of a file name that is no UTF-8 are shown as hexadecimal codes."""
    byte = ord(sign) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else INSTEAD.get(sign, "?")
