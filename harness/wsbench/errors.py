"""The exception for mistakes of the user, and functions that word its messages."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

MAX_LIST_CHARACTERS = 140
"""An error lists all known names if they have at most this many characters together; otherwise three."""

MAX_COMPARED_NAMES = 2000
"""Known names that a misspelt name is compared with. Some thousands would take a second."""

MAX_LINE_CHARACTERS = 200
"""Characters of an error on the terminal."""

MAX_MESSAGE_CHARACTERS = 10_000
"""Characters of a message that are processed. A message may quote the content of a file."""

WORD_LENGTHS = (60, 40, 25)
"""Lengths in characters to which long words are cut, in turn, until the message fits its line."""

MAX_FILE_NAME_CHARACTERS = 40
"""Characters of a file's name that a shortened path keeps."""


class WsbenchError(Exception):
    """A mistake that the user can fix. Its message is one line: what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with code 2. Any other exception is a
    bug and keeps its traceback.
    """


def as_line(message: str) -> str:
    """Shorten a message to one line of at most `MAX_LINE_CHARACTERS` printable characters.

    White space becomes single spaces, and characters that do not print are escaped. If the message is too
    long, long words lose their middle, and paths keep the name of their file. If it is still too long, the
    message loses its own middle: it begins with what is wrong and ends with what to do.
    """
    limited = _without_middle(message, MAX_MESSAGE_CHARACTERS, MAX_MESSAGE_CHARACTERS // 2)
    words = [printable(word) for word in limited.split()]
    line = " ".join(words)
    for length in WORD_LENGTHS:
        if len(line) > MAX_LINE_CHARACTERS:
            line = " ".join(_shorter_word(word, length) for word in words)
    return _without_middle(line, MAX_LINE_CHARACTERS, MAX_LINE_CHARACTERS // 2)


def _shorter_word(word: str, length: int) -> str:
    name = word.rpartition("/")[2] if "/" in word else ""
    head = length // 3
    return _without_middle(word, max(length, head + 3 + min(len(name), MAX_FILE_NAME_CHARACTERS)), head)


def _without_middle(text: str, length: int, head: int) -> str:
    return text if len(text) <= length else f"{text[:head]}...{text[head + 3 - length :]}"


def words_of(error: object) -> str:
    """Return the message of another library's error as one line that is equal in every run.

    Memory addresses are removed.
    """
    return _ADDRESS.sub("", " ".join(str(error).split()))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return words to append to an error about an unknown name: the nearest known name, or all known names.

    Args:
        word: the unknown name.
        known: the known names. A known path that ends with ``/word`` is nearer than any other name.
    """
    names = sorted(known)
    if close := nearest(word, names):
        return f"did you mean '{close}'?"
    listed = ", ".join(names)
    if len(listed) > MAX_LIST_CHARACTERS:
        return f"known: {', '.join(names[:3])} ... ({len(names)} in all)"
    return f"known: {listed}" if names else "none is known"


def nearest(word: str, names: Sequence[str], likeness: float = 0.5) -> str | None:
    """Return the known name that an unknown one may have meant; None if none is near.

    Args:
        word: the unknown name.
        names: the known names, the first `MAX_COMPARED_NAMES` of which are compared. A path that ends with
            ``/word`` is nearer than any other name.
        likeness: how alike both must be, from 0 to 1.
    """
    same_file = (name for name in names if name.endswith(f"/{word}"))
    close = difflib.get_close_matches(word, names[:MAX_COMPARED_NAMES], n=1, cutoff=likeness)
    return next(same_file, close[0] if close else None)


def choose(word: str, table: Mapping[str, Value], kind: str) -> Value:
    """Look up a name that a user typed.

    Args:
        word: the name.
        table: values by name.
        kind: what the names stand for, such as ``method``, for the message.

    Raises:
        WsbenchError: the name is unknown; the message suggests the nearest one.
    """
    if word not in table:
        raise WsbenchError(f"unknown {kind} '{word}'; {suggestion(word, table)}")
    return table[word]


_JOINERS = "\u200c\u200d"
"""Zero-width joiners. Some scripts cannot be written without them, and they do no harm in a terminal."""


def printable(text: str) -> str:
    """Escape every character that a terminal would obey instead of show.

    These are line breaks, escape sequences, changes of writing direction, and lone surrogates, which no file
    can hold. The result is one line.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_shown(letter) else _escaped(letter) for letter in text)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
