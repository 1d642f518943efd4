"""What an engine does: it is handed commands, and says which have ended."""

from __future__ import annotations

import math
import os
import signal
import subprocess  # nosec B404 # commands of wsbench alone are started
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from wsbench.utils.signals import GRACE, left_to_this_process
from wsbench.utils.workers import PARENT

POLL_SECONDS = 0.2
"""Seconds between two looks at commands that run."""


@dataclass(frozen=True)
class Command:
    """A command of wsbench. It is what every engine starts, so that all leave the same.

    Attributes:
        name: tells it from other commands of the sweep.
        words: the words after ``wsbench``.
        log: the file of what it prints.
        folder: the working directory.
        variables: environment variables to set.
    """

    name: str
    words: tuple[str, ...]
    log: Path
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def start(self, variables: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start it as a process that ends with this one.

        Args:
            variables: further environment variables.
        """
        environment = {**os.environ, **self.variables, **(variables or {}), PARENT: str(os.getpid())}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as file, left_to_this_process():
            return subprocess.Popen(  # nosec B603
                [sys.executable, "-m", "wsbench", *self.words],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def carry_out(self) -> int:
        """Start it, wait for its end, and return its exit code; the negative number of a signal that killed
        it."""
        return self.start().wait()


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Attributes:
        name: of the command.
        problem: why it failed, in words; empty where it did what it should.
    """

    name: str
    problem: str = ""

    @classmethod
    def of(cls, command: Command, code: int) -> Ended:
        """The end of a command with an exit code."""
        if code == 0:
            return cls(command.name)
        if code < 0:
            with suppress(ValueError):
                return cls(command.name, f"killed by signal {signal.Signals(-code).name}")
        return cls(command.name, last_line(command.log) or f"ended with exit code {code}")


class Engine(ABC):
    """Starts commands.

    Attributes:
        at_once: how many commands it is handed at the same time.
        orders: whether it is handed all commands at the beginning and decides itself which run when. Those
            that need the same training then wait for each other.
    """

    at_once: float = math.inf
    orders: bool = False

    @abstractmethod
    def start(self, commands: Sequence[Command]) -> None:
        """Start some commands, or let them wait for room."""

    @abstractmethod
    def ended(self) -> Iterable[Ended]:
        """The commands that have ended since the last call. It waits for a moment where none has."""

    @abstractmethod
    def close(self) -> None:
        """End what still runs, and give back what was taken."""


def last_line(log: Path) -> str:
    """The last line of a log that is not empty."""
    try:
        lines = log.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "").removeprefix("error: ")


def end_all(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Ask processes to end, and kill those that have not done so in time."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout=GRACE + 1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
