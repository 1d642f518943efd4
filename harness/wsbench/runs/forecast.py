"""What is done of some runs, what is left to do, and how long that will take by what was measured here.

A stage counts as done by its mark. Its files are not read: that is for the run itself.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wsbench.data.folds import Fold
from wsbench.runs.inventory import STAGES
from wsbench.runs.job import Job
from wsbench.runs.runner import predict_inputs
from wsbench.runs.stage_marks import Mark
from wsbench.runs.stages import stage_key
from wsbench.settings import HISTORY, TrainingSettings
from wsbench.utils.hashing import key_of
from wsbench.utils.quantities import duration

RECENT_EPOCHS = 5
"""The last epochs whose mean time is that of the next ones."""

MAX_LINES = 12
"""Runs that are listed one by one."""

LONG_SECONDS = 60.0
"""Work that takes longer is announced, also where nothing trains."""


@dataclass(frozen=True)
class Forecast:
    """What is left of one run.

    Attributes:
        label: the run in words.
        to_do: the stages that are left, in their order.
        epochs: finished epochs of an unfinished training, and the most that it can have; None of others.
        trains: whether epochs are left.
        seconds: by stage that is left, the seconds that it will take; None where nobody knows.
    """

    label: str
    to_do: tuple[str, ...]
    epochs: tuple[int, int] | None
    trains: bool
    seconds: Mapping[str, float | None]

    @property
    def known_seconds(self) -> float:
        """The seconds of the stages whose time is known."""
        return sum(value for value in self.seconds.values() if value is not None)

    @property
    def is_known(self) -> bool:
        """Whether the time of every stage is known."""
        return all(value is not None for value in self.seconds.values())


def forecasts(jobs: Iterable[Job], folds: Sequence[Fold] | None = None) -> list[Forecast]:
    """What is left of runs, and of the trainings that they build on, in the order of execution.

    Times are those of the same method with the same settings: of its own epochs so far, of another seed in
    the same folder of runs, or of another run among these.

    Args:
        jobs: the runs.
        folds: the folds of each run; None for runs without folds.
    """
    parts: Sequence[Fold | None] = folds or [None]
    every = [
        job if fold is None else replace(job, loaded=job.loaded.of_fold(fold))
        for job in jobs
        for fold in parts
    ]
    known = {(_same(job), stage): cost for job in every for stage, cost in _costs_of(job.folder, job).items()}
    own_folders = {job.folder for job in every}
    result: dict[Path, Forecast] = {}
    for job in every:
        for needed in _upstream(job):
            if needed.folder not in own_folders and (forecast := _of(needed, known, ("fit",))).to_do:
                result.setdefault(needed.folder, forecast)
        result[job.folder] = _of(job, known, STAGES)
    return list(result.values())


def lines(every: Sequence[Forecast], dataset: str) -> Iterator[str]:
    """What is left, in lines; nothing where that is short work.

    Args:
        every: the forecasts of all runs.
        dataset: its name.
    """
    left = [forecast for forecast in every if forecast.to_do]
    seconds = sum(forecast.known_seconds for forecast in left)
    if not any(forecast.trains for forecast in left) and seconds < LONG_SECONDS:
        return
    runs = "1 run" if len(every) == 1 else f"{len(every)} runs"
    yield f"plan: {runs} on {dataset}, {len(every) - len(left)} finished, {len(left)} to do"
    for forecast in left[:MAX_LINES]:
        yield f"  {_line(forecast)}"
    if len(left) > MAX_LINES:
        yield f"  ... and {len(left) - MAX_LINES} more"
    if all(forecast.is_known for forecast in left):
        yield f"about {duration(seconds)} in all, by the times measured here before"
    elif seconds >= 1:
        yield f"more than {duration(seconds)} in all; no time is known yet of some stages"
    else:
        yield "no time is known yet; the first epoch will tell"


def _line(forecast: Forecast) -> str:
    stages = list(forecast.to_do)
    if forecast.epochs is not None:
        done, most = forecast.epochs
        stages[0] = f"fit ({done} of at most {most} epochs done)"
    time = f"; about {duration(forecast.known_seconds)}" if forecast.is_known else ""
    return f"{forecast.label}: {', '.join(stages)}{time}"


def _of(job: Job, known: Mapping[tuple[str, str], Mapping[str, Any]], stages: Sequence[str]) -> Forecast:
    training = job.training()
    fit_folder, fit_key = training.folder / "fit", stage_key(training.inputs())
    done = {"fit": _is_done(job, Mark.read(fit_folder), fit_key)}
    predict_key = stage_key(predict_inputs(job, fit_key))
    done["predict"] = done["fit"] and _is_done(job, Mark.read(job.folder / "predict"), predict_key)
    done["score"] = done["predict"] and Mark.read(job.folder / "score").facts is not None
    done["measure"] = done["fit"] and Mark.read(job.folder / "measure").facts is not None
    to_do = tuple(name for name in stages if not done[name])
    settings, epochs = job.plan.settings, None
    trains = "fit" in to_do and isinstance(settings, TrainingSettings)
    times = _epoch_seconds(fit_folder) if trains and Mark.read(fit_folder).key == fit_key else []
    if isinstance(settings, TrainingSettings) and times:
        epochs = len(times), settings.epochs
    seconds = {name: _seconds(name, known.get((_same(job), name)), times, settings) for name in to_do}
    fold = "" if job.loaded.fold is None else f", {job.loaded.fold.words}"
    label = f"{job.plan.spec.name} seed {job.plan.seed}{fold}"
    return Forecast(label, to_do, epochs, trains, seconds)


def _is_done(job: Job, mark: Mark, key: str) -> bool:
    return mark.key == key and mark.facts is not None and not (job.refill and mark.freed)


def _seconds(
    stage: str, cost: Mapping[str, Any] | None, times: Sequence[float], settings: Any
) -> float | None:
    """How long a stage will take: what it took elsewhere, less the epochs that it has behind it."""
    if stage != "fit" or not times:
        return None if cost is None else float(cost["seconds"])
    recent = times[-RECENT_EPOCHS:]
    # Elsewhere it may have stopped early.
    most = int(settings.epochs if cost is None else cost.get("epochs", settings.epochs))
    return max(0, most - len(times)) * sum(recent) / len(recent)


def _same(job: Job) -> str:
    """A key that runs share which take the same time: method and settings, whatever seed and fold."""
    return key_of([job.plan.spec.name, job.plan.settings.model_dump(mode="json")])


def _upstream(job: Job) -> Iterator[Job]:
    """The trainings that a run builds on, in the order in which they are made."""
    for needed in job.training().upstream().values():
        yield from _upstream(needed)
        yield needed.training()


def _costs_of(folder: Path, job: Job) -> dict[str, Mapping[str, Any]]:
    """By stage, what it cost in a folder, or in that of another seed with the same settings and data."""
    costs: dict[str, Mapping[str, Any]] = {}
    suffix = folder.name.rpartition("-")[2]  # a hash of settings and data
    for other in [*sorted(folder.parent.glob(f"seed*-{suffix}")), folder]:
        for stage in STAGES:
            if (facts := Mark.read(other / stage).facts) is not None and "cost" in facts:
                costs[stage] = facts["cost"]
    if "fit" not in costs and job.training().folder != folder:
        costs |= _costs_of(job.training().folder, job.training())
    return costs


def _epoch_seconds(fit: Path) -> list[float]:
    """The seconds of every epoch that an unfinished training has behind it."""
    try:
        with (fit / HISTORY).open(encoding="utf-8", newline="") as file:
            return [float(row["seconds"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError):
        return []
