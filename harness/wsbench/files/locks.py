"""Locks between processes: who holds one, how long it is waited for, and what a dead process has left."""

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
"""Seconds that a process is waited for which gives no sign of life."""

ORPHANS = 30.0
"""Seconds that the children of a dead process are waited for; workers notice its death within 5."""

LOOK = 0.2
"""Seconds between two looks at a lock."""


class Busy(Exception):
    """A lock that another process does not give back.

    Attributes:
        holder: that process, in words.
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
    """Hold a lock between processes. It dies with the process; the next one says that it took it over.

    Args:
        lock: its file; who holds it stands in a file beside it.
        say: called with a line when another process is waited for, or when one has died with the lock.
        patience: seconds that the other process is waited for after its last sign of life.
        sign_of_life: what it gives differs from what it gave before when the other process has got on.

    Raises:
        Busy: the other process holds it still.
        OSError: the folder cannot be written, or has no locks.
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
    """Hold a lock that no process holds for long, and wait for the others.

    Raises:
        WsbenchError: one of them does not go on.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with held(lock, lambda line: None, patience=PATIENCE):
            yield
    except Busy as busy:
        raise WsbenchError(f"{lock} is held by {busy.holder}, which does not go on; stop it") from None


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
            allowed = max(patience, ORPHANS if _is_dead(lock) else 0.0)
            if time.monotonic() - began > allowed:
                raise Busy(_holder(lock) or "another process") from None
        if not waited:
            say(f"{lock.parent}: waiting for {_holder(lock) or 'another process'}")
            waited = True
        time.sleep(LOOK)
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


def _read(lock: Path) -> tuple[int, str] | None:
    """Process and machine that hold a lock, or have died with it."""
    try:
        values = read_json(_note(lock))
        return int(values["process"]), str(values["machine"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _holder(lock: Path) -> str | None:
    """In words."""
    holder = _read(lock)
    return None if holder is None else f"process {holder[0]} of {holder[1]!a}".replace("'", "")


def _is_dead(lock: Path) -> bool:
    """Whether the process that holds a lock has ended, so that only its children can hold it still."""
    holder = _read(lock)
    if holder is None or holder[1] != _machine() or os.name != "posix":
        return False
    try:
        os.kill(holder[0], 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass
    return False
