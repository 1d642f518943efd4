"""Splits what users type, and words durations and sizes for them."""

from __future__ import annotations

from collections.abc import Iterable

from wsbench.errors import WsbenchError


def split_values(text: str) -> list[str]:
    """Split at commas outside of brackets: ``1,2`` are two values, and ``[1,2]`` is a single one.

    Returns:
        The values, without white space around them.
    """
    depth, values = 0, [""]
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth <= 0:
            values.append("")
        else:
            values[-1] += letter
    return [value.strip() for value in values]


def named_options(words: Iterable[str], complaint: str) -> list[tuple[str, list[str]]]:
    """Read names with options.

    A comma stands between names and between options, so that ``phantom:tone=1.5,noise=0.1,shenzhen`` is two
    names, the first with two options. Commas within brackets belong to a value.

    Args:
        words: what a user typed.
        complaint: the error's message, with ``{word}`` for what was typed.

    Returns:
        Every name with its options, as ``option=value``.

    Raises:
        WsbenchError: a name is empty, or an option stands before any name.
    """
    named: list[tuple[str, list[str]]] = []
    for word in words:
        for part in split_values(word):
            name, colon, option = part.partition(":")
            if "=" in name or not name:
                if not named or not part:
                    raise WsbenchError(complaint.format(word=word))
                named[-1][1].append(part)
            else:
                named.append((name, [option] if colon else []))
    return named


MINUTE, HOUR, DAY = 60, 3600, 86400
"""Seconds."""


def duration(seconds: float) -> str:
    """A duration in at most two units: ``8 s``, ``4 min``, ``1 h 20 min``, ``3 d 4 h``.

    Args:
        seconds: the duration in seconds, at least 0.
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < HOUR - MINUTE / 2:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < DAY - MINUTE / 2:
        hours, minutes = divmod(round(seconds / MINUTE), HOUR // MINUTE)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / HOUR), DAY // HOUR)
    return f"{days} d {hours} h" if hours else f"{days} d"


def file_size(count: float) -> str:
    """A number of bytes with a decimal unit and three digits: ``980 B``, ``1.24 MB``, ``36.0 GB``."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 999.5:
            break
        count, unit = count / 1000, larger
    if unit == "B":
        return f"{count:.0f} B"
    return f"{count:.{2 if count < 9.995 else 1 if count < 99.95 else 0}f} {unit}"
