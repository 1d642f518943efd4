"""Functions that plugins may call, but whose contents they cannot reach by accident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_FUNCTIONS: WeakKeyDictionary[Sealed[..., Any], Callable[..., Any]]


class Sealed(Generic[Parameters, Result]):
    """A function that can be called, and whose attributes and closure cannot be reached through this object.

    A view needs the pixels of a dataset, and the function that reads them holds the samples with all boxes.
    Sealing prevents accidents (a walk over attributes, a print, a pickle). It does not stop malice, because a
    plugin can read all memory of its process. Only a separate process could.

    Args:
        function: the function. It must not hold a reference to this object, or neither would ever be freed.
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
