"""Checks names, and makes text safe to be shown in a terminal, a table or the name of a file."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError, printable

if TYPE_CHECKING:
    from wsbench.types import Sample

MAX_NAME_BYTES = 80
"""Bytes of a name that becomes a folder and a column of a table. File systems allow 255 bytes."""

_PUNCTUATION = "_-.@+"


def letters_and_digits(name: str) -> str:
    """Return the letters and digits of a name, in one case.

    Names that differ in case, spaces, hyphens and underscores alone (``Pleural_Thickening``, ``pleural
    thickening``) become equal.
    """
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def markdown(text: str) -> str:
    """Escape text for a cell of a markdown table, so that it cannot add columns, tags, links or pictures."""
    shown = printable(text).replace("|", "\\|").replace("<", "&lt;")
    return shown.replace("](", "]\\(")


def file_stem(text: str) -> str:
    """Make the name of a file, without its suffix, from any text.

    The name has no folder and no character that a file system refuses, is not hidden, and has at most
    `MAX_NAME_BYTES` bytes. A text that was changed gets a hash at its end, so that different texts have
    different names.
    """
    without_folders = text.replace("/", "-")
    safe = "".join(
        letter if _is_of_names(letter) or letter in f"{_PUNCTUATION} ()" else "_"
        for letter in without_folders
    )
    safe = safe.strip().lstrip(".")
    if safe and safe == without_folders and len(safe.encode()) <= MAX_NAME_BYTES:
        return safe
    ending = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{safe.encode()[: MAX_NAME_BYTES - 9].decode(errors='ignore')}-{ending}"


def require_name(name: object, owner: str) -> None:
    """Raise WsbenchError if a name cannot be typed, listed and used for a folder.

    Args:
        name: the name that a plugin or a user chose. Its letters may belong to any script.
        owner: the thing that is named, for the message.
    """
    if not isinstance(name, str) or not name:
        raise WsbenchError(f"{owner} has the name {printable(repr(name))}, which is no text")
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise WsbenchError(f"{owner} '{printable(name[:20])}...': a name has at most {MAX_NAME_BYTES} bytes")
    if not (_is_of_names(name[0]) and all(_is_of_names(letter) or letter in _PUNCTUATION for letter in name)):
        raise WsbenchError(
            f"{owner} '{printable(name)}': a name consists of letters, digits, '-', '_', '.', '@' and '+', "
            "and begins with a letter or digit"
        )


def require_classes(classes: Sequence[str], who: str) -> None:
    """Raise WsbenchError if the classes of a dataset are not different lines of text."""
    limit = MAX_NAME_BYTES
    for name in classes:
        if not isinstance(name, str) or not name.strip() or printable(name) != name or len(name) > limit:
            shown = printable(repr(name))[:limit]
            raise WsbenchError(f"{who}: the class {shown} must be a line of 1 to {limit} characters")
    if len(set(classes)) < len(classes):
        raise WsbenchError(f"{who}: two classes have the same name")


def fault_of(sample: Sample) -> str:
    """Say why a sample's name or attributes cannot be shown, or why its name leads out of its folder; empty
    for a sound sample."""
    path = PureWindowsPath(sample.name)  # it knows both separators and drives
    if not sample.name or path.anchor or ".." in path.parts:
        return "its name leads out of the dataset's folder"
    if printable(sample.name) != sample.name:
        return "its name has a character that cannot be shown; rename it"
    for name, value in sample.attributes.items():
        if printable(f"{name}{value}") != f"{name}{value}":
            return f"its attribute {printable(name)} has a character that cannot be shown"
    return ""


def _is_of_names(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LMN"
