"""The one exception that a user's mistake raises, and the words that help to mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

Value = TypeVar("Value")

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

MOST_NAMES = 60
"""That an error lists."""


class WsbenchError(Exception):
    """A mistake that the user can mend: one line saying what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with code 2. Anything else that is
    raised is a bug and keeps its traceback.
    """


def words_of(error: object) -> str:
    """What another library says, on one line and equal in every run: without addresses of memory."""
    return _ADDRESS.sub("", " ".join(str(error).split()))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Words to append to an error about an unknown name: the nearest known name, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    if len(names) > MOST_NAMES:
        return f"known: {', '.join(names[:3])} ... ({len(names)} in all)"
    return f"known: {', '.join(names)}" if names else "none is known"


def choose(word: str, table: Mapping[str, Value], what: str) -> Value:
    """The entry of ``table`` called ``word``.

    Raises:
        WsbenchError: there is no such entry; the message names the nearest.
    """
    if word not in table:
        raise WsbenchError(f"unknown {what} '{word}'; {suggestion(word, table)}")
    return table[word]
