"""Carries out the cells of a sweep: those that are not done, and never two that make the same training."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wsbench.studies.sweeps.engines.base import Command, Ended, Engine
from wsbench.studies.sweeps.form import SweepForm
from wsbench.studies.sweeps.planned import Planned
from wsbench.utils.hashing import key_of
from wsbench.utils.progress import Progress

LOGS = "logs"
"""In the sweep's folder: what the command of each cell printed."""

PASSED_ON = "WSBENCH_"
"""Begins the environment variables that commands are given, wherever they run."""


@dataclass(frozen=True)
class Work:
    """A cell that is not done.

    Attributes:
        label: the cell in words.
        command: the command that carries it out.
        trainings: the folders of trainings that it makes, unless another cell does.
    """

    label: str
    command: Command
    trainings: frozenset[Path]

    def without(self, made: frozenset[Path]) -> Work:
        """The same cell, where some trainings are made by now."""
        return replace(self, trainings=self.trainings - made)


@dataclass(frozen=True)
class Failure:
    """A cell that has failed.

    Attributes:
        label: the cell in words.
        problem: why, in words.
        log: the file of what its command printed.
    """

    label: str
    problem: str
    log: Path


def work_of(
    run: Planned, label: str, form: SweepForm, folder: Path, runs: Path, plugin_files: Sequence[Path] = ()
) -> Work:
    """A cell with the command that carries it out: the words that a user would type.

    Args:
        run: the cell.
        label: the cell in words.
        form: the sweep.
        folder: of the sweep.
        runs: the folder of all runs.
        plugin_files: files of plugins.
    """
    words = ["run", *run.cell.words(), "--device", form.device, "--threads", str(form.threads), "--wait"]
    words += [
        "--no-references",
        "--no-upstream",
        "--no-report",
        "--runs",
        str(runs.absolute()),
        "--calibrate-for",
        form.calibrate_for,
        "-q",
    ]
    if form.root is not None:
        words += ["--root", str(form.root.absolute())]
    if run.targets:
        words += [word for other in form.test_on for word in ("--test-on", other)]
    words += [word for file in plugin_files for word in ("--plugin", str(file.absolute()))]
    name = key_of(run.cell.words())[:12]
    variables = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    command = Command(name, tuple(words), folder.absolute() / LOGS / f"{name}.log", Path.cwd(), variables)
    return Work(label, command, run.trainings())


def carry_out(all_work: Sequence[Work], engine: Engine, progress: Progress) -> list[Failure]:
    """Carry out cells. One that fails costs no other.

    Args:
        all_work: the cells, in the order in which they begin where nothing else decides.
        engine: what starts their commands.
        progress: where each cell that has ended is shown.

    Returns:
        The cells that have failed.
    """
    waiting, running = list(all_work), dict[str, Work]()
    failures, began = [], dict[str, float]()
    with progress.task("cells", len(all_work)) as advance:
        while waiting or running:
            if ready := _ready(waiting, list(running.values()), engine):
                waiting = [work for work in waiting if work not in ready]
                running |= {work.command.name: work for work in ready}
                began |= {work.command.name: time.monotonic() for work in ready}
                engine.start([work.command for work in ready])
            for end in engine.ended():
                work = running.pop(end.name)
                if not end.problem:
                    waiting = [other.without(work.trainings) for other in waiting]
                if end.problem:
                    failures.append(Failure(work.label, end.problem, work.command.log))
                progress.say(_line(work, end, time.monotonic() - began[end.name]))
                advance(1)
    return failures


def _ready(waiting: Sequence[Work], running: Sequence[Work], engine: Engine) -> list[Work]:
    """The cells that can begin: those for which the engine has room, and whose trainings no running cell
    makes."""
    if engine.orders:
        return list(waiting)
    room = engine.at_once - len(running)
    made = {folder for work in running for folder in work.trainings}
    ready: list[Work] = []
    for work in waiting:
        if len(ready) < room and made.isdisjoint(work.trainings):
            ready.append(work)
            made |= work.trainings
    return ready


def _line(work: Work, end: Ended, seconds: float) -> str:
    words = f"{work.label}: {end.problem or 'done'} ({seconds:.0f} s)"
    return f"{words}; see {work.command.log}" if end.problem else words
