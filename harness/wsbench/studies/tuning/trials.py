"""One trial: an ordinary training, and what it reaches on select and calibrate. No test image is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from wsbench import geometry, scoring
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import store
from wsbench.runs import held_out, scoring_inputs
from wsbench.runs.held_out import HeldOut, Reached
from wsbench.runs.job import Job
from wsbench.runs.runner import context_of, fit_stage
from wsbench.runs.stages import Checks, locked, stage
from wsbench.studies.tuning.form import Objective
from wsbench.utils.hashing import source_hash

STAGE = "tune"
"""The subfolder of a run with what it reached as a trial."""


def held_out_of(loaded: Loaded, objective: Objective) -> HeldOut:
    """What trials are judged by.

    Raises:
        WsbenchError: the images of calibrate are tested as well, or none of them has a box, and the objective
            needs boxes.
    """
    if objective == "labels":
        return HeldOut.of(loaded, boxes=False)
    name = loaded.spec.name
    calibrate = set(loaded.roles.members["calibrate"])
    if calibrate & set(loaded.roles.members["test"]):
        raise WsbenchError(
            f"{name}: its calibrate images are tested as well, so settings must not be chosen on them; type "
            "--objective labels, which reads select alone"
        )
    roles = HeldOut.of(loaded)
    if roles.truth is None or not len(roles.truth.truth):
        raise WsbenchError(f"{name}: no calibrate image has a box; type --objective labels")
    return roles


def value_of(reached: Reached, objective: Objective) -> float:
    """The value that a study maximises, in [0, 1]."""
    boxes = reached.boxes or 0.0
    values: Mapping[Objective, Callable[[], float]] = {
        "labels": lambda: reached.labels,
        "boxes": lambda: boxes,
        "both": lambda: (reached.labels + boxes) / 2,
    }
    return values[objective]()


def carry_out(job: Job, roles: HeldOut) -> Reached:
    """Train as `wsbench.runs.runner.execute` does, predict the two roles, and score them. What is done is
    skipped, and a training that was interrupted goes on.

    Args:
        job: the trial's settings on the dataset.
        roles: what it is judged by.

    Raises:
        WsbenchError: the settings do not work, or the method or a file has a fault.
    """
    fit = fit_stage(job)
    inputs = {
        "fit": fit.key,
        "settings": job.plan.after_fit(),
        "data": job.loaded.fingerprint,
        "boxes": job.plan.calibrate_for if roles.calibrate is not None else None,
        "source": source_hash(geometry, scoring, scoring_inputs, held_out),
    }

    def work(folder: Path) -> Mapping[str, Any]:
        return asdict(_predicted(job, roles, folder))

    with locked(job.folder, job.progress.say, patience=job.patience) as folder:
        done = stage(folder, STAGE, inputs, work, Checks(say=job.progress.say))
    return Reached(done.facts["labels"], done.facts["boxes"])


def _predicted(job: Job, roles: HeldOut, folder: Path) -> Reached:
    """What the trained method reaches. Its predictions lie in shards until they are scored."""
    method = job.build()
    method.restore(context_of(job))
    images = {"select": roles.select, "calibrate": roles.calibrate}
    views = {role: view for role, view in images.items() if view is not None}
    title = f"predicting with {job.plan.spec.name}"
    with job.progress.task(title, sum(map(len, views.values()))) as advance:
        for role, view in views.items():
            for count in store.predict(method, view, folder, role, maps=role != "select", by=job.plan.who):
                advance(count)
    read = {role: store.read_role(folder, role, view.classes)[1] for role, view in views.items()}
    reached = roles.reached(read["select"].scores, read.get("calibrate"), job.plan.calibrate_for)
    for path in folder.glob("*.npz"):
        path.unlink()
    return reached


def watched(job: Job, after_epoch: Callable[[Path, int, Mapping[str, float]], None]) -> Job:
    """The job of a trial, which tells of the epochs of its training, and waits for other processes that train
    the same."""
    return replace(job, waits=True, after_epoch=after_epoch)
