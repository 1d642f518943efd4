"""Freed memory stays with a process that trains, under glibc, unless its user has decided otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wsbench.utils import allocator

ROUNDS, BLOCK = 20, 48 * 1024 * 1024
"""A block is larger than glibc's dynamic threshold, so that it is mapped anew each time."""

CODE = f"""
import resource
from wsbench.contract.provenance import software_and_machine
from wsbench.utils.allocator import keep_freed_memory, return_freed_memory
before = "freed_memory" in software_and_machine("cpu")
keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
start = faults()
for _ in range({ROUNDS}):
    block = bytearray(b"x") * {BLOCK}
    del block
pages, held = faults() - start, resident()
return_freed_memory()
print(round(pages * resource.getpagesize() / {BLOCK}), round((held - resident()) / {BLOCK}), before,
      software_and_machine("cpu").get("freed_memory"))
"""

needs_glibc = pytest.mark.skipif(not allocator._is_glibc(), reason="glibc's allocator alone is changed")


def blocks_of(**variables: str) -> list[str]:
    """Blocks that the system cleared in `ROUNDS` rounds, blocks that `return_freed_memory` returned, and what
    provenance said before and after, with environment variables of a user."""
    others = {*allocator.SET_BY_USERS, allocator.VARIABLE, allocator.TUNABLES, allocator.PRELOADED}
    environment = {name: value for name, value in os.environ.items() if name not in others}
    command = [sys.executable, "-c", CODE]
    return subprocess.check_output(command, env={**environment, **variables}, text=True).split()


@needs_glibc
def test_a_block_that_is_used_again_is_cleared_once_and_returned_at_the_end() -> None:
    assert blocks_of() == ["1", "1", "False", "kept"]


@needs_glibc
@pytest.mark.parametrize(
    "variables",
    [
        {"WSBENCH_KEEP_MEMORY": "0"},
        {"MALLOC_MMAP_THRESHOLD_": "1000000"},
        {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=1000000"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_the_allocator_stays_as_the_user_has_it(variables: dict[str, str]) -> None:
    assert blocks_of(**variables) == [str(ROUNDS), "0", "False", "None"]


@pytest.mark.parametrize("refusal", [ValueError, OSError, AttributeError])
def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch, refusal: type[Exception]) -> None:
    """musl, macOS and Windows do not know glibc's version."""

    def confstr(name: str) -> str:
        raise refusal

    monkeypatch.setattr(os, "confstr", confstr, raising=False)
    monkeypatch.setattr(allocator, "_c_library", pytest.fail)
    assert not allocator.keep_freed_memory.__wrapped__()


@needs_glibc
def test_no_block_is_mapped_where_glibc_refuses_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to version 2.34, it takes at most 32 MiB."""
    told = []

    class OldLibrary:
        @staticmethod
        def mallopt(parameter: int, value: int) -> int:
            told.append((parameter, value))
            return int((parameter, value) != (allocator.M_MMAP_THRESHOLD, allocator.MAPPED_BYTES))

    for name in (*allocator.SET_BY_USERS, allocator.VARIABLE, allocator.TUNABLES, allocator.PRELOADED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocator, "_c_library", OldLibrary)
    assert allocator.keep_freed_memory.__wrapped__()
    assert told[-2:] == [(allocator.M_MMAP_MAX, 0), (allocator.M_TRIM_THRESHOLD, allocator.NEVER)]
