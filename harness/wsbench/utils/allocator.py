"""Keeps memory that numerical libraries have freed with the process, where glibc is the C library.

glibc maps every block of more than 32 MiB anew and returns it to the system when it is freed. A training step
frees and needs the same large tensors again and again, and the system clears every page of them each time:
that takes up to half of the processor time of a step on a CPU (docs/efficiency.md). What is computed, and how
much memory is used at most, does not depend on it.
"""

from __future__ import annotations

import functools
import os
from typing import Any

VARIABLE = "WSBENCH_KEEP_MEMORY"
"""The environment variable that turns it off: ``0``."""

SET_BY_USERS = (
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_MMAP_MAX_",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_TOP_PAD_",
)
"""glibc's own environment variables (mallopt(3)). Where a user has set one, the allocator stays as it is."""

TUNABLES, PRELOADED = "GLIBC_TUNABLES", "LD_PRELOAD"
"""Further environment variables by which a user chooses an allocator, or how it works."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
"""Parameters of mallopt(3)."""

NEVER = -1
"""As `M_TRIM_THRESHOLD`: the end of the heap is never returned by itself."""

MAPPED_BYTES = 1 << 30
"""A block of this size is mapped, and returned when it is freed. Tensors of usual trainings are smaller."""


@functools.cache  # glibc is asked once in a process
def keep_freed_memory() -> bool:
    """Let this process keep what it frees, from now on, unless its user has decided otherwise.

    Returns:
        Whether it does. Not without glibc, where `VARIABLE` is ``0``, and where the environment chooses an
        allocator or sets glibc's.
    """
    if not _is_glibc() or _decided_by_user():
        return False
    mallopt = _c_library().mallopt
    # Up to version 2.34, glibc refuses a threshold of more than 32 MiB. Then no block is mapped at all.
    mapped = mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES) or mallopt(M_MMAP_MAX, 0)
    return bool(mapped and mallopt(M_TRIM_THRESHOLD, NEVER))


def keeps_freed_memory() -> bool:
    """Whether `keep_freed_memory` has been called in this process, and could do what it says."""
    return keep_freed_memory.cache_info().currsize > 0 and keep_freed_memory()


def return_freed_memory() -> None:
    """Return what this process has kept to the system, where it keeps it."""
    if keeps_freed_memory():
        _c_library().malloc_trim(0)


def _decided_by_user() -> bool:
    variables = os.environ
    return (
        variables.get(VARIABLE) == "0"
        or any(name in variables for name in SET_BY_USERS)
        or "glibc.malloc" in variables.get(TUNABLES, "")
        or "malloc" in variables.get(PRELOADED, "")
    )


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):  # Windows, and C libraries that do not know this name
        return False


def _c_library() -> Any:
    import ctypes

    return ctypes.CDLL(None)
