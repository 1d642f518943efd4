"""Durations and sizes of files in words."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60, 3600, 86400
"""Seconds."""


def duration(seconds: float) -> str:
    """A duration in at most two units: ``8 s``, ``4 min``, ``1 h 20 min``, ``3 d 4 h``.

    Args:
        seconds: the duration in seconds, at least 0.
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < HOUR - MINUTE / 2:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < DAY - MINUTE / 2:
        hours, minutes = divmod(round(seconds / MINUTE), HOUR // MINUTE)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / HOUR), DAY // HOUR)
    return f"{days} d {hours} h" if hours else f"{days} d"


def file_size(count: float) -> str:
    """A number of bytes with a decimal unit and three digits: ``980 B``, ``1.24 MB``, ``36.0 GB``."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 999.5:
            break
        count, unit = count / 1000, larger
    if unit == "B":
        return f"{count:.0f} B"
    return f"{count:.{2 if count < 9.995 else 1 if count < 99.95 else 0}f} {unit}"
