"""Names are text: what may be a name, and how any text is shown in a terminal, a table or a file's name."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError, printable

if TYPE_CHECKING:
    from wsbench.types import Sample

LONGEST = 80
"""Characters of a name that becomes a folder and a column; file systems allow 255 bytes."""

_PUNCTUATION = "_-.@+"


def markdown(text: str) -> str:
    """A cell of a markdown table: one line, no column, tag, link or picture of its own."""
    shown = printable(text).replace("|", "\\|").replace("<", "&lt;")
    return shown.replace("](", "]\\(")


def file_stem(text: str) -> str:
    """A file's name without its suffix: no folder, nothing hidden, no character that a file system refuses,
    at most `LONGEST` characters. A text that is cut or changed ends with a hash, so that two stay two."""
    wanted = text.replace("/", "-")
    safe = "".join(
        letter if _is_of_names(letter) or letter in f"{_PUNCTUATION} ()" else "_" for letter in wanted
    )
    safe = safe.strip().lstrip(".")
    if safe and safe == wanted and len(safe.encode()) <= LONGEST:
        return safe
    ending = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{safe.encode()[: LONGEST - 9].decode(errors='ignore')}-{ending}"


def require_name(name: object, what: str) -> None:
    """Raise WsbenchError where ``name`` cannot be typed, listed and made a folder of. Letters may be of any
    script.

    Args:
        name: that a plugin or a user gave.
        what: it names, for the message.
    """
    if not isinstance(name, str) or not name:
        raise WsbenchError(f"{what} has the name {printable(repr(name))}, which is no text")
    if len(name.encode(errors="replace")) > LONGEST:
        raise WsbenchError(f"{what} '{printable(name[:20])}...': a name has at most {LONGEST} bytes")
    if not (_is_of_names(name[0]) and all(_is_of_names(letter) or letter in _PUNCTUATION for letter in name)):
        raise WsbenchError(
            f"{what} '{printable(name)}': letters, digits, '-', '_', '.', '@' and '+' make a name, and a "
            "letter or digit begins it"
        )


def require_classes(classes: Sequence[str], who: str) -> None:
    """Raise WsbenchError where a dataset's classes are not different lines of text."""
    for name in classes:
        if not isinstance(name, str) or not name.strip() or printable(name) != name or len(name) > LONGEST:
            shown = printable(repr(name))[:LONGEST]
            raise WsbenchError(f"{who}: the class {shown} must be a line of 1 to {LONGEST} characters")
    if len(set(classes)) < len(classes):
        raise WsbenchError(f"{who}: two classes have the same name")


def fault_of(sample: Sample) -> str:
    """Why a sample's words cannot be shown and its name not be made a file's; empty for a sound sample."""
    path = PureWindowsPath(sample.name)  # it knows both separators, and drives
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
