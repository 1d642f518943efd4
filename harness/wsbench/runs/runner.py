"""The one place that knows the order of steps: find, load, fit, predict, score, measure, record."""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from wsbench.contract import records
from wsbench.contract.base import Method, RunContext
from wsbench.contract.learning import as_values
from wsbench.contract.provenance import software_and_machine
from wsbench.contract.records import Record
from wsbench.contract.specs import BoxSupervision
from wsbench.data import split_files
from wsbench.errors import printable
from wsbench.files.writing import read_json
from wsbench.predictions import store
from wsbench.runs.by_collection import of_run
from wsbench.runs.freeing import forget, refilling
from wsbench.runs.job import Job
from wsbench.runs.model_selection import paper_score
from wsbench.runs.rescoring import score_stage
from wsbench.runs.stage_marks import Mark
from wsbench.runs.stages import Checks, Stage, finished, is_done, locked, stage
from wsbench.runs.tracking.trackers import NO_EVENTS, RunEvents
from wsbench.settings import HISTORY, TrainingSettings
from wsbench.torch import inference
from wsbench.utils.hashing import source_hash
from wsbench.utils.ranks import Ranks
from wsbench.utils.sealed import Sealed


def execute(job: Job) -> Record:
    """Fit, predict, score, measure and record one plan, skipping what is done.

    Image-blind methods are run before it, so that their boxes can be scored with its class scores.

    Raises:
        WsbenchError: the user can fix it: a method, a file or another process that holds the folder.
    """
    return refilling(lambda refill: _executed(job, refill), job.progress.say)


def _executed(job: Job, refill: Collection[Path]) -> Record:
    if job.plan.spec.reads_image:
        for blind in job.blind():
            _executed(blind, refill)
    with job.trackers.of(job) as events:
        return _recorded(job, refill, events)


def _recorded(job: Job, refill: Collection[Path], events: RunEvents) -> Record:
    fit = fit_stage(job, refill, events)
    with locked(job.folder, job.progress.say, patience=job.patience) as folder:
        prediction = events.stage(_predict(job, folder, fit, refill))
        score = events.stage(score_stage(job, prediction))
        measurement = events.stage(_measure(job, folder, fit))
        stages = (fit, prediction, score, measurement)
        record = Record(
            key=job.key(),
            method={**job.plan.describe(), "facts": prediction.facts["method"]},
            dataset=_tested_on(job, prediction),
            seed=job.plan.seed,
            protocols=of_run(job, read_json(score.folder / "protocols.json")),
            stages={stage.folder.name: stage.facts["cost"] for stage in stages},
            provenance=fit.facts["provenance"],
            training=fit.key,
            trained_from=job.inputs(),
            sanity=records.sanity_of(folder, prediction.key),
            efficiency=_efficiency(job, fit, measurement),
            evaluations=score.facts.get("evaluations", {}),
            trained_on=tuple(prediction.facts.get("trained_on", ())),
            tuned=job.plan.tuned,
            learning=tuple(prediction.facts.get("learning", ())),
            folder=folder,
        )
        if job.loaded.split is not None:
            split_files.keep(job.loaded.split, folder)
        records.write(record, folder / records.FILE)
        events.record(record)
    if fit.fresh or prediction.fresh or score.fresh:
        # A copy: what is printed and submitted afterwards is not a tracker's to change.
        job.plugins.notify("wsbench_run_finished", record=deepcopy(record))
    return record


def measured(job: Job) -> Mapping[str, Any]:
    """What a plan costs here, as in `Record.efficiency`. It is fitted and measured, and not scored."""

    def work(refill: Collection[Path]) -> Mapping[str, Any]:
        fit = fit_stage(job, refill)
        with locked(job.folder, job.progress.say, patience=job.patience) as folder:
            return _efficiency(job, fit, _measure(job, folder, fit))

    return refilling(work, job.progress.say)


def fitted(job: Job) -> Method:
    """The fitted method of a plan. It is trained in its own run's folder unless that is done."""
    with job.trackers.of(job) as events:
        fit_stage(job, [job.training().folder / "fit"], events)
    method = job.build()
    method.restore(context_of(job))
    return method


def restored(job: Job, folder: Path, protocol: str) -> Method | None:
    """The method of a finished run, as it predicts for a protocol; None where its training is gone.

    Args:
        job: the plan that the run was made by, and its dataset.
        folder: the folder that holds the run's folder.
        protocol: ``uniform`` or ``paper``.

    Raises:
        WsbenchError: its training is not finished, or a file of it is not what was left there.
    """
    stage_folder = folder / job.training().folder.name / "fit"
    if not stage_folder.is_dir():
        return None
    finished(stage_folder.parent, stage_folder.name)
    context = replace(context_of(job), folder=stage_folder)
    method = job.build()
    method.restore(context)
    if protocol == "paper":
        method.restore_paper(context)
    return method


def context_of(job: Job) -> RunContext:
    """What a job's method is handed to be trained or restored with, but for what it builds on."""
    plan, loaded = job.plan, job.loaded
    context = RunContext(
        dataset=loaded.spec.name,
        method=plan.spec.name,
        seed=plan.seed,
        folder=job.training().folder / "fit",
        device=plan.device,
        progress=job.progress,
    )
    if plan.spec.box_supervision is BoxSupervision.FIT:
        context = replace(context, boxed=loaded.views.boxed(loaded.roles.members["calibrate"]))
    if (objective := plan.spec.paper_objective) is not None:
        context = replace(
            context, paper_score=Sealed(partial(paper_score, loaded=loaded, objective=objective))
        )

    def epoch_ended(epoch: int, metrics: Mapping[str, float]) -> None:
        job.plugins.notify("wsbench_epoch_ended", run=context, epoch=epoch, metrics=metrics)
        if job.after_epoch is not None:
            job.after_epoch(context.folder, epoch, metrics)

    return replace(context, epoch_ended=Sealed(epoch_ended))


def fit_stage(job: Job, refill: Collection[Path] = (), events: RunEvents = NO_EVENTS) -> Stage:
    """Fit in the folder of the plan's training, which other plans may share; skipped if that is done.

    Args:
        job: the plan and the dataset.
        refill: folders of stages whose files are made again where they were freed.
        events: is told of its epochs.
    """
    training = job.training()
    context, inputs = _told(events, context_of(training)), training.inputs()

    def work(stage_folder: Path) -> Mapping[str, Any]:
        job.plugins.notify("wsbench_run_started", run=context)
        views, roles = job.loaded.views, job.loaded.roles.members
        training.build().fit(views.weak(roles["fit"]), views.weak(roles["select"]), context)
        device = _device_used(job.plan.device)
        provenance = software_and_machine(device)
        if (processes := Ranks.here().size) > 1:
            provenance["processes"] = processes
        return {"provenance": provenance, "cost": _epochs(stage_folder)}

    with locked(training.folder, job.progress.say, patience=job.patience) as folder:
        again = job.refill or folder / "fit" in refill
        if not is_done(folder, "fit", inputs, refill=again):
            # Before the stage begins: what training costs includes neither that of others nor loading torch.
            if isinstance(job.plan.settings, TrainingSettings):
                with job.progress.task("loading PyTorch", 0):
                    import_module("wsbench.torch.trainer")
            training.build().try_out()
            upstream = {name: fitted(required) for name, required in training.upstream().items()}
            context = replace(context, upstream=upstream)
        events.started()
        return events.stage(stage(folder, "fit", inputs, work, Checks(say=job.progress.say), refill=again))


def _told(events: RunEvents, context: RunContext) -> RunContext:
    """A context of a training whose epochs trackers are told of, too."""

    def epoch_ended(epoch: int, metrics: Mapping[str, float]) -> None:
        events.epoch(context.folder, epoch, metrics)
        context.epoch_ended(epoch, metrics)

    return replace(context, epoch_ended=Sealed(epoch_ended))


def predict_inputs(job: Job, fit_key: str) -> Mapping[str, Any]:
    """All that predicting depends on, as JSON values.

    Args:
        job: the plan and the dataset.
        fit_key: the key of its training.
    """
    return {"fit": fit_key, "settings": job.plan.after_fit()}


def _predict(job: Job, folder: Path, fit: Stage, refill: Collection[Path]) -> Stage:
    def work(stage_folder: Path) -> Mapping[str, Any]:
        fit.require_files()
        context, method = context_of(job), job.build()
        method.restore(context)
        _predict_roles(job, method, stage_folder)
        facts = {**_size(method), **method.facts()}
        learning = as_values(method.learning(context))
        if method.restore_paper(context):
            folder = stage_folder / store.PAPER
            folder.mkdir(exist_ok=True)
            _predict_roles(job, method, folder, ", as its paper")
        trained_on = [printable(str(release)) for release in method.trained_on()]
        said = {"trained_on": trained_on, "learning": learning}
        return {"method": facts, **{name: value for name, value in said.items() if value}}

    def problem(stage_folder: Path) -> str | None:
        roles = {role: job.loaded.roles.members[role] for role in store.SCORED_ROLES}
        return store.unlike_roles(stage_folder, roles)

    again, before = job.refill or folder / "predict" in refill, Mark.read(folder / "predict")
    checks = Checks(problem=problem, say=job.progress.say)
    prediction = stage(folder, "predict", predict_inputs(job, fit.key), work, checks, refill=again)
    if prediction.fresh and before.freed and Mark.read(prediction.folder).hashes != before.hashes:
        job.progress.say(f"{folder}: its predictions are not those that were freed; they are scored again")
        forget(folder, "score")
    return prediction


def _predict_roles(job: Job, method: Method, folder: Path, how: str = "") -> None:
    roles, title = job.loaded.roles.members, f"predicting with {job.plan.spec.name}{how}"
    total = sum(len(roles[role]) for role in store.SCORED_ROLES)
    with job.progress.task(title, total, unit="images") as advance:
        for role in store.SCORED_ROLES:
            images = job.loaded.views.images(roles[role])
            maps = role != "select"
            for count in store.predict(method, images, folder, role, maps=maps, by=job.plan.who):
                advance(count)


def _measure(job: Job, folder: Path, fit: Stage) -> Stage:
    """What predicting costs on this machine. Nothing that decides which scores compare depends on it."""

    def work(stage_folder: Path) -> Mapping[str, Any]:
        fit.require_files()
        method = job.build()
        method.restore(context_of(job))
        names = job.loaded.roles.members["test"][: inference.BATCH_IMAGES]
        with job.progress.task(f"measuring {job.plan.spec.name}", 0):
            return {"efficiency": inference.measure_efficiency(method, job.loaded.views.images(names))}

    inputs = {
        "fit": fit.key,
        "settings": job.plan.after_fit(),
        "device": job.plan.device,
        "source": source_hash(inference),
    }
    return stage(folder, "measure", inputs, work, Checks(say=job.progress.say))


def _efficiency(job: Job, fit: Stage, measurement: Stage) -> Mapping[str, Any]:
    device, images = fit.facts["provenance"]["device"], len(job.loaded.roles.members["fit"])
    return {**measurement.facts["efficiency"], **inference.training(fit.facts["cost"], device, images)}


def _tested_on(job: Job, prediction: Stage) -> Mapping[str, Any]:
    """The dataset of a record, with its releases where some weights were trained before the run."""
    data, spec = job.loaded.describe(), job.loaded.spec
    releases = {"releases": list(spec.releases or (spec.name,))} if prediction.facts.get("trained_on") else {}
    return {**data, **releases}


def _size(method: Method) -> Mapping[str, int]:
    networks = method.networks()
    return {"parameters": inference.parameters(networks)} if networks else {}


def _epochs(folder: Path) -> Mapping[str, Any]:
    """What `wsbench.torch.train` noted of its epochs, those before a kill included."""
    history = folder / HISTORY
    if not history.exists():
        return {}
    with history.open(encoding="utf-8", newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    return {"epochs": len(seconds), "epoch_seconds": round(sum(seconds), 2)}


def _device_used(word: str) -> str:
    if "torch" not in sys.modules:
        return "cpu"
    from wsbench.utils.devices import torch_device

    return str(torch_device(word))
