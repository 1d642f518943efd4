"""A method that trains for some epochs without torch, and a tracker that keeps what it is told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from conftest import METRICS
from wsbench import testing
from wsbench.contract.base import Method, RunContext
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.contract.specs import MethodSpec, Requirement
from wsbench.contract.trackers import TrackedRun, Tracker, TrackerSpec
from wsbench.data.views import ImageView, WeakView
from wsbench.files.writing import write_text
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.tracking.choice import ChosenTracker
from wsbench.runs.tracking.trackers import Trackers
from wsbench.settings import Settings
from wsbench.types import Prediction


class StepsSettings(Settings):
    """How long it trains."""

    epochs: int = Field(3, ge=1, description="epochs")
    gamma: float = Field(1.0, gt=0, description="of the grey levels, when it predicts")


class Steps(Method):
    """Grey levels, after some epochs. Before each it calls `before_epoch`, which may stop it."""

    before_epoch: Callable[[int], None] = staticmethod(lambda epoch: None)

    def fit(self, fit: WeakView, select: WeakView, run: RunContext) -> None:
        saved = run.folder / "epochs"
        history = run.folder / "history.csv"
        done = int(saved.read_text()) if saved.exists() else 0
        rows = history.read_text().splitlines()[1 : done + 1] if history.exists() else []
        for epoch in range(done, self.settings.epochs):
            Steps.before_epoch(epoch)
            loss = 1 / (epoch + 1) if epoch else math.nan
            rows.append(f"{epoch},0.25,{'' if math.isnan(loss) else loss}")
            write_text(history, "\n".join(["epoch,seconds,fit_loss", *rows]) + "\n")
            run.epoch_ended(epoch, {"fit_loss": loss})
            saved.write_text(str(epoch + 1))

    def predict(self, images: ImageView) -> Prediction:
        grey = (images.pixels(8, 8)[:] / 255.0) ** self.settings.gamma
        noise = np.random.random()  # seeded by nobody: a tracker that draws numbers would change it
        return Prediction(0.99 * grey.mean(axis=(1, 2))[:, None] + 0.01 * noise, grey[:, None])


STEPS = MethodSpec("steps", "grey levels", StepsSettings, Steps, after_fit=("gamma",))
PUPIL = MethodSpec(
    "pupil",
    "grey levels, after a teacher",
    StepsSettings,
    Steps,
    requires=lambda settings: {"teacher": Requirement("steps", {"epochs": 2})},
)


class DiarySettings(Settings):
    """A setting that changes nothing."""

    page: int = Field(1, ge=1, description="of the diary")


@dataclass
class Diary:
    """What trackers were told, and what they do besides.

    Attributes:
        events: ``(event, values)`` in their order.
        runs: what ``open`` was handed.
        identity: the id of new runs; None: one for each name.
        does: called in every event with its name.
    """

    events: list[tuple[Any, ...]] = field(default_factory=list)
    runs: list[TrackedRun] = field(default_factory=list)
    identity: str | None = None
    does: Callable[[str], None] = lambda event: None

    def note(self, event: str, *values: Any) -> None:
        self.does(event)
        self.events.append((event, *values))

    def named(self, event: str) -> list[tuple[Any, ...]]:
        """The values of every event of a name."""
        return [values for name, *values in self.events if name == event]

    def opened(self, settings: DiarySettings, run: TrackedRun) -> Tracker:
        self.runs.append(run)
        self.note("open", run.previous)
        return Writer(self, self.identity or run.previous or f"{run.name} {len(self.runs)}")

    def chosen(self, name: str = "diary", **settings: Any) -> ChosenTracker:
        spec = TrackerSpec(name, "keeps what it is told", DiarySettings, self.opened)
        return ChosenTracker(spec, DiarySettings(**settings), "diary.py")


class Writer(Tracker):
    """Writes into a diary."""

    def __init__(self, diary: Diary, identity: str) -> None:
        super().__init__(identity)
        self._diary = diary

    def epoch_ended(self, epoch: int, values: Mapping[str, float]) -> None:
        self._diary.note("epoch_ended", epoch, dict(values))

    def stage_finished(self, stage: str, seconds: float) -> None:
        self._diary.note("stage_finished", stage, seconds)

    def run_finished(self, record: Record, numbers: Mapping[str, float]) -> None:
        self._diary.note("run_finished", record, dict(numbers))

    def run_failed(self, reason: str) -> None:
        self._diary.note("run_failed", reason)

    def close(self) -> None:
        self._diary.note("close")


def job(runs: Path, *trackers: ChosenTracker, spec: MethodSpec = STEPS, **options: Any) -> Job:
    """A run of a method on the toy dataset."""
    plan = make_plan(spec, None, options, dataset=testing.TOY, seed=0, device="cpu", runs=runs)
    plugins = Plugins(methods={"steps": STEPS, "pupil": PUPIL}, metrics=METRICS)
    return Job(plan, testing.toy(), plugins, trackers=Trackers(trackers))


def sleeping(event: str, seconds: float) -> Callable[[str], None]:
    """What a diary does that sleeps in one event."""
    return lambda name: time.sleep(seconds) if name == event else None
