"""A run's folder: one process at a time, and stages that know whether their inputs have changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from wsbench import memory
from wsbench.errors import WsbenchError
from wsbench.files import read_json, write_json

LAYOUT = 1
"""Raise it when what a stage leaves changes its form: older leavings are then made again."""

MADE = ".wsbench.json"
"""In a folder that `make_at_once` made: what it was made of."""


def key_of(inputs: Any) -> str:
    """A short hash of JSON values; equal inputs give equal keys on every machine."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def locked(path: Path) -> Iterator[Path]:
    """The folder ``path``, made if needed and held by this process. The lock dies with the process.

    Raises:
        WsbenchError: another process holds it.
    """
    path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path / ".lock", timeout=0):
            yield path
    except Timeout:
        raise WsbenchError(f"{path} is in use by another process; wait for it, or stop it") from None


def require_room(folder: Path) -> None:
    """Raise WsbenchError where `make_at_once` cannot make ``folder``, and did not make it either."""
    place = folder.resolve()
    if (place / MADE).is_file():
        return
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise WsbenchError(f"{folder} exists and is not an empty folder; name another one")
    if place == Path.cwd() or place.is_mount():
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
    place, key = folder.resolve(), {"key": key_of(inputs), "made of": inputs}
    part, lock = (place.with_name(f".{place.name}.{kind}") for kind in ("part", "lock"))
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0):
            try:
                return _make(place, part, key, work)
            finally:
                lock.unlink(missing_ok=True)
    except Timeout:
        raise WsbenchError(f"{folder} is being made by another process; wait for it, or stop it") from None


def _make(place: Path, part: Path, key: Mapping[str, Any], work: Callable[[Path], None]) -> bool:
    if (place / MADE).exists():
        if read_json(place / MADE) == key:
            return False
        raise WsbenchError(f"{place} was made by another command; name another folder")
    shutil.rmtree(part, ignore_errors=True)
    work(part)
    write_json(part / MADE, key)
    if place.exists():
        place.rmdir()
    part.rename(place)
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
    """

    folder: Path
    key: str
    facts: Mapping[str, Any]
    fresh: bool


def stage(run: Path, name: str, inputs: Any, work: Callable[[Path], Mapping[str, Any]]) -> Stage:
    """Do ``work`` in the subfolder ``name``, unless that was finished from the same inputs before.

    What an unfinished attempt from the same inputs left in the folder is still there when ``work`` is
    called; what other inputs left is removed first.

    Args:
        run: the run's folder, held by this process.
        name: of the stage.
        inputs: JSON values that the outcome depends on.
        work: called with the stage's folder; returns facts for the record.
    """
    folder, key = run / name, key_of([LAYOUT, inputs])
    mark = folder / "stage.json"
    known = read_json(mark) if mark.exists() else {}
    if known.get("key") == key and known.get("done"):
        return Stage(folder, key, known["facts"], fresh=False)
    if known.get("key") != key:
        shutil.rmtree(folder, ignore_errors=True)
        write_json(mark, {"key": key, "done": False})
    held, started = memory.watch(), time.monotonic()
    facts = dict(work(folder))
    seconds = round(time.monotonic() - started, 2)
    facts["cost"] = {"seconds": seconds, **memory.peaks(held), **facts.get("cost", {})}
    write_json(mark, {"key": key, "done": True, "facts": facts})
    return Stage(folder, key, facts, fresh=True)


def finished(run: Path, name: str) -> Stage:
    """A stage that was finished before, from whatever inputs.

    Raises:
        WsbenchError: it was not.
    """
    mark = run / name / "stage.json"
    known = read_json(mark) if mark.exists() else {}
    if not known.get("done"):
        raise WsbenchError(f"{run}: its {name} is not finished; type the command that made it again")
    return Stage(run / name, known["key"], known["facts"], fresh=False)


def is_done(run: Path, name: str, inputs: Any) -> bool:
    """Whether `stage` would do nothing."""
    mark = run / name / "stage.json"
    known = read_json(mark) if mark.exists() else {}
    return bool(known.get("done")) and known.get("key") == key_of([LAYOUT, inputs])
