"""Threads or processes that work for this process, and end when it ends, even where it was killed."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from wsbench.utils.signals import left_to_this_process

Item = TypeVar("Item")
Result = TypeVar("Result")

FILTERS = "PYTHONWARNINGS"
POLL = 0.5
"""Seconds between two looks at whether the parent is alive. Linux could signal its death, but counts as a
parent the thread that started the worker, which may end long before the process does."""


def in_order(
    work: Callable[[Item], Result], items: Sequence[Item], *, processes: bool
) -> Generator[Result, None, None]:
    """``work`` of every item, in the items' order, by as many workers as there are cores.

    Args:
        work: a function that pickles, where processes do it.
        items: what it is called with.
        processes: whether processes work, or threads.
    """
    import joblib

    jobs = min(joblib.cpu_count(), len(items) or 1)
    calls = (joblib.delayed(work)(item) for item in items)
    if not processes:
        return _begun(_taken(joblib.Parallel(n_jobs=jobs, backend="threading", return_as="generator")(calls)))
    parallel = joblib.Parallel(
        n_jobs=jobs, backend="loky", return_as="generator", initializer=serve, initargs=(os.getpid(),)
    )
    _start_trackers()
    # Not as a context: joblib would answer a signal with new workers, whose locks nobody puts away.
    with left_to_this_process():
        return _begun(_taken(parallel(calls)))


def _start_trackers() -> None:
    """Start the two processes that put away what workers leave, Python's and loky's, before any worker: the
    start of either lets signals through again to what starts after it."""
    import multiprocessing.resource_tracker

    from joblib.externals.loky.backend import resource_tracker

    with left_to_this_process():
        multiprocessing.resource_tracker.ensure_running()
    with left_to_this_process(), _silent_from_the_start():
        resource_tracker.ensure_running()


@contextmanager
def _silent_from_the_start() -> Iterator[None]:
    """A block in which loky's tracker is started such that it does not warn of the locks that it puts away
    for a command that was told to stop: to put them away is its work."""
    before = os.environ.get(FILTERS)
    os.environ[FILTERS] = ",".join(filter(None, [before, "ignore:resource_tracker:UserWarning"]))
    try:
        yield
    finally:
        if before is None:
            del os.environ[FILTERS]
        else:
            os.environ[FILTERS] = before


def _taken(results: Generator[Result, None, None]) -> Generator[Any, None, None]:
    """Nothing, and then the same results; whoever is interrupted takes no more of them, of which joblib would
    warn."""
    try:
        yield
        for result in results:  # noqa: UP028 (`yield from` would close them before the warning is off)
            yield result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


def _begun(generator: Generator[Result, None, None]) -> Generator[Result, None, None]:
    """A generator that has yielded once: one that has not begun puts nothing away when it is closed."""
    next(generator)
    return generator


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
