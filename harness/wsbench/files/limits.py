"""How much a file from outside may hold, so that a small one cannot fill the memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError

if TYPE_CHECKING:
    from PIL.Image import Image

VARIABLE = "WSBENCH_MAX_MEGABYTES"
DEFAULT = 200
"""What a picture's pixels and an archive's arrays may take, and how long a JSON text may be, in megabytes of
10^6 bytes; the variable sets another number."""

EXPANSION = 100
"""An archive that is large itself may expand to so many times its size. Heatmaps as floats expand 2 to 30
times; an archive of zeros expands 1,000 times."""

YAML_BYTES = 10**6
YAML_VALUES = 100_000
"""What a YAML text may hold, with every alias written out. People write these texts by hand."""


def most_bytes() -> int:
    """What one file may expand to, in bytes.

    Raises:
        WsbenchError: the variable is no positive number.
    """
    word = os.environ.get(VARIABLE) or str(DEFAULT)
    if not (word.isascii() and word.isdigit() and int(word[:9]) > 0):
        raise WsbenchError(f"{VARIABLE}={word}: must be a number of megabytes, such as {DEFAULT}")
    return int(word[:9]) * 10**6


def refuse_larger(path: Path, size: int, what: str, *, own_size: int = 0) -> None:
    """Raise WsbenchError where a file holds, or expands to, more than is allowed.

    Args:
        path: of the file.
        size: in bytes, as its header says.
        what: has that size, for the message.
        own_size: of the file itself, of which an archive may be a multiple.
    """
    if size > max(most_bytes(), EXPANSION * own_size):
        raise WsbenchError(f"{path}: {larger(size, what)}")


def larger(size: int, what: str) -> str:
    """The reason why something is too large, and how to allow it."""
    megabytes = -(-size // 10**6)
    return (
        f"{what} {megabytes} MB, and at most {most_bytes() // 10**6} MB are read; "
        f"if that is meant, set {VARIABLE}={megabytes}"
    )


def too_large_picture(image: Image) -> str:
    """Why the pixels of a picture that has been opened must not be decoded, or nothing. They are held twice:
    as they are, and as grey levels."""
    size = image.width * image.height * (len(image.getbands()) + 1)
    return larger(size, f"has {image.width}x{image.height} pixels, which take") if size > most_bytes() else ""
