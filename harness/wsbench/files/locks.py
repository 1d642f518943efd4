"""Locks between processes, with the process that holds each, and waiting for it while it works."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from wsbench.errors import WsbenchError
from wsbench.files.writing import read_json

PATIENCE = 600.0
"""Seconds to wait for a process that gives no sign of life."""

ORPHAN_SECONDS = 30.0
"""Seconds to wait for the children of a dead process. Workers notice its death within 5 seconds."""

POLL_SECONDS = 0.2
"""Seconds between two attempts to get a lock."""


class Busy(Exception):
    """Raised where another process does not release a lock.

    Attributes:
        holder: the other process, in words.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def held(
    lock: Path,
    say: Callable[[str], None],
    *,
    patience: float = 0.0,
    sign_of_life: Callable[[], Any] = lambda: None,
) -> Iterator[None]:
    """Hold a lock between processes. The end of a process releases its locks.

    Args:
        lock: the file of the lock. The process that holds it is noted in a file beside it.
        say: called with a line when another process is waited for, or when one ended without releasing the
            lock.
        patience: seconds to wait for the other process after its last sign of life.
        sign_of_life: returns a value that changes while the other process works.

    Raises:
        Busy: the other process still holds the lock.
        OSError: the folder cannot be written, or its file system has no locks.
    """
    with ExitStack() as stack:
        stack.enter_context(_acquired(FileLock(lock, timeout=0), lock, say, patience, sign_of_life))
        note = _note(lock)
        if (before := _holder(lock)) is not None:
            say(f"{lock.parent}: took over the lock of {before}, which ended without giving it back")
        note.write_text(f'{{"process": {os.getpid()}, "machine": "{_machine()}"}}\n', encoding="utf-8")
        stack.callback(note.unlink, missing_ok=True)
        yield


@contextmanager
def held_for_a_moment(lock: Path) -> Iterator[None]:
    """Hold a lock that processes hold briefly. Wait for other processes.

    Raises:
        WsbenchError: another process does not release the lock.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with held(lock, lambda line: None, patience=PATIENCE):
            yield
    except Busy as busy:
        raise WsbenchError(f"{lock} is held by {busy.holder}, which does not go on; stop it") from None


def holder_of(lock: Path) -> str | None:
    """Say which process holds a lock; None if none does. The lock is not taken from anyone.

    A process notes itself beside the lock. Only where such a note lies, which may be that of a dead process,
    the lock itself is tried.
    """
    holder = _holder(lock)
    if holder is None:
        return None
    try:
        with FileLock(lock, timeout=0):
            return None
    except Timeout:
        return holder
    except OSError:  # a folder that cannot be written
        return None


@contextmanager
def _acquired(
    file_lock: FileLock,
    lock: Path,
    say: Callable[[str], None],
    patience: float,
    sign_of_life: Callable[[], Any],
) -> Iterator[None]:
    began, life, waited = time.monotonic(), sign_of_life(), False
    while True:
        try:
            file_lock.acquire()
            break
        except Timeout:
            allowed = max(patience, ORPHAN_SECONDS if _is_dead(lock) else 0.0)
            if time.monotonic() - began > allowed:
                raise Busy(_holder(lock) or "another process") from None
        if not waited:
            say(f"{lock.parent}: waiting for {_holder(lock) or 'another process'}")
            waited = True
        time.sleep(POLL_SECONDS)
        if (now := sign_of_life()) != life:
            began, life = time.monotonic(), now
    try:
        yield
    finally:
        file_lock.release()


def _note(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}.holder")


def _machine() -> str:
    return "".join(letter for letter in platform.node() if letter.isalnum() or letter in "-_.")


def _read_note(lock: Path) -> tuple[int, str] | None:
    """Read the process and the machine that hold a lock, or ended without releasing it."""
    try:
        values = read_json(_note(lock))
        return int(values["process"]), str(values["machine"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _holder(lock: Path) -> str | None:
    """Return the process that holds a lock, in words."""
    holder = _read_note(lock)
    return None if holder is None else f"process {holder[0]} of {holder[1]!a}".replace("'", "")


def _is_dead(lock: Path) -> bool:
    """Return whether the process that held a lock has ended, so that only its children can hold it still."""
    holder = _read_note(lock)
    if holder is None or holder[1] != _machine() or os.name != "posix":
        return False
    try:
        os.kill(holder[0], 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass
    return False
