"""Runs work in threads or processes that end with this process, even if it is killed."""

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
"""The environment variable of Python's warning filters."""

PARENT = "WSBENCH_PARENT"
"""The environment variable that holds the number of the process that a command ends with."""

POLL_SECONDS = 0.5
"""Seconds between two checks that the parent is alive. Linux can signal the death of a parent, but takes the
thread that started the worker for it, which may end long before the process."""


def in_order(
    work: Callable[[Item], Result], items: Sequence[Item], *, processes: bool
) -> Generator[Result, None, None]:
    """Call a function with every item, with as many workers as there are cores.

    Args:
        work: the function. For processes, it must be picklable.
        items: the arguments of the calls.
        processes: whether the workers are processes; otherwise they are threads.

    Yields:
        The results, in the order of the items.
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
    # Not used as a context: joblib would react to a signal by starting new workers, whose locks would stay.
    with left_to_this_process():
        return _begun(_taken(parallel(calls)))


def _start_trackers() -> None:
    """Start the two processes (Python's and loky's) that clean up after workers, before any worker.

    The start of either unblocks signals, which would then reach the workers.
    """
    import multiprocessing.resource_tracker

    from joblib.externals.loky.backend import resource_tracker

    with left_to_this_process():
        multiprocessing.resource_tracker.ensure_running()
    with left_to_this_process(), _silent_from_the_start():
        resource_tracker.ensure_running()


@contextmanager
def _silent_from_the_start() -> Iterator[None]:
    """Run a block in which loky's tracker is started without warnings about the locks that it removes after a
    stopped command. Removing them is its task."""
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
    """Yield None, and then the results. After an interruption, joblib would warn of results that nobody took;
    that warning is suppressed."""
    try:
        yield
        for result in results:  # noqa: UP028 (`yield from` would close them before the warning is off)
            yield result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


def _begun(generator: Generator[Result, None, None]) -> Generator[Result, None, None]:
    """Start a generator. One that has not begun would not clean up when it is closed."""
    next(generator)
    return generator


def serve(parent: int) -> None:
    """Make this process, a worker, end within a second of its parent. Call this before any work.

    Args:
        parent: the process number of the parent.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a forked worker has the parent's handlers
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def end_with_parent() -> None:
    """Make this process end within a second of the process that `PARENT` names, where the variable is set.

    The variable is removed, because it does not hold for processes that this one starts.
    """
    if parent := os.environ.pop(PARENT, ""):
        threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)
