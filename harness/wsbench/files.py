"""Writes that are whole or not at all, and a lock that dies with its process."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

# A line end is never inside a JSON string, so what looks like an indented list of scalars is one.
_INNER_LIST = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s+\]")


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of ``path`` when the block ends well, and vanishes otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; False for words that cannot be a path, such as long ones."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_json(path: Path) -> Any:
    """The value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
