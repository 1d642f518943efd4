"""Every number of every run in a single CSV file, a row each."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

import wsbench
from wsbench.contract import TrackedRun, Tracker, TrackerSpec

HEADER = ("time", "run", "method", "dataset", "seed", "event", "epoch", "name", "value")


class CsvSettings(wsbench.Settings):
    """Where the file lies."""

    file: str = Field("", description="the file; by default tracking.csv in the folder of runs")


class CsvTracker(Tracker):
    """Appends rows of one run to the file.

    Args:
        path: the file.
        run: the run.
    """

    def __init__(self, path: Path, run: TrackedRun) -> None:
        # If the file was removed, everything is written again: the id says when it was begun.
        is_new = not path.exists() or path.stat().st_size == 0
        super().__init__(f"{run.name} {_now()}" if is_new or not run.previous else run.previous)
        self._path, self._run = path, run
        if is_new:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append([HEADER])

    def epoch_ended(self, epoch: int, values: Mapping[str, float]) -> None:
        self._rows("epoch", values, epoch)

    def stage_finished(self, stage: str, seconds: float) -> None:
        self._rows("stage", {f"{stage}/seconds": seconds})

    def run_finished(self, record: wsbench.Record, numbers: Mapping[str, float]) -> None:
        self._rows("finished", numbers)

    def run_failed(self, reason: str) -> None:
        self._rows("failed", {reason: math.nan})

    def _rows(self, event: str, values: Mapping[str, float], epoch: int | str = "") -> None:
        run = self._run
        start = (_now(), run.name, run.method, run.dataset, run.seed, event, epoch)
        self._append([(*start, name, repr(float(value))) for name, value in values.items()])

    def _append(self, rows: Iterable[Iterable[object]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        # One write, so that rows of runs that train at the same time do not mix.
        with self._path.open("ab", buffering=0) as file:
            file.write(text.getvalue().encode(errors="backslashreplace"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _open(settings: CsvSettings, run: TrackedRun) -> CsvTracker:
    path = Path(settings.file).expanduser() if settings.file else run.runs / "tracking.csv"
    return CsvTracker(path, run)


@wsbench.hookimpl
def wsbench_trackers() -> list[TrackerSpec]:
    return [TrackerSpec("csv", "every number of all runs in a single CSV file", CsvSettings, _open)]
