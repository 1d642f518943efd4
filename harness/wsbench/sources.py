"""Hashes of source code, so that a stage is done again when the code it ran has changed."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any


def source_hash(*things: Any) -> str:
    """Hash of the files in which functions, classes or modules are written.

    A thing of a package's ``__init__`` stands for the whole package, private modules included.
    """
    files: set[Path] = set()
    for thing in things:
        module = thing if inspect.ismodule(thing) else inspect.getmodule(thing)
        path = Path(inspect.getsourcefile(module) or "") if module else Path()
        files |= set(path.parent.rglob("*.py")) if path.name == "__init__.py" else {path}
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
