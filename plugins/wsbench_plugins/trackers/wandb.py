"""Weights & Biases: files on this machine, which ``wandb sync`` uploads, or a run on a server."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

import wsbench
from wsbench.contract import TrackedRun, Tracker, TrackerSpec


class WandbSettings(wsbench.Settings):
    """Where runs are written."""

    mode: Literal["offline", "online"] = Field(
        "offline", description="offline writes files, which `wandb sync` uploads; online sends them at once"
    )
    project: str = Field("wsbench", description="name of the project")
    entity: str = Field("", description="user or team; by default that of the login")
    folder: str = Field("", description="folder of the files; by default that of runs")


class WandbTracker(Tracker):
    """Writes one run.

    Args:
        settings: where it is written.
        run: the run.
    """

    def __init__(self, settings: WandbSettings, run: TrackedRun) -> None:
        name, _, attempt = run.previous.partition(".")
        name = name or uuid.uuid4().hex[:12]
        # The library keeps the latest values of an offline run in memory, so a killed one has lost some. With
        # another id, wsbench tells the new attempt everything, and its files are complete.
        super().__init__(name if settings.mode == "online" else f"{name}.{int(attempt or 0) + 1}")
        import wandb

        folder = Path(settings.folder).expanduser() if settings.folder else run.runs
        folder.mkdir(parents=True, exist_ok=True)
        self._failed = False
        self._run: Any = wandb.init(
            project=settings.project,
            entity=settings.entity or None,
            dir=str(folder),
            mode=settings.mode,
            id=name,
            resume="allow" if settings.mode == "online" else None,
            name=run.name,
            group=f"{run.dataset}/{run.method}",
            config=run.parameters(),
            reinit="create_new",
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True
            ),
        )
        self._run.define_metric("epoch/*", step_metric="epoch")

    def epoch_ended(self, epoch: int, values: Mapping[str, float]) -> None:
        self._run.log(
            {"epoch": epoch, **{f"epoch/{name}": value for name, value in values.items()}}, step=epoch
        )

    def stage_finished(self, stage: str, seconds: float) -> None:
        self._run.summary[f"seconds/{stage}"] = seconds

    def run_finished(self, record: wsbench.Record, numbers: Mapping[str, float]) -> None:
        self._run.summary.update(dict(numbers))

    def run_failed(self, reason: str) -> None:
        self._failed = True
        self._run.summary["reason"] = reason

    def close(self) -> None:
        with _quiet():
            self._run.finish(exit_code=int(self._failed))


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _open(settings: WandbSettings, run: TrackedRun) -> WandbTracker:
    # Set for the import, which reads it. A benchmark of medical images tells nobody that it was run.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    with _quiet():
        return WandbTracker(settings, run)


@wsbench.hookimpl
def wsbench_trackers() -> list[TrackerSpec]:
    return [
        TrackerSpec(
            "wandb",
            "runs in Weights & Biases: files to be uploaded later, or online",
            WandbSettings,
            _open,
            packages=("wandb",),
            install="pip install 'wsbench[wandb]'",
        )
    ]
