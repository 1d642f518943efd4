"""Makes arrays read-only, so that a plugin cannot change them for the next one."""

from __future__ import annotations

import dataclasses

import numpy as np


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a read-only view of an array."""
    view = array.view()
    view.flags.writeable = False
    return view


def make_fields_read_only(owner: object) -> None:
    """Make every array of a frozen dataclass read-only. Call this from ``__post_init__``."""
    for field in dataclasses.fields(owner):  # type: ignore[arg-type]
        if isinstance(value := getattr(owner, field.name, None), np.ndarray):
            object.__setattr__(owner, field.name, read_only(value))
