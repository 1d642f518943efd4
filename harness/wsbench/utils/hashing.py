"""Seeds made from names, keys of JSON values, and hashes of source code."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

SAME_SOURCE = "same_source.json"
"""In a package of plugins: hashes of sources before edits that changed no number, by those after them."""


def seed_from(*parts: str | int) -> int:
    """A 63-bit seed that is a pure function of ``parts``, on every machine.

    Adding or re-ordering runs changes no other run, because nothing is counted:

    >>> seed_from(0, "phantom", "kd_teacher") == seed_from(0, "phantom", "kd_teacher")
    True
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def key_of(inputs: Any) -> str:
    """A short hash of JSON values; equal inputs give equal keys on every machine."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def source_hash(*things: Any) -> str:
    """Hash of the files in which functions, classes or modules are written.

    A thing of a package's ``__init__`` stands for the whole package, private modules included.
    """
    files: set[Path] = set()
    for thing in things:
        module = thing if inspect.ismodule(thing) else inspect.getmodule(thing)
        files |= files_of(module)
    return hash_of_files(files)


def trained_source(thing: Any) -> str:
    """`source_hash` of a thing by which something is trained; or that of its source before edits that changed
    no number, where its top package says so in a file `SAME_SOURCE`, hashes then by hashes now."""
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
    """The file of a module, or all of a package's."""
    path = Path(inspect.getsourcefile(module) or "") if module else Path()
    files = set(path.parent.rglob("*.py")) if path.name == "__init__.py" else {path}
    return {file for file in files if file.is_file()}


def hash_of_files(files: Iterable[Path]) -> str:
    """A short hash of the names and contents of files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
