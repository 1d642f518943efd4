"""How a command ends when a signal asks it to: one line, the signal's exit code, nothing left running."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

GRACE = 2.0
"""Seconds that a command has to put away what it holds; what is not done then is as safe as after a kill."""

LINE = "stopped; type the same command again to go on"

_ASKING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP


class Stopped(KeyboardInterrupt):
    """Raised in the main thread by a signal that asks to stop. Libraries that put their things away for
    Ctrl-C do it for SIGTERM and SIGHUP, too."""


@dataclass
class Ending:
    """Which signal asked to stop.

    Attributes:
        signal: its number; None where none came. It stays known where a library swallows `Stopped`, or
            turns it into another exception.
    """

    signal: int | None = None

    def leave(self) -> None:
        """Say the line and end the process at once, with 128 and the signal's number as exit code.

        Nothing else runs: not what is registered for the end of Python, which may wait for others.
        """
        assert self.signal is not None
        with suppress(OSError):  # after SIGHUP there may be no terminal to write to
            os.write(2, f"{LINE}\n".encode())
        os._exit(128 + self.signal)

    def raise_stopped(self, number: int, frame: FrameType | None) -> None:
        """As a handler: raise `Stopped`, and leave after `GRACE` seconds whatever becomes of it."""
        if self.signal is not None:  # Ctrl-C again: putting away goes on, until GRACE is over
            return
        self.signal = number
        timer = threading.Timer(GRACE, self.leave)
        timer.daemon = True
        timer.start()
        # Python prints what it cannot raise (in a destructor, in another thread); one line was promised.
        sys.unraisablehook = lambda _: None
        threading.excepthook = lambda _: None
        raise Stopped

    def leave_now(self, number: int, frame: FrameType | None) -> None:
        """As a handler: leave."""
        self.signal = number
        self.leave()


@contextmanager
def listening(*, to_the_end: bool = False) -> Iterator[Ending]:
    """A block in which signals that ask to stop raise `Stopped`, once; `GRACE` seconds after the first one
    the process ends, however far the block has got.

    A signal that is ignored already (``nohup``) stays ignored. In another than the main thread, where Python
    handles no signals, nothing is changed.

    Args:
        to_the_end: signals are listened to after the block, too: what libraries do when Python ends may take
            seconds, in which they end the process at once. Else they do after the block what they did
            before it.
    """
    ending = Ending()
    if threading.current_thread() is not threading.main_thread():
        yield ending
        return
    before = {number: signal.getsignal(number) for number in _ASKING}
    heeded = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    _handle(dict.fromkeys(heeded, ending.raise_stopped))
    if to_the_end:
        # Registered first, it runs last: what is left is Python's own end, a fraction of a second in which
        # it calls no handler.
        atexit.register(_handle, dict.fromkeys(heeded, signal.SIG_IGN))
    try:
        yield ending
    finally:
        _handle(dict.fromkeys(heeded, ending.leave_now) if to_the_end else heeded)


def _handle(handlers: Mapping[int, Any]) -> None:
    """Have signals handled so, by number."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def left_to_this_process() -> Iterator[None]:
    """A block in which processes are started that Ctrl-C and a closed terminal do not reach: terminals send
    such signals to all of a command's processes, and each would print a traceback. What comes for this
    process meanwhile reaches it after the block."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    asking = [number for number in _ASKING if number != signal.SIGTERM]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, asking)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
