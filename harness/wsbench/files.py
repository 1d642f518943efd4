"""Writes that are whole or not at all, and that leave nothing for long where their process is killed."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed, and leftovers stay
    fcntl = None

PART = ".part"
"""The end of the name of a file that is being written."""

NAME = 100
"""Characters of a file's name that its unfinished file's has, too: file systems allow 255 bytes in all."""

_SWEPT: set[Path] = set()

# A line end is never inside a JSON string, so what looks like an indented list of scalars is one.
_INNER_LIST = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s+\]")


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of ``path`` when the block ends well, and vanishes otherwise.

    What killed processes left in the folder of ``path`` is removed at this process's first write into it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:NAME]}.", suffix=PART)
    try:
        with os.fdopen(handle, "wb") as file:
            _hold(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sweep_once(folder: Path) -> None:
    """Remove unfinished files whose writers are gone; once a process, as a folder may hold many files."""
    if fcntl is None or (place := folder.resolve()) in _SWEPT:
        return
    _SWEPT.add(place)
    for path in place.glob(f".*{PART}"):
        try:
            with path.open("rb") as file:
                _hold(file)
                path.unlink(missing_ok=True)
        except OSError:
            continue  # it is being written, or is not ours to remove


def _hold(file: IO[bytes]) -> None:
    """Lock an open file for as long as it is open: a lock dies with its process, on whichever machine.

    Raises:
        BlockingIOError: another process holds it.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: keys in their order, a list of numbers on one line, and no NaN, which many
    readers refuse.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_text(path, _INNER_LIST.sub(_on_one_line, text) + "\n")


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r",\n\s+", ", ", found[1]) + "]"


def read_json(path: Path) -> Any:
    """The value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
