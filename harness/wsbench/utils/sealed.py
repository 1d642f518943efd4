"""Functions of the harness that plugins hold, without what those functions hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_FUNCTIONS: WeakKeyDictionary[Sealed[..., Any], Callable[..., Any]]


class Sealed(Generic[Parameters, Result]):
    """A function that can be called, while neither its attributes nor its closure lead to what it works with:
    the boxes of a dataset, of which a view only needs the pixels.

    It keeps mistakes out (a walk over attributes, a print, a pickle), not malice: whoever imports the harness
    can read its memory. Only another process could keep boxes from such a plugin.

    Args:
        function: what is called. It must not hold this object, or both would live for ever.
    """

    __slots__ = ("__weakref__",)

    def __init__(self, function: Callable[Parameters, Result]) -> None:
        _FUNCTIONS[self] = function

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        result: Result = _FUNCTIONS[self](*args, **kwargs)
        return result

    def __deepcopy__(self, memo: object) -> Sealed[Parameters, Result]:
        return self


_FUNCTIONS = WeakKeyDictionary()
