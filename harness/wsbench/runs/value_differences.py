"""Where two JSON values differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CLOSE = 1e-9
"""Numbers that differ by less are equal: sums of floats depend on the machine in their last bits."""


def unlike(said: Any, again: Any, where: str) -> Iterator[str]:
    """The places at which two JSON values differ, numbers by more than `CLOSE`."""
    if isinstance(again, Mapping) and isinstance(said, Mapping):
        for key in {**again, **said}:
            yield from unlike(said.get(key), again.get(key), f"{where} {key}")
    elif isinstance(again, list | tuple) and isinstance(said, list | tuple) and len(again) == len(said):
        for index, (value, recomputed) in enumerate(zip(said, again, strict=True)):
            yield from unlike(value, recomputed, f"{where} {index}")
    elif isinstance(again, float) and isinstance(said, int | float) and not isinstance(said, bool):
        if abs(said - again) > CLOSE:
            yield f"{where} is {said:.6g} in the record and {again:.6g} computed again"
    elif said != again:
        yield f"{where} is {said} in the record and {again} computed again"
