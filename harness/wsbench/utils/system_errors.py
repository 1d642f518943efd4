"""What the operating system refuses, as one line that says what, where and what to do."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from wsbench.errors import WsbenchError

ELSEWHERE = "name another place, or change its rights"
FREE = "free some and type the same command again"
REASONS: Mapping[int, tuple[str, str]] = {
    errno.ENOSPC: ("no space is left on the disk", FREE),
    errno.EDQUOT: ("your quota of disk space is used up", FREE),
    errno.EROFS: ("the file system is read-only", "name another place"),
    errno.EACCES: ("permission is denied", ELSEWHERE),
    errno.EPERM: ("the operation is not permitted", ELSEWHERE),
    errno.ENOTDIR: ("a file stands where a folder is needed", "name another place"),
    errno.EEXIST: ("a file stands where a folder is needed", "name another place"),
    errno.EISDIR: ("a folder stands where a file is needed", "name a file"),
    errno.ENOENT: ("there is no such file or folder, and none can be made", "name another place"),
    errno.ENAMETOOLONG: ("the path is too long for the name of a file", "type another one"),
    errno.ENOLCK: ("the file system gives no locks", "put runs and cache on a local disk"),
    errno.EMFILE: ("too many files are open", "raise the limit with `ulimit -n`"),
    errno.EIO: (
        "the disk or the share does not answer as it should",
        "check it, then type the command again",
    ),
}
"""By error number: why, and the way out."""


def refusal_of(error: OSError) -> str:
    """The line for a refusal of the operating system; empty where the error is none, but a bug: it has no
    number, or it names no file and has a number that says nothing of files."""
    if error.errno is None:
        return ""
    named = error.filename2 or error.filename
    if error.errno not in REASONS and not isinstance(named, str | bytes):
        return ""
    why, advice = REASONS.get(error.errno, (error.strerror or str(error), "check the path"))
    where = os.fsdecode(named) if isinstance(named, str | bytes) else ""
    return f"{why}{': ' if where else ''}{where}; {advice}"


def try_folder(path: Path) -> None:
    """Make sure, before long work, that a folder can be written to; nothing is left behind.

    Args:
        path: of the folder, which need not exist: then the nearest folder above it is tried.

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
        # The name of the file that was tried says nothing; what is no folder says all.
        error.filename = str(nearest if nearest.is_file() else path)
        raise WsbenchError(refusal_of(error)) from None


def try_file(path: Path) -> None:
    """Make sure, before long work, that a file can be written; nothing is left behind.

    Args:
        path: of the file; its folders need not exist.

    Raises:
        WsbenchError: it is a folder, or no file can be made in its folder.
    """
    if path.is_dir():
        raise WsbenchError(refusal_of(IsADirectoryError(errno.EISDIR, "", str(path))))
    try_folder(path.absolute().parent)
