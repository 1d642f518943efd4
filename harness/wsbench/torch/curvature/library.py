"""Imports curvlinops, which is an extra of the package."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from wsbench.errors import WsbenchError


def curvlinops(module: str = "") -> Any:
    """Import curvlinops, or a module of it such as ``.trace``, without the warnings of its own imports.

    Raises:
        WsbenchError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one of its libraries calls torch.jit.script
            return import_module(f"curvlinops{module}")
    except ImportError:
        raise WsbenchError(
            "the Hessian needs curvlinops-for-pytorch: pip install 'wsbench[hessian]'"
        ) from None
