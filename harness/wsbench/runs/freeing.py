"""Removes files of finished stages that can be made again, and makes them again when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from wsbench.runs.stage_marks import Freed, Mark
from wsbench.runs.stages import empty, finished

Result = TypeVar("Result")


def free(run: Path, name: str, files: Sequence[str]) -> None:
    """Remove files of a finished stage to free space. The stage stays finished, and `stage` makes them again
    when it is told to.

    Args:
        run: the run's folder, held by this process.
        name: of the stage.
        files: their paths in the stage's folder.

    Raises:
        WsbenchError: the stage is not finished.
    """
    finished(run, name, freed=True)
    folder, mark = run / name, Mark.read(run / name)
    # Noted first: a kill leaves files that are noted as removed, and never misses one that is not.
    replace(mark, freed=tuple(sorted({*mark.freed, *files}))).write(folder)
    for file in files:
        (folder / file).unlink(missing_ok=True)


def forget(run: Path, name: str) -> None:
    """Have a stage made anew, because what it was made of is not the same any more.

    Args:
        run: the run's folder, held by this process.
        name: of the stage.
    """
    empty(run / name)


def refilling(work: Callable[[frozenset[Path]], Result], say: Callable[[str], None]) -> Result:
    """Do some work, again and again until no file is missing that was freed.

    Args:
        work: called with the folders of the stages whose files are to be made again where they were freed.
            It raises `Freed` where it needs files of another stage.
        say: called with a line for each stage that is made again.
    """
    refill: frozenset[Path] = frozenset()
    while True:
        try:
            return work(refill)
        except Freed as freed:
            if freed.folder in refill:
                raise
            say(f"{freed.folder}: was freed by `wsbench runs clean`, and is needed now")
            refill |= {freed.folder}
