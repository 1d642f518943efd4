"""Makes seeds from names, keys from JSON values, and hashes from source code."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

SAME_SOURCE = "same_source.json"
"""The file of a plugin package that maps hashes of sources to those before edits that changed no number."""


def seed_from(*parts: str | int) -> int:
    """Make a seed from names and numbers. It is the same on every machine.

    Seeds depend on names and not on a counter, so that adding or re-ordering runs changes no other run:

    >>> seed_from(0, "phantom", "kd_teacher") == seed_from(0, "phantom", "kd_teacher")
    True

    Args:
        parts: names and numbers; their order and types matter.

    Returns:
        An integer from 0 to 2**63 - 1.
    """
    text = "\x1f".join(f"{type(value).__name__}:{value}" for value in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def key_of(inputs: Any) -> str:
    """Compute a short hash of JSON values. Equal values give equal keys on every machine."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def source_hash(*things: Any) -> str:
    """Compute the hash of the files in which functions, classes or modules are defined.

    Something that is defined in the ``__init__`` of a package stands for all files of the package.
    """
    files: set[Path] = set()
    for thing in things:
        module = thing if inspect.ismodule(thing) else inspect.getmodule(thing)
        files |= files_of(module)
    return hash_of_files(files)


def trained_source(thing: Any) -> str:
    """Compute the `source_hash` of something that trains.

    Where the file `SAME_SOURCE` in its top package says that edits changed no number, the result is the hash
    before these edits, so that finished trainings stay valid.
    """
    digest = source_hash(thing)
    module = inspect.getmodule(thing)
    folder = Path(inspect.getsourcefile(module) or "").parent if module else Path()
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    same: dict[str, str] = {}
    if (folder / SAME_SOURCE).is_file():
        same = json.loads((folder / SAME_SOURCE).read_text(encoding="utf-8"))
    while digest in same:
        digest = same.pop(digest)
    return digest


def files_of(module: ModuleType | None) -> set[Path]:
    """Return the file of a module, or all files of a package."""
    path = Path(inspect.getsourcefile(module) or "") if module else Path()
    files = set(path.parent.rglob("*.py")) if path.name == "__init__.py" else {path}
    return {file for file in files if file.is_file()}


def hash_of_files(files: Iterable[Path]) -> str:
    """Compute a short hash of the names and contents of files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
