"""What a file was when it was left: its hash, so that a file which changed since is not taken for it."""

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
"""In a run's folder: by name of each file that lies there itself, the hashes that it may have."""

CHECK = "check"
"""Of sealed values: the hash of all others."""

_known: dict[tuple[Path, int, int, int], str] = {}


def of_file(path: Path) -> str:
    """The sha256 of a file's bytes. A process reads it once, unless its size or time of change differs."""
    path = path.resolve()
    status = path.stat()
    version = (path, status.st_size, status.st_mtime_ns, status.st_ino)
    if version not in _known:
        with path.open("rb") as file:
            _known[version] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known[version]


def of_folder(folder: Path, *, but: str) -> dict[str, str]:
    """By path inside a folder, the hash of every file in it, hidden ones left out.

    Args:
        folder: looked through with what lies in its folders.
        but: the name of a file to leave out.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != but)
    relative = [path.relative_to(folder) for path in paths]
    return {
        path.as_posix(): of_file(folder / path)
        for path in relative
        if not any(part.startswith(".") for part in path.parts)
    }


def difference(folder: Path, hashes: Mapping[str, str]) -> str | None:
    """What of a folder is not as it was, in words with the file's name; None where all is."""
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
    """JSON values with a hash of themselves."""
    return {**values, CHECK: _check(values)}


def is_intact(values: Mapping[str, Any]) -> bool:
    """Whether the hash in sealed values is that of the others."""
    return values.get(CHECK) == _check({name: value for name, value in values.items() if name != CHECK})


def _check(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def is_intact_archive(path: Path) -> bool:
    """Whether a zip archive, as npz files and torch's checkpoints are, holds what was written into it, by the
    checksum of each of its members."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged archive raises whatever zipfile and its decompressors raise
        return False


def note(folder: Path, names: Iterable[str]) -> None:
    """Remember the hashes of some files of a run's folder, which this process holds; those that are not there
    are forgotten."""
    fresh = {name: [of_file(folder / name)] if (folder / name).exists() else [] for name in names}
    noted = {name: hashes for name, hashes in {**_noted(folder), **fresh}.items() if hashes}
    write_json(folder / FILE, sealed(noted))


def write_noted(path: Path, text: str) -> None:
    """Write UTF-8 text atomically and remember its hash. A kill leaves the old file or the new one, and
    either is what was noted."""
    noted = _noted(path.parent)
    before = [of_file(path)] if path.exists() else []
    noted[path.name] = [hashlib.sha256(text.encode()).hexdigest(), *before]
    write_json(path.parent / FILE, sealed(noted))
    write_text(path, text)


def problem_of(path: Path) -> str | None:
    """What is wrong with a file of a run's folder, in words with its name; None where it is what was noted,
    or where nothing was, as of runs from before there were hashes."""
    noted = _noted(path.parent)
    return _unlike(path, noted[path.name]) if path.name in noted else None


def require(path: Path) -> None:
    """Raise WsbenchError, naming it, where a file of a run's folder is not what was left there."""
    if problem := problem_of(path):
        raise WsbenchError(f"{path.parent}: {problem}; rerun the command that made it")


def _noted(folder: Path) -> dict[str, list[str]]:
    """By name, the hashes that files may have; nothing is known where the note is absent or damaged."""
    try:
        values = read_json(folder / FILE)
        if is_intact(values):
            return {name: hashes for name, hashes in values.items() if name != CHECK}
    except (OSError, ValueError, AttributeError):
        pass
    return {}
