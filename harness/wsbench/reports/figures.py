"""Writes figures of matplotlib."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.files.writing import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: Figure, path: Path, *, dpi: int) -> None:
    """Write a figure as PNG, or as SVG if the path ends with ``.svg``. A letter that the font lacks is drawn
    as a box, without a warning."""
    with atomic(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        if path.suffix == ".svg":
            figure.savefig(file, format="svg", metadata={"Date": None})  # otherwise it would name the day
        else:
            figure.savefig(file, format="png", dpi=dpi)
