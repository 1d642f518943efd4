"""Every module of the upper rooms can be the first that a program imports."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import importlib, pkgutil, sys
import wsbench

ROOMS = ("cli", "finished", "images", "metrics", "names", "reports", "runs", "studies", "testing")
modules = [module.name for module in pkgutil.walk_packages(wsbench.__path__, "wsbench.")]
for name in [name for name in modules if name.split(".")[1] in ROOMS]:
    # Lower rooms import none of these (lint-imports), so they cannot be in a circle with them.
    for loaded in [loaded for loaded in sys.modules if loaded.startswith("wsbench.")]:
        if loaded.split(".")[1] in ROOMS:
            del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error)
"""


def test_no_module_needs_another_one_to_be_imported_before_it() -> None:
    """Tests import most modules, so a circle shows only where a command begins with another module."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == ""
