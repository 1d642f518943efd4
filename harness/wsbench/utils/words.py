"""Splits what users type."""

from __future__ import annotations


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
