"""Names that the shell completes: those of methods, datasets, metrics and plugins."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins


def methods(incomplete: str) -> list[str]:
    """The methods whose names begin with what is typed."""
    return _beginning(incomplete, lambda plugins: plugins.methods)


def datasets(incomplete: str) -> list[str]:
    """The datasets whose names begin with what is typed."""
    return _beginning(incomplete, lambda plugins: plugins.datasets)


def described(incomplete: str) -> list[str]:
    """The datasets, methods and metrics whose names begin with what is typed."""
    return _beginning(
        incomplete, lambda plugins: [*plugins.datasets, *plugins.methods, *plugins.metrics, *plugins.kinds]
    )


def plugin_names(incomplete: str) -> list[str]:
    """The plugins and the Python files here whose names begin with what is typed."""
    files = [str(path) for path in Path().glob("*.py")]
    return _beginning(
        incomplete,
        lambda plugins: [*plugins.datasets, *plugins.methods, *plugins.metrics, *plugins.commands, *files],
    )


def _beginning(incomplete: str, names_of: Callable[[Plugins], Iterable[str]]) -> list[str]:
    """The names that begin with what is typed, sorted. Nothing is printed: the shell shows all output."""
    from wsbench.contract.plugins import find
    from wsbench.data.kinds import with_own_datasets

    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            names = sorted(set(names_of(with_own_datasets(find()))))
    except Exception:  # a traceback would stand in the middle of the user's command line
        return []
    return [name for name in names if name.startswith(incomplete)]
