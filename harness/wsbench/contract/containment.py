"""Calls into plugins. Global state that a plugin changes is restored, and no plugin can end the program."""

from __future__ import annotations

import functools
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from wsbench.errors import WsbenchError

if TYPE_CHECKING:
    from wsbench.contract.base import Method

Result = TypeVar("Result")

CALLS = ("fit", "restore", "restore_paper", "predict", "paper_boxes", "inner_maps", "networks",
         "training_loss", "learning", "facts", "trained_on")  # fmt: skip
"""The methods of `Method` that the harness calls."""

_running: list[str] = []
_warned: set[tuple[str, str]] = set()


class _Surrounding(NamedTuple):
    """A global state that all code of a process shares.

    Attributes:
        name: its name in a warning; empty where changes are usual, as every training draws random numbers.
        read: returns its value.
        write: sets its value.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], Any]


@contextmanager
def contained(plugin: str, call: str) -> Iterator[None]:
    """A block that calls a plugin, after which global state is restored: the seeds and settings of random,
    numpy and torch, the working directory, the environment, and the filters of warnings.

    Where such blocks of the same plugin are nested, the outermost restores. Changes of other state, of files
    or of other modules are not undone.

    Args:
        plugin: name and origin of the plugin, for messages.
        call: name of the function that is called.

    Raises:
        WsbenchError: the plugin called ``sys.exit``.
    """
    with ExitStack() as stack:
        if plugin not in _running:
            stack.enter_context(_put_back(plugin, call))
        try:
            yield
        except SystemExit as end:
            raise WsbenchError(
                f"{plugin}: {call} called sys.exit({end.code!r}), which would end the benchmark; "
                "return or raise an error instead"
            ) from end


def contain(method: Method, plugin: str) -> Method:
    """The same object, with every method that the harness calls `contained`."""
    for name in CALLS:
        # Not setattr: a method may be a frozen dataclass.
        object.__setattr__(method, name, wrapped(getattr(method, name), plugin, name))
    return method


def wrapped(function: Callable[..., Result], plugin: str, call: str) -> Callable[..., Result]:
    """A function that calls another one `contained`."""

    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Result:
        with contained(plugin, call):
            return function(*args, **kwargs)

    return inner


def place_of(function: Any) -> str:
    """The origin of a plugin's function or class: the file that a user named, else its module."""
    function = getattr(function, "func", function)  # of functools.partial
    name = getattr(function, "__module__", None) or type(function).__module__
    module = sys.modules.get(name)
    return str(getattr(module, "__file__", name)) if name.startswith("wsbench_file_") else name


@contextmanager
def _put_back(plugin: str, call: str) -> Iterator[None]:
    before = [(thing, thing.read()) for thing in _surroundings()]
    new_to_torch = "torch" not in sys.modules
    _running.append(plugin)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        _running.remove(plugin)
        if new_to_torch:
            before += _as_imported()
        for thing, value in before:
            if thing.name and thing.read() == value:
                continue
            with suppress(OSError):  # a working directory that is gone
                thing.write(value)
            if thing.name:
                _warn(plugin, call, thing.name)


def _surroundings() -> Iterable[_Surrounding]:
    # Only imported libraries count: a plugin without torch must not wait for its import.
    yield _Surrounding("", random.getstate, random.setstate)
    yield _Surrounding("the working directory", _directory, os.chdir)
    yield _environment()
    if (numpy := sys.modules.get("numpy")) is not None:
        yield _Surrounding("", numpy.random.get_state, numpy.random.set_state)
        yield _Surrounding("numpy's error state", numpy.geterr, lambda value: numpy.seterr(**value))
    if (torch := sys.modules.get("torch")) is not None:
        yield _Surrounding("", torch.get_rng_state, torch.set_rng_state)
        yield _Surrounding("torch's threads", torch.get_num_threads, torch.set_num_threads)
        yield from _defaults(torch)


def _defaults(torch: Any) -> Iterable[_Surrounding]:
    yield _Surrounding("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype)
    yield _Surrounding("torch's gradients", torch.is_grad_enabled, torch.set_grad_enabled)


def _as_imported() -> list[tuple[_Surrounding, Any]]:
    """Torch's defaults and their values after its import, for a plugin that was the first to import torch."""
    torch = sys.modules.get("torch")
    return [] if torch is None else list(zip(_defaults(torch), (torch.float32, True), strict=True))


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - a path that is gone has no Path.cwd() either
    except OSError:
        return ""


def _environment() -> _Surrounding:
    # The private dictionary of encoded text: reading the environment by name is a thousand times slower.
    variables: dict[Any, Any] = os.environ._data  # type: ignore[attr-defined] # private, so in no stub
    before, modules = variables.copy(), len(sys.modules)

    def read() -> dict[Any, Any]:
        if len(sys.modules) == modules:
            return variables.copy()
        # Libraries set variables once, when they are imported, or lengthen one (OpenCV adds its folder to
        # LD_LIBRARY_PATH). These changes stay.
        return {
            name: value if value in variables[name] else variables[name]
            for name, value in before.items()
            if name in variables
        }

    def write(values: dict[Any, Any]) -> None:
        for name in read().keys() - values.keys():
            del os.environ[os.environ.decodekey(name)]
        for name, value in values.items():
            os.environ[os.environ.decodekey(name)] = os.environ.decodevalue(value)

    return _Surrounding("the environment", read, write)


def _warn(plugin: str, call: str, changed: str) -> None:
    if (plugin, changed) not in _warned:
        _warned.add((plugin, changed))
        print(f"warning: {plugin}: {call} changed {changed}; wsbench restored it", file=sys.stderr)
