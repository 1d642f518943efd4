"""TensorBoard: curves of every run, and a table of settings beside metrics."""

from __future__ import annotations

import math
import re
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

import wsbench
from wsbench.contract import TrackedRun, Tracker, TrackerSpec


class TensorBoardSettings(wsbench.Settings):
    """Where the event files lie."""

    folder: str = Field(
        "", description="the folder that tensorboard --logdir names; by default tensorboard in that of runs"
    )


class TensorBoardTracker(Tracker):
    """Writes event files of one run.

    Args:
        folder: folder of the run's event files.
        run: the run.
    """

    def __init__(self, folder: Path, run: TrackedRun) -> None:
        continues = bool(run.previous) and any(folder.glob("events.out.tfevents.*"))
        super().__init__(run.previous if continues else uuid.uuid4().hex)
        from torch.utils.tensorboard import SummaryWriter

        self._run, self._epoch = run, 0
        self._writer: Any = SummaryWriter(str(folder))
        if not continues:
            self._writer.add_text("run", _table(run.parameters()))
            self._writer.flush()

    def epoch_ended(self, epoch: int, values: Mapping[str, float]) -> None:
        self._epoch = epoch
        for name, value in values.items():
            self._writer.add_scalar(f"epoch/{name}", value, epoch)
        self._writer.flush()

    def stage_finished(self, stage: str, seconds: float) -> None:
        self._writer.add_scalar(f"seconds/{stage}", seconds, 0)
        self._writer.flush()

    def run_finished(self, record: wsbench.Record, numbers: Mapping[str, float]) -> None:
        from torch.utils.tensorboard.summary import hparams

        for name, value in numbers.items():
            self._writer.add_scalar(name, value, 0)
        # The table has the metrics alone: their intervals and classes are among the curves.
        metrics = {name: value for name, value in numbers.items() if name.count("/") == 1}
        settings = {name: _cell(value) for name, value in self._run.parameters().items()}
        for summary in hparams(settings, metrics):
            self._writer.file_writer.add_summary(summary)
        self._writer.flush()

    def run_failed(self, reason: str) -> None:
        self._writer.add_text("failed", _escaped(reason))

    def close(self) -> None:
        self._writer.close()


def _cell(value: Any) -> str | float | bool:
    """A setting as the table of TensorBoard takes it."""
    if isinstance(value, bool | str) or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return str(value)


def _table(parameters: Mapping[str, Any]) -> str:
    """Settings as a table in Markdown, which TensorBoard shows."""
    rows = [f"| {_escaped(name)} | {_escaped(str(value))} |" for name, value in parameters.items()]
    return "\n".join(["| setting | value |", "| :--- | :--- |", *rows])


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", line)


def _open(settings: TensorBoardSettings, run: TrackedRun) -> TensorBoardTracker:
    folder = Path(settings.folder).expanduser() if settings.folder else run.runs / "tensorboard"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the library's own imports
        return TensorBoardTracker(folder / run.name, run)


@wsbench.hookimpl
def wsbench_trackers() -> list[TrackerSpec]:
    return [
        TrackerSpec(
            "tensorboard",
            "event files for TensorBoard: curves, and settings beside metrics",
            TensorBoardSettings,
            _open,
            packages=("tensorboard",),
            install="pip install 'wsbench[tensorboard]'",
        )
    ]
