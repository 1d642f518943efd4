"""One command in a process of its own, in a folder that something happened to, and what came of it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from wsbench.cli import main
from wsbench.contract import records
from wsbench.runs import replay_arrays

LONGEST = 300.0
"""Seconds after which a command counts as hanging."""

SAME = ("key", "method", "dataset", "seed", "protocols", "training", "trained_from")
"""What two records of the same run have in common: not their times, nor how often was evaluated."""

TOLD = ("made anew", "made again", "starts from the beginning")
"""The words of a line that says that something was noticed and mended."""


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Attributes:
        code: its exit code; negative: the signal that ended it; None: it hung.
        text: what it printed on both streams.
        numbers: what it left, by file.
    """

    code: int | None
    text: str
    numbers: Mapping[str, Any]

    def verdict(self, expected: Mapping[str, Any], makes: Sequence[str], name: str) -> str:
        """The column of the table that it counts in.

        Args:
            expected: what the same command leaves where nothing happened.
            makes: patterns of the files that are compared.
            name: of the file that something happened to.
        """
        errors = [line for line in self.text.splitlines() if line.startswith("error: ")]
        if self.code is None:
            return "hangs"
        if "Traceback" in self.text or self.code not in (0, 2) or (self.code == 2 and len(errors) != 1):
            return "tracebacks"
        if self.code == 2:
            return "refused" if name in errors[0] else "refused without its name"
        if _of(self.numbers, makes) != _of(expected, makes):
            return "other numbers"
        return "made anew" if any(words in self.text for words in TOLD) else "same numbers"


def _of(found: Mapping[str, Any], makes: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if any(fnmatch(name, part) for part in makes)}


def warm() -> None:
    """Import what commands import, so that the processes of `command` start with it."""
    import matplotlib.pyplot
    import pandas
    import sklearn.metrics
    import torch

    import wsbench.runs.recomputing
    import wsbench.runs.runner
    import wsbench.studies.sanity.pictures
    import wsbench.torch.inference
    import wsbench.torch.trainer

    assert matplotlib and pandas and sklearn and wsbench
    torch.set_num_threads(1)
    wsbench.torch.inference.TIMING_SECONDS = 0.0  # what a run costs is not compared


def command(folder: Path, words: Sequence[str], *, kill_after: float | None = None) -> Outcome:
    """Type a command in a folder. It runs in a fork of this process, which must have no threads.

    Args:
        folder: its working directory.
        words: the command without its first word.
        kill_after: seconds after which the process is killed with -9, and its workers with it.
    """
    (outcome,) = at_once(folder, [words], kill_after=kill_after)
    return outcome


def at_once(
    folder: Path, commands: Sequence[Sequence[str]], *, kill_after: float | None = None
) -> list[Outcome]:
    """Type commands in a folder, all at the same time, each as `command` does."""
    printed = [folder / f"printed-{place}" for place in range(len(commands))]
    processes = []
    for words, out in zip(commands, printed, strict=True):
        processes.append(os.fork())
        if processes[-1] == 0:
            os._exit(_in_fork(folder, words, out))
    seconds = LONGEST if kill_after is None else kill_after
    codes = [_waited_for(process, seconds) for process in processes]
    left = numbers(folder)
    texts = [out.read_text(encoding="utf-8", errors="replace") if out.exists() else "" for out in printed]
    return [Outcome(code, text, left) for code, text in zip(codes, texts, strict=True)]


def _in_fork(folder: Path, words: Sequence[str], out: Path) -> int:
    os.setpgid(0, 0)
    os.chdir(folder)
    with out.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")
    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        _end_workers()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _end_workers() -> None:
    """A fork ends without the hooks of a Python that ends, which end joblib's workers."""
    if "joblib.externals.loky.reusable_executor" in sys.modules:
        from joblib.externals.loky import get_reusable_executor, reusable_executor

        if reusable_executor._executor is not None:
            get_reusable_executor().shutdown(wait=True, kill_workers=True)


def count_losses(
    counts: Counter[str], losses: Mapping[str, bool], tell: Callable[[str], None], text: str
) -> None:
    """Count what was lost, and tell of it.

    Args:
        counts: by name, raised where that was lost.
        losses: by name, whether it was.
        tell: called with a line for each loss.
        text: what helps to find out why.
    """
    for name, lost in losses.items():
        counts[name] += lost
        if lost:
            tell(f"{name}: {text}")


def _waited_for(process: int, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    try:
        os.killpg(process, signal.SIGKILL)
    except ProcessLookupError:  # it has no group of its own yet
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def numbers(folder: Path) -> dict[str, Any]:
    """By file, what a reader of a folder's runs, pictures, exports and leaderboards would see of it."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if place.parts[0] in ("runs", "boards", "out") and path.is_file():
            seen = _seen(path)
            if seen is not None:
                found[str(place)] = seen
    return found


def _seen(path: Path) -> Any:
    if path.suffix == ".npz" and path.parent.name not in ("predict", "paper", "fit"):
        return _arrays(path)
    if path.name in (records.SCORES, records.BOXES, records.SANITY) or "out" in path.parts:
        return path.read_bytes()
    if path.name == records.FILE or "records" in path.parts:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return {name: content[name] for name in SAME}
        except (ValueError, KeyError):
            return "no record"
    return None


def _arrays(path: Path) -> Any:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            names = sorted(set(file.files) - {replay_arrays.DIGEST})
            return {name: (file[name].shape, file[name].tobytes()) for name in names}
    except Exception:  # a damaged archive raises whatever zipfile and its decompressors raise
        return "no arrays"
