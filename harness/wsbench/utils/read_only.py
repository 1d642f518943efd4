"""Arrays that several plugins are handed in turn, and that none of them can change for the next."""

from __future__ import annotations

import dataclasses

import numpy as np


def read_only(array: np.ndarray) -> np.ndarray:
    """The same numbers, without a copy, as an array that refuses to be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def make_fields_read_only(owner: object) -> None:
    """Have every array of a frozen dataclass refuse to be written to. Call it from ``__post_init__``."""
    for field in dataclasses.fields(owner):  # type: ignore[arg-type]
        if isinstance(value := getattr(owner, field.name, None), np.ndarray):
            object.__setattr__(owner, field.name, read_only(value))
