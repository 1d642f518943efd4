"""Threads or processes that work for this process, and end when it ends, even where it was killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

from wsbench.ends import left_to_this_process

Item = TypeVar("Item")
Result = TypeVar("Result")

POLL = 0.5
"""Seconds between two looks at whether the parent is alive. Linux could signal its death, but counts as a
parent the thread that started the worker, which may end long before the process does."""


def in_order(work: Callable[[Item], Result], items: Sequence[Item], *, processes: bool) -> Iterator[Result]:
    """``work`` of every item, in the items' order, by as many workers as there are cores.

    Args:
        work: a function that pickles, where processes do it.
        items: what it is called with.
        processes: whether processes work, or threads.
    """
    import joblib

    jobs = min(joblib.cpu_count(), len(items) or 1)
    backend = {"backend": "loky", "initializer": serve, "initargs": (os.getpid(),)}
    parallel = joblib.Parallel(
        n_jobs=jobs, return_as="generator", **(backend if processes else {"backend": "threading"})
    )
    with ExitStack() as stack:
        # Twice: joblib lets signals through again once it has started the first process of its own.
        with left_to_this_process():
            stack.enter_context(parallel)
        with left_to_this_process():
            results = parallel(joblib.delayed(work)(item) for item in items)
        yield from results


def serve(parent: int) -> None:
    """Have this process, a worker, end within a second of its parent's end. Call it before any work.

    Args:
        parent: the process number of the parent.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a forked worker has the parent's handlers
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(1)
