"""Shows the progress of long work: as a bar in a terminal, as lines elsewhere, or not at all."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

from wsbench.errors import printable

SECONDS_BETWEEN_LINES = 10.0


class Advance(Protocol):
    """A function that reports finished steps of a task: ``advance(3, "loss 0.41")`` reports three."""

    def __call__(self, steps: int = 1, note: str = "") -> None: ...


class Progress(ABC):
    """Shows what a command is doing, on the standard error stream."""

    @abstractmethod
    def say(self, line: str) -> None:
        """Show a line of text."""

    @abstractmethod
    def task(self, description: str, total: int) -> Task:
        """Show a task: ``with progress.task("reading images", 100) as advance: ...``.

        Args:
            description: the task in words.
            total: the number of its steps.

        Returns:
            A context whose value is an `Advance`.
        """


class Task(Protocol):
    """A context whose value is an `Advance`."""

    def __enter__(self) -> Advance: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool | None: ...


class Silent(Progress):
    """Shows nothing."""

    def say(self, line: str) -> None:
        pass

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        yield lambda steps=1, note="": None


class Lines(Progress):
    """Prints lines, for logs and pipes: at most one in ten seconds, and one at the end of a task."""

    def say(self, line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        started = shown = time.monotonic()
        done = 0

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal done, shown
            done += steps
            now = time.monotonic()
            if done and now - shown >= SECONDS_BETWEEN_LINES:
                shown = now
                left = (now - started) / done * (total - done)
                self.say(f"{description}: {done}/{total} {note} about {left:.0f} s left".replace("  ", " "))

        yield advance
        self.say(f"{description}: {done} in {time.monotonic() - started:.0f} s")


class Bars(Progress):
    """Shows progress bars of Rich."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    def say(self, line: str) -> None:
        self._console.print(printable(line), markup=False, emoji=False, highlight=False)

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=20),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[note]}", markup=False),
            progress.TimeRemainingColumn(),
        )
        with progress.Progress(*columns, console=self._console) as bars:
            bar = bars.add_task(description, total=total, note="")

            def advance(steps: int = 1, note: str = "") -> None:
                if note:
                    bars.update(bar, advance=steps, note=note)
                else:
                    bars.update(bar, advance=steps)

            yield advance


def choose_progress(*, quiet: bool) -> Progress:
    """Return the kind of progress that fits the standard error stream."""
    if quiet:
        return Silent()
    return Bars() if sys.stderr.isatty() else Lines()
