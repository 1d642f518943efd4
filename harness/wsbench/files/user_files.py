"""Handles files as users have them: byte-order marks, suffixes in any case, names that are not UTF-8,
``~``."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from wsbench.errors import WsbenchError

MACOS = "__MACOSX"
"""A folder that macOS adds to archives. Its files are not those of the user."""


def expanded(path: str | Path) -> Path:
    """Replace a leading ``~`` or ``~user`` by the home folder, where it is known."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises where there is no home


def read_text(path: Path) -> str:
    """Read the text of a UTF-8 file, without a byte-order mark.

    Args:
        path: the file.

    Raises:
        WsbenchError: the file cannot be read, is too large, or is not UTF-8.
    """
    from wsbench.files.documents import read_bytes

    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WsbenchError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def image_files(folder: Path, suffixes: Collection[str], *, deep: bool = False) -> dict[str, Path]:
    """Find the image files in a folder, sorted by path. Their content is not read.

    Hidden files and the folder ``__MACOSX`` are left out. (On drives of other systems, macOS writes a
    ``._NAME.png`` beside ``NAME.png``.)

    Args:
        folder: the folder; if it does not exist, there are no files.
        suffixes: suffixes in lower case, such as ``.png``. Files may have them in any case.
        deep: whether to search subfolders too.

    Returns:
        Paths by name. A name is the path relative to the folder, with ``/``, and the suffix in lower case. If
        two files differ in the case of their suffixes alone, the second keeps its suffix.
    """
    paths = []
    for parent, folders, names in os.walk(folder):
        # os.walk goes into the folders that are left in this list.
        folders[:] = [name for name in folders if deep and not name.startswith(".") and name != MACOS]
        paths += [Path(parent, name) for name in names if not name.startswith(".")]
    paths = sorted(path for path in paths if path.suffix.lower() in suffixes)
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    for name, path in [*files.items()]:
        lower = name.removesuffix(path.suffix) + path.suffix.lower()
        if lower not in files:
            files[lower] = files.pop(name)
    return files


def wrong_name(path: Path) -> str:
    """Say what is wrong with the name of a file; empty where nothing is. Names from old archives may not be
    UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    return ""
