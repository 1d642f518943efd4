"""Limits of files from users, so that a small file cannot fill the memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError

if TYPE_CHECKING:
    from PIL.Image import Image

VARIABLE = "WSBENCH_MAX_MEGABYTES"
"""The environment variable that replaces `DEFAULT`."""

DEFAULT = 200
"""The limit of a picture's pixels, an archive's arrays and a JSON text, in megabytes of 10^6 bytes."""

EXPANSION = 100
"""A large archive may expand to this multiple of its size. Heatmaps as floats expand 2 to 30 times, an
archive of zeros 1,000 times."""

YAML_BYTES = 10**6
"""Characters of a YAML text. People write these texts by hand."""

YAML_VALUES = 100_000
"""Values of a YAML text, with every alias replaced by what it stands for."""


def most_bytes() -> int:
    """Return the number of bytes that a file may expand to.

    Raises:
        WsbenchError: the variable is not a positive number.
    """
    word = os.environ.get(VARIABLE) or str(DEFAULT)
    if not (word.isascii() and word.isdigit() and int(word[:9]) > 0):
        raise WsbenchError(f"{VARIABLE}={word}: must be a number of megabytes, such as {DEFAULT}")
    return int(word[:9]) * 10**6


def refuse_larger(path: Path, size: int, verb: str, *, archive_size: int = 0) -> None:
    """Raise WsbenchError if a file holds, or expands to, more than is allowed.

    Args:
        path: the file.
        size: the size in bytes, as its header says.
        verb: ``holds`` or ``expands to``, for the message.
        archive_size: for an archive, the size of its file in bytes. It may expand to a multiple of this.
    """
    if size > max(most_bytes(), EXPANSION * archive_size):
        raise WsbenchError(f"{path}: {too_large(size, verb)}")


def too_large(size: int, verb: str) -> str:
    """Say that something is too large, and how to allow it."""
    megabytes = -(-size // 10**6)
    return (
        f"{verb} {megabytes} MB, and at most {most_bytes() // 10**6} MB are read; "
        f"if that is meant, set {VARIABLE}={megabytes}"
    )


def too_large_picture(image: Image) -> str:
    """Say why the pixels of an opened picture must not be decoded; empty where they may be."""
    # Pixels are held twice in memory: as they are, and as grey levels.
    size = image.width * image.height * (len(image.getbands()) + 1)
    if size <= most_bytes():
        return ""
    return too_large(size, f"has {image.width}x{image.height} pixels, which take")
