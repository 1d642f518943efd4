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
