"""Shows the progress of long work: as a line in a terminal, as lines elsewhere, or not at all."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from wsbench.errors import printable
from wsbench.utils.meter import Meter, final_line, log_line, terminal_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

SECONDS_BETWEEN_LINES = 10.0

REFRESHES_PER_SECOND = 4

MOMENT_SECONDS = 1.0
"""A finished task without steps that took less is not shown."""


class Advance(Protocol):
    """A function that reports finished steps of a task: ``advance(3, "loss 0.41")`` reports three."""

    def __call__(self, steps: int = 1, note: str = "") -> None: ...


class Progress(ABC):
    """Shows what a command is doing, on the standard error stream."""

    @abstractmethod
    def say(self, line: str) -> None:
        """Show a line of text."""

    @abstractmethod
    def task(self, description: str, total: int, *, unit: str = "", before: int = 0) -> Task:
        """Show a task: ``with progress.task("reading", 100, unit="images") as advance: ...``.

        Args:
            description: the task in words.
            total: the number of its steps; 0 if nobody knows it.
            unit: what a step is, in the plural, for the rate: ``95 images/s``.
            before: the number of steps that were done earlier, such as those of a resumed training. They
                count as done, and not in the rate.

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
    def task(self, description: str, total: int, *, unit: str = "", before: int = 0) -> Iterator[Advance]:
        yield lambda steps=1, note="": None


class Lines(Progress):
    """Prints lines, for logs and pipes: at most one in ten seconds, and one at the end of a task."""

    def say(self, line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    @contextmanager
    def task(self, description: str, total: int, *, unit: str = "", before: int = 0) -> Iterator[Advance]:
        meter = Meter(description, total, unit, before)
        shown = 0.0

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal shown
            meter.advance(steps, note)
            if meter.steps and meter.seconds - shown >= SECONDS_BETWEEN_LINES:
                shown = meter.seconds
                self.say(log_line(meter))

        yield advance
        if is_worth_a_line(meter):
            self.say(f"{description}: {meter.summary()}")


class Bars(Progress):
    """Shows a line for each task on a terminal: what it does, its epoch and loss, a bar, the rate and the
    time that is left. The line of a finished task says how long it took."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    def say(self, line: str) -> None:
        self._console.print(printable(line), markup=False, emoji=False, highlight=False)

    @contextmanager
    def task(self, description: str, total: int, *, unit: str = "", before: int = 0) -> Iterator[Advance]:
        from rich.live import Live

        meter = Meter(printable(description), total, unit, before)
        line = _TerminalLine(meter, ascii_only=not self._console.encoding.startswith("utf"))
        with Live(line, console=self._console, refresh_per_second=REFRESHES_PER_SECOND) as live:
            yield lambda steps=1, note="": meter.advance(steps, printable(note))
            line.ended, live.transient = True, not is_worth_a_line(meter)


def is_worth_a_line(meter: Meter) -> bool:
    """Whether a finished task is shown: it had steps, or took some time."""
    return meter.total > 0 or meter.seconds >= MOMENT_SECONDS


class _TerminalLine:
    """The line of a task, drawn anew for the present width of the terminal."""

    def __init__(self, meter: Meter, *, ascii_only: bool) -> None:
        self._meter = meter
        self._signs = {"full": "#", "empty": "-"} if ascii_only else {}
        self.ended = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from rich.text import Text

        # Some terminals begin a new line behind a sign in their last column.
        width = options.max_width - 1
        words = (
            final_line(self._meter, width) if self.ended else terminal_line(self._meter, width, **self._signs)
        )
        yield Text(words, no_wrap=True, overflow="ellipsis")


def choose_progress(*, quiet: bool) -> Progress:
    """Return the kind of progress that fits the standard error stream."""
    if quiet:
        return Silent()
    return Bars() if sys.stderr.isatty() else Lines()
