"""The one exception that a user's mistake raises, and the words that help to fix it."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TypeVar

Value = TypeVar("Value")

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

LONGEST_LIST = 140
"""Characters of the names that an error lists; of more than that, it lists three."""

MOST_COMPARED = 2000
"""Names that a misspelt one is compared with, which takes a second for some thousands."""

LONGEST_LINE = 200
"""Characters of an error on the terminal."""

MOST_SHORTENED = 10_000
"""Characters of a message that are looked at: one may hold what a whole file holds."""

LONG_WORDS = (60, 40, 25)
"""Characters of a path or a name in an error that is too long: the first of these that makes it fit."""

LONGEST_FILE_NAME = 40
"""Characters of a file's name that its path keeps, however short it becomes."""


class WsbenchError(Exception):
    """A mistake that the user can mend: one line saying what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with code 2. Anything else that is
    raised is a bug and keeps its traceback.
    """


def as_line(message: str) -> str:
    """A message as one line of at most `LONGEST_LINE` printable characters.

    Runs of white space become one space, and characters that do not print are shown escaped. In a message
    that is too long, long words lose their middle first, so that a path keeps the name of its file. If that
    is not enough, the message itself does: it begins with what is wrong and ends with what to do.
    """
    some = _without_middle(message, MOST_SHORTENED, MOST_SHORTENED // 2)
    words = [printable(word) for word in some.split()]
    line = " ".join(words)
    for length in LONG_WORDS:
        if len(line) > LONGEST_LINE:
            line = " ".join(_shorter_word(word, length) for word in words)
    return _without_middle(line, LONGEST_LINE, LONGEST_LINE // 2)


def _shorter_word(word: str, length: int) -> str:
    name = word.rpartition("/")[2] if "/" in word else ""
    head = length // 3
    return _without_middle(word, max(length, head + 3 + min(len(name), LONGEST_FILE_NAME)), head)


def _without_middle(text: str, length: int, head: int) -> str:
    return text if len(text) <= length else f"{text[:head]}...{text[head + 3 - length :]}"


def words_of(error: object) -> str:
    """What another library says, on one line and equal in every run: without addresses of memory."""
    return _ADDRESS.sub("", " ".join(str(error).split()))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Words to append to an error about an unknown name: the nearest known name, or all of them. A name that
    is the word in some folder is nearer than any other."""
    names = sorted(known)
    same_file = [name for name in names if name.endswith(f"/{word}")]
    close = same_file or difflib.get_close_matches(word, names[:MOST_COMPARED], n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    listed = ", ".join(names)
    if len(listed) > LONGEST_LIST:
        return f"known: {', '.join(names[:3])} ... ({len(names)} in all)"
    return f"known: {listed}" if names else "none is known"


def choose(word: str, table: Mapping[str, Value], what: str) -> Value:
    """The entry of ``table`` called ``word``.

    Raises:
        WsbenchError: there is no such entry; the message names the nearest.
    """
    if word not in table:
        raise WsbenchError(f"unknown {what} '{word}'; {suggestion(word, table)}")
    return table[word]


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
