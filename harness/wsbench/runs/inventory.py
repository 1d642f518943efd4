"""The runs under a folder: how far each is, what it scored, how old and how large it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wsbench.contract import records
from wsbench.contract.protocol import ranked_by
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.locks import holder_of
from wsbench.runs.stage_marks import MARK, Mark
from wsbench.settings import HISTORY

STAGES = ("fit", "predict", "score", "measure")
"""The stages of a run in their order. Some runs lack the first or the last."""

LOCK = ".lock"

MAX_DEPTH = 6
"""Folders below the named one that are searched for runs."""

State = Literal["finished", "unfinished", "trained", "running", "damaged"]


@dataclass(frozen=True)
class RunFolder:
    """A run's folder.

    Attributes:
        path: the folder.
        state: ``finished``; ``unfinished``; ``trained``: other runs build on it, and it was not scored
            itself; ``running``: a process holds it; ``damaged``: a file is not what was left there.
        detail: what is known of the state: the stage, the process, the problem.
        record: the record; None of a run without one that can be read.
        changed: when it last changed, in seconds since 1970.
        size: bytes of all its files.
    """

    path: Path
    state: State
    detail: str
    record: Record | None
    changed: float
    size: int

    @property
    def metric(self) -> str:
        """The metric by which runs on its dataset rank; empty without a record."""
        return "" if self.record is None else ranked_by(self.record.dataset["boxes"]["test"])

    @property
    def score(self) -> float | None:
        """The value of this metric under protocol ``uniform``."""
        return None if self.record is None else self.record.value(self.metric)


def run_folders(folder: Path) -> Iterator[Path]:
    """The folders of all runs under a folder, which may be one itself, in the order of their paths.

    Links to folders are not followed.
    """
    for root, folders, files in os.walk(folder):
        folders.sort()
        path = Path(root)
        if records.FILE in files or any((path / name / MARK).is_file() for name in STAGES):
            yield path
            folders.clear()
        elif len(path.relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()


def inspected(path: Path, *, check: bool = False) -> RunFolder:
    """Look at a run's folder without changing it.

    Args:
        path: the folder.
        check: whether every file is compared with the hash of what was left there. Otherwise only the
            record is, and files that are missing are found.
    """
    marks = {name: Mark.read(path / name) for name in STAGES if (path / name).is_dir()}
    record, problem = _record(path)
    problem = problem or _problem(path, marks, check=check)
    state, detail = _state(path, marks, record, problem)
    return RunFolder(path, state, detail, record, _changed(path, marks), _size(path))


def _record(path: Path) -> tuple[Record | None, str]:
    """The record, and what is wrong with it in words."""
    if not (path / records.FILE).exists():
        return None, ""
    if problem := checksums.problem_of(path / records.FILE):
        return None, problem
    try:
        return records.load(path / records.FILE), ""
    except WsbenchError:
        return None, f"{records.FILE} is no record"


def _problem(path: Path, marks: Mapping[str, Mark], *, check: bool) -> str:
    """What is wrong with the files of the stages, in words; empty if nothing is."""
    for name, mark in marks.items():
        if problem := mark.problem or _difference(path / name, mark, check=check):
            return f"{name}: {problem}"
    tables = (records.SCORES, records.BOXES) if check else ()
    return next(filter(None, (checksums.problem_of(path / name) for name in tables)), "")


def _difference(folder: Path, mark: Mark, *, check: bool) -> str:
    if check:
        return checksums.difference(folder, mark.kept) or ""
    return next((f"{file} is missing" for file in mark.kept if not (folder / file).exists()), "")


def _state(path: Path, marks: Mapping[str, Mark], record: Record | None, problem: str) -> tuple[State, str]:
    if holder := holder_of(path / LOCK):
        return "running", holder
    if problem:
        return "damaged", problem
    unfinished = [name for name, mark in marks.items() if mark.facts is None]
    if unfinished:
        return "unfinished", f"at {unfinished[0]}{_epochs(path, unfinished[0])}"
    if record is not None:
        freed = [name for name, mark in marks.items() if mark.freed]
        return "finished", f"{', '.join(freed)} freed" if freed else ""
    if list(marks) == ["fit"]:
        return "trained", "not scored"
    following = [name for name in STAGES if name not in marks]
    return "unfinished", f"at {following[0]}" if following else "without a record"


def _epochs(path: Path, stage: str) -> str:
    """The epochs that an unfinished training has behind it, in words."""
    history = path / stage / HISTORY
    if stage != "fit" or not history.is_file():
        return ""
    lines = history.read_text(encoding="utf-8", errors="replace").splitlines()
    return f", {max(0, len(lines) - 1)} epochs done"


def _changed(path: Path, marks: Mapping[str, Mark]) -> float:
    files = [path / records.FILE, *(path / name / MARK for name in marks), path / "fit" / HISTORY]
    times = [file.stat().st_mtime for file in files if file.is_file()]
    return max(times, default=path.stat().st_mtime)


def _size(path: Path) -> int:
    """Bytes of all files. Of files that disappear meanwhile, nothing counts."""
    total = 0
    for root, _, files in os.walk(path):
        for name in files:
            try:
                total += (Path(root) / name).lstat().st_size
            except OSError:
                continue
    return total
