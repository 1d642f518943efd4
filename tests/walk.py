"""A walk over everything that an object leads to."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType


def reachable(*roots: object) -> Iterator[object]:
    """Everything that attributes, items and closures lead to; not what the modules of its classes hold."""
    seen: dict[int, object] = {}
    left = list(roots)
    while left:
        thing = left.pop()
        if id(thing) in seen or isinstance(thing, ModuleType | type):
            continue
        seen[id(thing)] = thing
        yield thing
        inside = gc.get_referents(thing)
        if isinstance(thing, FunctionType):
            inside = [other for other in inside if other is not thing.__globals__]
        left += inside
