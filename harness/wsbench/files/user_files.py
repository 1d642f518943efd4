"""Files as people have them: marks of editors, suffixes in any case, names that are no text, ``~``."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from wsbench.errors import WsbenchError

MACOS = "__MACOSX"
"""A folder that macOS puts into archives, full of files that are none."""


def expanded(path: str | Path) -> Path:
    """A path that no shell has seen, with a leading ``~`` or ``~user`` replaced by the home folder; the path
    as it is where that is not known."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises where there is no home


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, whether it begins with a byte-order mark or not.

    Raises:
        WsbenchError: the file cannot be read, is too large, or is no UTF-8; the message names it.
    """
    from wsbench.files.documents import read_bytes

    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WsbenchError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def image_files(folder: Path, suffixes: Collection[str], *, deep: bool = False) -> dict[str, Path]:
    """The image files in a folder, sorted by path.

    Hidden files (macOS leaves a ``._NAME.png`` beside ``NAME.png`` on drives that are not its own) and the
    folder ``__MACOSX`` are passed over. A file's content is not looked at.

    Args:
        folder: where they lie; without it there are none.
        suffixes: in lower case, such as ``.png``; files have them in any case.
        deep: also look into the folders below.

    Returns:
        Paths by name: relative to the folder, with ``/``, the suffix in lower case. Where two files differ in
        the case of their suffixes alone, the second keeps its own name.
    """
    paths = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if deep and not name.startswith(".") and name != MACOS]
        paths += [Path(place, name) for name in names if not name.startswith(".")]
    paths = sorted(path for path in paths if path.suffix.lower() in suffixes)
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    for name, path in [*files.items()]:
        lower = name.removesuffix(path.suffix) + path.suffix.lower()
        if lower not in files:
            files[lower] = files.pop(name)
    return files


def wrong_name(path: Path) -> str:
    """What is wrong with a path as text, or nothing: names unpacked from an old archive may be no UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    return ""
