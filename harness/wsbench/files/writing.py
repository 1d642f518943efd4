"""Writes files atomically, and removes the unfinished files of killed processes."""

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
"""The environment variable that names the folder of the cache."""

UNFINISHED = ".part"
"""The end of the name of an unfinished file."""

MAX_NAME_CHARACTERS = 100
"""Characters of a file's name that its unfinished file shares. File systems allow 255 bytes in all."""

_SWEPT: set[Path] = set()

# JSON strings contain no line breaks, so everything that looks like an indented list of scalars is one.
_INNER_LIST = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s+\]")


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that replaces ``path`` when the block ends, and is removed if the block raises.

    At the first write into a folder, a process also removes the unfinished files that killed processes left
    there.

    Raises:
        WsbenchError: no space is left; the message names the folder.
        OSError: the file cannot be made or written; the error names ``path``.
    """
    unfinished: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        handle, unfinished = _claimed(path)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            unfinished.chmod(0o666 & ~_umask())  # mkstemp makes files that others cannot read
            unfinished.replace(path)
    except BaseException as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        if is_full(error):
            raise WsbenchError(f"{no_space(path.parent)} and rerun the command") from None
        if isinstance(error, OSError) and unfinished is None:
            error.filename = str(path)  # instead of the name of the temporary file
        raise


def is_full(error: BaseException | None) -> bool:
    """Return whether an exception, or one that led to it, says that a disk or a quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def no_space(folder: Path) -> str:
    """Return the beginning of a message that says which folder is full, and what to do."""
    return f"no space is left in {folder}: free some"


def _claimed(path: Path) -> tuple[int, Path]:
    """Open a new file beside ``path``. It is locked while it is open, so that no process removes it as left
    over."""
    prefix = f".{path.name[:MAX_NAME_CHARACTERS]}."
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=UNFINISHED)
        _lock(handle)
        if os.fstat(handle).st_nlink:  # 0 if another process removed it before it was locked
            return handle, Path(name)
        os.close(handle)


def _sweep_once(folder: Path) -> None:
    """Remove the unfinished files of processes that have ended, once for each folder and process."""
    if (resolved := folder.resolve()) in _SWEPT:
        return
    _SWEPT.add(resolved)
    for unfinished in resolved.glob(f".*{UNFINISHED}"):
        try:
            with unfinished.open("rb+") as file:
                if _lock(file.fileno()):
                    unfinished.unlink(missing_ok=True)
        except OSError:  # the file belongs to another user, or is gone
            continue


def _lock(handle: int) -> bool:
    """Lock an open file until it is closed, or its process ends.

    Returns:
        False if another process holds the lock, or the system has no locks.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically. Surrogates (bytes of a file's name) are written as escapes, as in JSON."""
    with atomic(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write `json_text` atomically."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Format JSON for files: keys in their order, and each list of numbers on one line.

    Raises:
        ValueError: a number is NaN or infinite, which many readers refuse.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    return _INNER_LIST.sub(_on_one_line, text) + "\n"


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + re.sub(r",\n\s+", ", ", match[1]) + "]"


def exists(path: Path) -> bool:
    """Return whether a file or folder exists; False for text that cannot be a path, such as a long one."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_json(path: Path) -> Any:
    """Read the value in a JSON file, with or without a byte-order mark."""
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
