"""Splits what users type."""

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
