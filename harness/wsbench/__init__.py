"""wsbench: honest benchmarks for weakly supervised localisation on chest X-rays.

The public names are those of ``__init__.pyi``, of `wsbench.torch`, `wsbench.geometry`, `wsbench.metrics`,
`wsbench.images`, `wsbench.names`, `wsbench.finished`, `wsbench.reports`, `wsbench.studies` and
`wsbench.contract`, and the functions of `wsbench.testing`. A name is loaded when it is first used, so that
importing `wsbench` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import lazy_loader

from wsbench.utils.deprecation import warn_renamed

__version__ = "0.1.0"

NAMESPACES = ("torch", "geometry", "metrics", "images", "names", "finished", "reports", "studies", "contract")
"""The modules of public names."""

MOVED_TO = ("torch", "geometry", "metrics", "images")
"""Those to which most names of the first version have moved."""

RENAMED = {"Run": "RunContext"}
"""Names of the first version that were replaced, with the new name of each."""

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _load(name)
    if name in RENAMED:
        warn_renamed(name, RENAMED[name])
        return _load(RENAMED[name])
    for namespace in MOVED_TO:
        module = import_module(f"{__name__}.{namespace}")
        if name in module.__all__:
            warn_renamed(name, f"{namespace}.{name}")
            return getattr(module, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
