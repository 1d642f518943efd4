"""A run's folder: one process at a time, and stages that know whether their inputs have changed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.locks import Busy, held
from wsbench.files.writing import read_json, write_json
from wsbench.runs.stage_marks import MARK as MARK  # noqa: PLC0414 - it is known from here
from wsbench.runs.stage_marks import Freed, Mark
from wsbench.utils import allocator, memory
from wsbench.utils.hashing import key_of

LAYOUT = 1
"""Raise it when what a stage leaves changes its form: older leavings are then made again."""

MADE = ".wsbench.json"
"""In a folder that `make_at_once` made: what it was made of."""


@contextmanager
def locked(
    path: Path, say: Callable[[str], None] = lambda line: None, *, patience: float = 0.0
) -> Iterator[Path]:
    """The folder ``path``, made if needed and held by this process. The lock dies with the process.

    Args:
        path: of the folder.
        say: called with a line when another process is waited for, or has died with the lock.
        patience: seconds that another process is waited for.

    Raises:
        WsbenchError: another process holds it.
    """
    path.mkdir(parents=True, exist_ok=True)
    try:
        with held(path / ".lock", say, patience=patience):
            yield path
    except Busy as busy:
        raise WsbenchError(f"{path} is in use by {busy.holder}; wait for it, or stop it") from None


def require_room(folder: Path) -> None:
    """Raise WsbenchError where `make_at_once` cannot make ``folder``, and did not make it either."""
    target = folder.resolve()
    if (target / MADE).is_file():
        return
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WsbenchError(f"{folder} exists and is not an empty folder; name another one")
    if target == Path.cwd() or target.is_mount():
        raise WsbenchError(f"{folder} is in use and cannot be replaced; name a new folder in it")


def make_at_once(folder: Path, inputs: Any, work: Callable[[Path], None]) -> bool:
    """Make ``folder``, unless it was made from the same inputs before. Killed at any moment, nothing of that
    name is there, or all of it; what is unfinished lies beside it until the next attempt.

    Args:
        folder: new or empty.
        inputs: JSON values that the outcome depends on.
        work: called with a folder that does not exist yet, to fill.

    Returns:
        Whether it was made now.

    Raises:
        WsbenchError: it holds something else, or another process makes it.
    """
    require_room(folder)
    target, key = folder.resolve(), {"key": key_of(inputs), "made of": inputs}
    unfinished, lock = (target.with_name(f".{target.name}.{kind}") for kind in ("part", "lock"))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with held(lock, _quiet):
            try:
                return _make(target, unfinished, key, work)
            finally:
                lock.unlink(missing_ok=True)
    except Busy as busy:
        raise WsbenchError(f"{folder} is being made by {busy.holder}; wait for it, or stop it") from None


def _make(target: Path, unfinished: Path, key: Mapping[str, Any], work: Callable[[Path], None]) -> bool:
    if (target / MADE).exists():
        if read_json(target / MADE) == key:
            return False
        raise WsbenchError(f"{target} was made by another command; name another folder")
    shutil.rmtree(unfinished, ignore_errors=True)
    work(unfinished)
    write_json(unfinished / MADE, key)
    if target.exists():
        target.rmdir()
    unfinished.rename(target)
    return True


@dataclass(frozen=True)
class Stage:
    """One step of a run: a subfolder, what it was made from, and what making it cost.

    Attributes:
        folder: the subfolder; its contents survive a kill and belong to this key.
        key: of the inputs.
        facts: what the work returned; under ``cost``, also seconds and `memory.peaks` of the process that
            finished it.
        fresh: whether it was done now.
        freed: whether files of it were removed to free space (`free`).
    """

    folder: Path
    key: str
    facts: Mapping[str, Any]
    fresh: bool
    freed: bool = False

    def require_files(self) -> None:
        """Raise `Freed` unless all files are there. Call it before something is made of them."""
        if self.freed:
            raise Freed(self.folder)


def _accept(folder: Path) -> str | None:
    return None


def _quiet(line: str) -> None:
    pass


@dataclass(frozen=True)
class Checks:
    """How a finished stage is told from one that something happened to.

    Attributes:
        left_in_run: names of files that its work leaves in the run's folder.
        problem: called with the stage's folder, what is wrong with its files, in words, or None.
        say: called with the line that says why a stage is made anew.
    """

    left_in_run: Sequence[str] = ()
    problem: Callable[[Path], str | None] = _accept
    say: Callable[[str], None] = _quiet


ONLY_HASHES = Checks()
"""Of the files in the stage's folder, and nothing is said."""


def stage(
    run: Path,
    name: str,
    inputs: Any,
    work: Callable[[Path], Mapping[str, Any]],
    checks: Checks = ONLY_HASHES,
    *,
    refill: bool = False,
) -> Stage:
    """Do ``work`` in the subfolder ``name``, unless that was finished from the same inputs before and every
    file is still what was left there. Files that `free` has removed are not missed.

    What an unfinished attempt from the same inputs left in the folder is still there when ``work`` is
    called; what other inputs left, or what was damaged after it was finished, is removed first.

    Args:
        run: the run's folder, held by this process.
        name: of the stage.
        inputs: JSON values that the outcome depends on.
        work: called with the stage's folder; returns facts for the record.
        checks: of a finished stage.
        refill: whether the work is done again where files of the finished stage were removed by `free`.

    Raises:
        WsbenchError: the folder cannot be emptied.
    """
    folder, key = run / name, stage_key(inputs)
    mark = Mark.read(folder)
    problem = mark.problem
    if mark.key == key and mark.facts is not None:
        problem = _problem_of(run, folder, mark, checks) or ""
        if not problem and mark.freed and refill:
            problem = "its files were freed"
        if not problem:
            if mark.hashes is None:
                _finish(run, folder, key, mark.facts, checks)
            return Stage(folder, key, mark.facts, fresh=False, freed=bool(mark.freed))
    if problem:
        checks.say(f"{folder}: {problem}; it is made anew")
    if problem or mark.key != key:
        empty(folder)
        Mark(key).write(folder)
    allocator.keep_freed_memory()
    held, started = memory.watch(), time.monotonic()
    facts = dict(work(folder))
    seconds = round(time.monotonic() - started, 2)
    facts["cost"] = {"seconds": seconds, **memory.peaks(held), **facts.get("cost", {})}
    allocator.return_freed_memory()
    _finish(run, folder, key, facts, checks)
    return Stage(folder, key, facts, fresh=True)


def stage_key(inputs: Any) -> str:
    """The key of a stage with these inputs. That of stage ``fit`` is `Record.training`.

    Args:
        inputs: JSON values that the outcome depends on.
    """
    return key_of([LAYOUT, inputs])


def _finish(run: Path, folder: Path, key: str, facts: Mapping[str, Any], checks: Checks) -> None:
    if checks.left_in_run:
        checksums.note(run, checks.left_in_run)
    Mark(key, facts, checksums.of_folder(folder, but=MARK)).write(folder)


def _problem_of(run: Path, folder: Path, mark: Mark, checks: Checks) -> str | None:
    """What happened to the files of a finished stage, in words; None where nothing did."""
    if problem := checksums.difference(folder, mark.kept):
        return problem
    for name in checks.left_in_run:
        if problem := checksums.problem_of(run / name):
            return problem
    return None if mark.freed else checks.problem(folder)


def empty(folder: Path) -> None:
    """Remove what is in a folder; it may be a link to one."""
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise WsbenchError(
            f"{folder} holds files of another run and cannot be emptied ({error.strerror}); remove it"
        ) from None


def finished(run: Path, name: str, *, freed: bool = False) -> Stage:
    """A stage that was finished before, from whatever inputs.

    Args:
        run: the run's folder.
        name: of the stage.
        freed: whether files of it may have been removed by `free`.

    Raises:
        WsbenchError: it was not, or a file is not what was left there, or was removed.
    """
    mark = Mark.read(run / name)
    again = "rerun the command that made it"
    if mark.problem:
        raise WsbenchError(f"{run / name}: {mark.problem}; {again}")
    if mark.facts is None:
        raise WsbenchError(f"{run}: its {name} is not finished; {again}")
    if problem := checksums.difference(run / name, mark.kept):
        raise WsbenchError(f"{run / name}: {problem}; {again}")
    stage = Stage(run / name, mark.key, mark.facts, fresh=False, freed=bool(mark.freed))
    if not freed:
        stage.require_files()
    return stage


def is_done(run: Path, name: str, inputs: Any, *, refill: bool = False) -> bool:
    """Whether `stage` would do nothing, where no other checks are made of it."""
    mark = Mark.read(run / name)
    if mark.freed and refill:
        return False
    same = mark.facts is not None and mark.key == stage_key(inputs)
    return same and checksums.difference(run / name, mark.kept) is None
