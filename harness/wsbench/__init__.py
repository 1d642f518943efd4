"""wsbench: honest benchmarks for weakly supervised localisation on chest X-rays.

What plugins and programs may use are the names of ``__init__.pyi`` here, those of `wsbench.torch`,
`wsbench.geometry`, `wsbench.metrics` and `wsbench.images`, and the functions of `wsbench.testing`. Names are
loaded when they are first used, so importing `wsbench` costs nothing.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import lazy_loader

__version__ = "0.1.0"

NAMESPACES = ("torch", "geometry", "metrics", "images")
"""The modules to which most of the first names have moved."""

RENAMED = {"Run": "RunContext"}
"""First names that are other words now."""

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _load(name)
    if name in RENAMED:
        _warn(name, RENAMED[name])
        return _load(RENAMED[name])
    for place in NAMESPACES:
        module = import_module(f"{__name__}.{place}")
        if name in module.__all__:
            _warn(name, f"{place}.{name}")
            return getattr(module, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def _warn(old: str, new: str) -> None:
    message = f"wsbench.{old} is now wsbench.{new}; the old name goes with version 0.2"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
