"""Remembers the hashes of files, so that a file that changed later is noticed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wsbench.errors import WsbenchError
from wsbench.files.writing import read_json, write_json, write_text

FILE = "checksums.json"
"""The file in a run's folder that holds, for each file of that folder by name, the hashes that it may
have."""

CHECK = "check"
"""The key of sealed values under which the hash of all others is stored."""

_known: dict[tuple[Path, int, int, int], str] = {}


def of_file(path: Path) -> str:
    """Compute the sha256 of a file. A process reads a file once, unless its size or time of change
    differs."""
    path = path.resolve()
    status = path.stat()
    version = (path, status.st_size, status.st_mtime_ns, status.st_ino)
    if version not in _known:
        with path.open("rb") as file:
            _known[version] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known[version]


def of_folder(folder: Path, *, but: str) -> dict[str, str]:
    """Compute the hash of every file in a folder and its subfolders. Hidden files are left out.

    Args:
        folder: the folder.
        but: the name of a file to leave out.

    Returns:
        The hashes by path relative to the folder.
    """
    hashes = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != but):
        relative = path.relative_to(folder)
        if not any(name.startswith(".") for name in relative.parts):
            hashes[relative.as_posix()] = of_file(path)
    return hashes


def difference(folder: Path, hashes: Mapping[str, str]) -> str | None:
    """Describe the first file of a folder that differs from its hash; None where no file does."""
    for name, expected in hashes.items():
        if problem := _unlike(folder / name, [expected]):
            return problem
    return None


def _unlike(path: Path, expected: Iterable[str]) -> str | None:
    try:
        same = of_file(path) in expected
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    return None if same else f"{path.name} is not what was left there"


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values with a hash of themselves."""
    return {**values, CHECK: _check(values)}


def is_intact(values: Mapping[str, Any]) -> bool:
    """Return whether sealed values agree with their hash."""
    return values.get(CHECK) == _check({name: value for name, value in values.items() if name != CHECK})


def _check(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def is_intact_archive(path: Path) -> bool:
    """Return whether every member of a zip archive agrees with its checksum. Npz files and torch's
    checkpoints are zip archives."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged archive raises whatever zipfile and its decompressors raise
        return False


def note(folder: Path, names: Iterable[str]) -> None:
    """Store the hashes of some files of a run's folder, whose lock this process holds. The hashes of files
    that do not exist are removed."""
    fresh = {name: [of_file(folder / name)] if (folder / name).exists() else [] for name in names}
    noted = {name: hashes for name, hashes in {**_noted(folder), **fresh}.items() if hashes}
    write_json(folder / FILE, sealed(noted))


def write_noted(path: Path, text: str) -> None:
    """Write UTF-8 text atomically and store its hash.

    The hash of the old file stays valid, so that a kill, which leaves the old file or the new one, does no
    harm.
    """
    noted = _noted(path.parent)
    before = [of_file(path)] if path.exists() else []
    noted[path.name] = [hashlib.sha256(text.encode()).hexdigest(), *before]
    write_json(path.parent / FILE, sealed(noted))
    write_text(path, text)


def problem_of(path: Path) -> str | None:
    """Describe how a file of a run's folder differs from its stored hash.

    Returns:
        A description with the name of the file; None where it does not differ, or where no hash is stored, as
        for runs of versions without hashes.
    """
    noted = _noted(path.parent)
    return _unlike(path, noted[path.name]) if path.name in noted else None


def require(path: Path) -> None:
    """Raise WsbenchError if a file of a run's folder differs from its stored hash."""
    if problem := problem_of(path):
        raise WsbenchError(f"{path.parent}: {problem}; rerun the command that made it")


def _noted(folder: Path) -> dict[str, list[str]]:
    """Read the hashes that files may have, by name; none where the file of hashes is absent or damaged."""
    try:
        values = read_json(folder / FILE)
        if is_intact(values):
            return {name: hashes for name, hashes in values.items() if name != CHECK}
    except (OSError, ValueError, AttributeError):
        pass
    return {}
