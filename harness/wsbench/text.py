"""How any text is shown: on one line, with nothing in it that a terminal would obey."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""Without a width and without harm: some scripts cannot be written without them."""


def printable(text: str) -> str:
    """The same text on one line, with every character escaped that a terminal would obey instead of show:
    line breaks, escape sequences, changes of direction, and halves of characters that no file can hold."""
    if text.isprintable():
        return text
    return "".join(letter if _is_shown(letter) else _escaped(letter) for letter in text)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
