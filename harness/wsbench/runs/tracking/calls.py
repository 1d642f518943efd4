"""Calls into a tracker: in a thread of its own, with a limit of time, and contained."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from wsbench.contract.containment import contained
from wsbench.errors import WsbenchError

SECONDS = 120.0
"""Seconds that a tracker may take for one event. A new database takes some, and a server that does not answer
must not hold up a training."""

SECONDS_AFTER_STOP = 1.0
"""Seconds for each event after Ctrl-C, of the two that a command has to clean up (`utils.signals`)."""


class Hangs(WsbenchError):
    """A tracker's function has not returned in time, and its thread is left behind."""


class TrackerThread:
    """The thread that all functions of one tracker are called in.

    Databases want to be used by the thread that opened them, and a call that never returns can be left behind
    in its thread. The program can end all the same.

    Args:
        who: the tracker and its plugin, for messages.
    """

    def __init__(self, who: str) -> None:
        self._who = who
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=f"wsbench {who}", daemon=True).start()

    def call(self, function: Callable[..., Any], *args: Any, seconds: float = SECONDS) -> Any:
        """Call a function there, and wait for what it returns.

        Raises:
            Exception: what the function raised.
            Hangs: it did not return in time.
            WsbenchError: it called ``sys.exit``.
        """
        answer: Future[Any] = Future()

        def work() -> None:
            try:
                answer.set_result(function(*args))
            except BaseException as error:
                answer.set_exception(error if isinstance(error, Exception | SystemExit) else _as_error(error))

        with contained(self._who, function.__name__):
            self._calls.put(work)
            try:
                return answer.result(timeout=seconds)
            except TimeoutError:
                if answer.done():  # it is the function's own
                    raise
                raise Hangs(f"did not return within {seconds:g} s") from None

    def end(self) -> None:
        """Let the thread end after what it is doing."""
        self._calls.put(None)

    def _work(self) -> None:
        while (work := self._calls.get()) is not None:
            work()


def _as_error(error: BaseException) -> Exception:
    """An error of a plugin that must not look like Ctrl-C of the user."""
    return RuntimeError(f"{type(error).__name__}: {error}")
