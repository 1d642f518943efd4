"""Writes that are whole or not at all, and that leave nothing for long where their process is killed."""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from wsbench.errors import WsbenchError

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed, and leftovers stay
    fcntl = None  # type: ignore[assignment]

CACHE_VARIABLE = "WSBENCH_CACHE"
"""Names the folder of what is made of a dataset's images, and of what was found out about its files."""

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

    Raises:
        WsbenchError: no space is left; the message names the folder.
        OSError: it cannot be made or written; the error names ``path``.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        handle, part = _claimed(path)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.chmod(0o666 & ~_umask())
            part.replace(path)
    except BaseException as error:
        if part is not None:
            part.unlink(missing_ok=True)
        if is_full(error):
            raise WsbenchError(f"{no_space(path.parent)} and type the same command again") from None
        if isinstance(error, OSError) and part is None:
            error.filename = str(path)  # and not that of the temporary file
        raise


def is_full(error: BaseException | None) -> bool:
    """Whether an exception, or one that led to it, says that a disk or a quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def no_space(folder: Path) -> str:
    """The beginning of the line that says which folder is full, and what to do."""
    return f"no space is left in {folder}: free some"


def _claimed(path: Path) -> tuple[int, Path]:
    """A new file beside ``path``, open and locked for as long as it is, so that nobody takes it for left
    over."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:NAME]}.", suffix=PART)
        _lock(handle)
        if os.fstat(handle).st_nlink:  # else it was taken for left over before it was locked
            return handle, Path(name)
        os.close(handle)


def _sweep_once(folder: Path) -> None:
    """Remove unfinished files whose writers are gone; once a process, as a folder may hold many files."""
    if (place := folder.resolve()) in _SWEPT:
        return
    _SWEPT.add(place)
    for part in place.glob(f".*{PART}"):
        try:
            with part.open("rb+") as file:
                if _lock(file.fileno()):
                    part.unlink(missing_ok=True)
        except OSError:  # of somebody else, or gone already
            continue


def _lock(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process holds it, or files have no locks. A
    lock dies with its process, on whichever machine."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; what is no text (a file name's bytes) as an escape, which JSON knows."""
    with atomic(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write `json_text` atomically."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """JSON as files have it: keys in their order, a list of numbers on one line, and no NaN, which many
    readers refuse.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    return _INNER_LIST.sub(_on_one_line, text) + "\n"


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + re.sub(r",\n\s+", ", ", match[1]) + "]"


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; False for words that cannot be a path, such as long ones."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_json(path: Path) -> Any:
    """The value in a JSON file, whether it begins with a byte-order mark or not."""
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
