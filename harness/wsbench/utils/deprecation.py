"""The warning that old names of public functions and attributes give."""

from __future__ import annotations

import warnings


def warn_renamed(old: str, new: str) -> None:
    """Warn the caller of the calling function that it uses an old name.

    Args:
        old, new: the names, as they are written after ``wsbench.``.
    """
    message = f"wsbench.{old} is now wsbench.{new}; the old name goes with version 0.2"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
