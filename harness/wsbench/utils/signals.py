"""Ends a command when a signal asks for it: with one line, the signal's exit code, and no process left."""

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
"""Seconds that a command has to clean up. What is not done then is as safe as after a kill."""

LINE = "stopped; rerun the command to continue"
"""The line that a stopped command prints."""

_ASKING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP


class Stopped(KeyboardInterrupt):
    """Raised in the main thread by a signal that asks to stop.

    It is a KeyboardInterrupt, so that libraries that clean up after Ctrl-C also do so for SIGTERM and SIGHUP.
    """


@dataclass
class Ending:
    """The signal that asked a command to stop.

    Attributes:
        signal: the number of the signal; None if none came. It is stored here because a library may swallow
            `Stopped` or turn it into another exception.
    """

    signal: int | None = None

    def leave(self) -> None:
        """Print the line and end the process at once, with 128 plus the signal's number as exit code.

        Functions that are registered for the end of Python do not run, because they may wait for others.
        """
        assert self.signal is not None
        with suppress(OSError):  # after SIGHUP there may be no terminal to write to
            os.write(2, f"{LINE}\n".encode())
        os._exit(128 + self.signal)

    def raise_stopped(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: raise `Stopped`, and end the process after `GRACE` seconds in any case."""
        if self.signal is not None:  # after a second Ctrl-C, cleaning up continues until GRACE is over
            return
        self.signal = number
        timer = threading.Timer(GRACE, self.leave)
        timer.daemon = True
        timer.start()
        # Python prints exceptions that it cannot raise (in destructors and other threads). Only one line may
        # be printed.
        sys.unraisablehook = lambda _: None
        threading.excepthook = lambda _: None
        raise Stopped

    def leave_now(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: end the process at once."""
        self.signal = number
        self.leave()


@contextmanager
def listening(*, to_the_end: bool = False) -> Iterator[Ending]:
    """Run a block in which the first signal that asks to stop raises `Stopped`.

    The process ends `GRACE` seconds after the signal, even if the block has not ended. A signal that is
    already ignored (``nohup``) stays ignored. Outside of the main thread, where Python handles no signals,
    nothing changes.

    Args:
        to_the_end: True also handles signals after the block, where they end the process at once: libraries
            may take seconds when Python ends. False restores the old handlers after the block.
    """
    ending = Ending()
    if threading.current_thread() is not threading.main_thread():
        yield ending
        return
    before = {number: signal.getsignal(number) for number in _ASKING}
    heeded = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    _handle(dict.fromkeys(heeded, ending.raise_stopped))
    if to_the_end:
        # Registered first, it runs last. After it, Python itself ends within a fraction of a second and calls
        # no handler.
        atexit.register(_handle, dict.fromkeys(heeded, signal.SIG_IGN))
    try:
        yield ending
    finally:
        _handle(dict.fromkeys(heeded, ending.leave_now) if to_the_end else heeded)


def _handle(handlers: Mapping[int, Any]) -> None:
    """Set the handlers of signals by number."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def left_to_this_process() -> Iterator[None]:
    """Run a block in which processes are started that Ctrl-C and a closed terminal do not reach.

    Terminals send these signals to all processes of a command, and each would print a traceback. A signal to
    this process is delivered after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    asking = [number for number in _ASKING if number != signal.SIGTERM]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, asking)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
