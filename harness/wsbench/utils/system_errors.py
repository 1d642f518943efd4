"""Turns errors of the operating system into one line that says what, where and what to do."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from wsbench.errors import WsbenchError

ELSEWHERE = "name another folder, or change its rights"
FREE = "free some and rerun the command"
REASONS: Mapping[int, tuple[str, str]] = {
    errno.ENOSPC: ("no space is left on the disk", FREE),
    errno.EDQUOT: ("your quota of disk space is used up", FREE),
    errno.EROFS: ("the file system is read-only", "name another folder"),
    errno.EACCES: ("permission is denied", ELSEWHERE),
    errno.EPERM: ("the operation is not permitted", ELSEWHERE),
    errno.ENOTDIR: ("there is a file where a folder is needed", "name another folder"),
    errno.EEXIST: ("there is a file where a folder is needed", "name another folder"),
    errno.EISDIR: ("there is a folder where a file is needed", "name a file"),
    errno.ENOENT: ("there is no such file or folder, and none can be made", "name another folder"),
    errno.ENAMETOOLONG: ("the path is too long for the name of a file", "use a shorter one"),
    errno.ENOLCK: ("the file system has no locks", "put runs and cache on a local disk"),
    errno.EMFILE: ("too many files are open", "raise the limit with `ulimit -n`"),
    errno.EIO: (
        "the disk or the share does not answer as it should",
        "check it and rerun the command",
    ),
}
"""The reason and the way out by error number."""


def refusal_of(error: OSError) -> str:
    """Return the message for an error of the operating system.

    The message is empty where the error is a bug: it has no number, or it names no file and its number is not
    about files.
    """
    if error.errno is None:
        return ""
    named = error.filename2 or error.filename
    if error.errno not in REASONS and not isinstance(named, str | bytes):
        return ""
    why, advice = REASONS.get(error.errno, (error.strerror or str(error), "check the path"))
    where = os.fsdecode(named) if isinstance(named, str | bytes) else ""
    return f"{why}{': ' if where else ''}{where}; {advice}"


def try_folder(path: Path) -> None:
    """Check, before long work, that a folder can be written. No file is left there.

    Args:
        path: the folder. If it does not exist, the nearest folder above it is checked.

    Raises:
        WsbenchError: a file cannot be made there.
    """
    nearest = path.absolute()
    try:
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        # The name of the temporary file would not help. A file in the place of a folder would.
        error.filename = str(nearest if nearest.is_file() else path)
        raise WsbenchError(refusal_of(error)) from None


def try_file(path: Path) -> None:
    """Check, before long work, that a file can be written. No file is left there.

    Args:
        path: the file; its folders need not exist.

    Raises:
        WsbenchError: the path is a folder, or no file can be made in its folder.
    """
    if path.is_dir():
        raise WsbenchError(refusal_of(IsADirectoryError(errno.EISDIR, "", str(path))))
    try_folder(path.absolute().parent)
