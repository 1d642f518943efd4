"""The one place that knows the order of steps: find, load, fit, predict, score, measure, record."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from wsbench.contract import records
from wsbench.contract.base import Method, RunContext
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.contract.specs import BoxSupervision
from wsbench.data.dataset import Loaded
from wsbench.files.locks import PATIENCE
from wsbench.files.writing import read_json
from wsbench.predictions import store
from wsbench.runs.model_selection import paper_score
from wsbench.runs.plan import Plan, blind_plans
from wsbench.runs.rescoring import key, score_stage
from wsbench.runs.stages import Checks, Stage, finished, is_done, locked, stage
from wsbench.settings import HISTORY, TrainingSettings
from wsbench.torch import inference
from wsbench.utils.hashing import source_hash
from wsbench.utils.progress import Progress
from wsbench.utils.sealed import Sealed


def execute(plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress) -> Record:
    """Fit, predict, score, measure and record one plan, skipping what is done."""
    if plan.spec.reads_image:
        _run_floors(plan, loaded, plugins, progress)
    fit = _fit(plan, loaded, plugins, progress)
    with locked(plan.folder(loaded), progress.say, patience=_patience(plan)) as folder:
        prediction = _predict(folder, plan, loaded, plugins, progress, fit)
        score = score_stage(plan, loaded, plugins, prediction)
        measurement = _measure(folder, plan, loaded, plugins, progress, fit)
        record = Record(
            key=key(plan, loaded, plugins),
            method={**_describe(plan), "facts": prediction.facts["method"]},
            dataset=loaded.describe(),
            seed=plan.seed,
            protocols=read_json(score.folder / "protocols.json"),
            stages={done.folder.name: done.facts["cost"] for done in (fit, prediction, score, measurement)},
            provenance=fit.facts["provenance"],
            training=fit.key,
            trained_from=plan.inputs(loaded, plugins),
            sanity=records.sanity_of(folder, prediction.key),
            efficiency=_efficiency(loaded, fit, measurement),
            evaluations=score.facts.get("evaluations", {}),
            folder=folder,
        )
        records.write(record, folder / records.FILE)
    if fit.fresh or prediction.fresh or score.fresh:
        # A copy: what is printed and submitted afterwards is not a tracker's to change.
        plugins.notify("wsbench_run_finished", record=deepcopy(record))
    return record


def _run_floors(plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress) -> None:
    """Run the image-blind methods whose boxes are scored with this plan's class scores; finished ones are
    skipped, and no tracker is told of them."""
    plans = blind_plans(plugins, loaded.spec, runs=plan.runs, calibrate_for=plan.calibrate_for)
    for blind in plans:
        if blind.spec.deterministic:
            execute(blind, loaded, plugins.without_trackers(), progress)


def measured(plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress) -> Mapping[str, Any]:
    """What a plan costs here, as in `Record.efficiency`: it is fitted and measured, and not scored."""
    fit = _fit(plan, loaded, plugins, progress)
    with locked(plan.folder(loaded), progress.say, patience=_patience(plan)) as folder:
        return _efficiency(loaded, fit, _measure(folder, plan, loaded, plugins, progress, fit))


def fitted(plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress) -> Method:
    """The fitted method of a plan, trained in its own run's folder unless that is done."""
    _fit(plan, loaded, plugins, progress)
    method = plan.build(loaded)
    method.restore(_context(plan, loaded, plugins, progress))
    return method


def restored(
    plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress, folder: Path, protocol: str
) -> Method | None:
    """The method of a finished run, as it predicts for a protocol; None where its training is gone.

    Args:
        plan: that the run was made by.
        loaded: its dataset.
        plugins: all that were found.
        progress: where long work is shown.
        folder: that holds the run's folder.
        protocol: ``uniform`` or ``paper``.

    Raises:
        WsbenchError: its training is not finished, or a file of it is not what was left there.
    """
    stage_folder = folder / plan.trained().folder(loaded).name / "fit"
    if not stage_folder.is_dir():
        return None
    finished(stage_folder.parent, stage_folder.name)
    context = replace(_context(plan, loaded, plugins, progress), folder=stage_folder)
    method = plan.build(loaded)
    method.restore(context)
    if protocol == "paper":
        method.restore_paper(context)
    return method


def _patience(plan: Plan) -> float:
    """Image-blind methods are run beside every other, so commands meet there; their runs are short."""
    return 0.0 if plan.spec.reads_image else PATIENCE


def _context(plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress) -> RunContext:
    context = RunContext(
        dataset=loaded.spec.name,
        method=plan.spec.name,
        seed=plan.seed,
        folder=plan.trained().folder(loaded) / "fit",
        device=plan.device,
        progress=progress,
    )
    if plan.spec.box_supervision is BoxSupervision.FIT:
        context = replace(context, boxed=loaded.views.boxed(loaded.roles.members["calibrate"]))
    if (objective := plan.spec.paper_objective) is not None:
        context = replace(
            context, paper_score=Sealed(partial(paper_score, loaded=loaded, objective=objective))
        )

    def epoch_ended(epoch: int, metrics: Mapping[str, float]) -> None:
        plugins.notify("wsbench_epoch_ended", run=context, epoch=epoch, metrics=metrics)

    return replace(context, epoch_ended=Sealed(epoch_ended))


def _fit(plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress) -> Stage:
    """Fit in the folder of the plan's training, which other plans may share."""
    trained = plan.trained()
    context, inputs = _context(trained, loaded, plugins, progress), trained.inputs(loaded, plugins)

    def work(stage_folder: Path) -> Mapping[str, Any]:
        plugins.notify("wsbench_run_started", run=context)
        views, roles = loaded.views, loaded.roles.members
        trained.build(loaded).fit(views.weak(roles["fit"]), views.weak(roles["select"]), context)
        return {"provenance": records.provenance(_device_used(plan.device)), "cost": _epochs(stage_folder)}

    with locked(trained.folder(loaded), progress.say, patience=_patience(plan)) as folder:
        if not is_done(folder, "fit", inputs):
            trained.build(loaded).try_out()
            # Before the stage begins: what training costs includes neither that of others nor loading torch.
            if isinstance(plan.settings, TrainingSettings):
                import_module("wsbench.torch.trainer")
            upstream = {
                name: fitted(needed, loaded, plugins, progress)
                for name, needed in trained.upstream(plugins).items()
            }
            context = replace(context, upstream=upstream)
        return stage(folder, "fit", inputs, work, Checks(say=progress.say))


def _predict(
    folder: Path, plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress, fit: Stage
) -> Stage:
    def work(stage_folder: Path) -> Mapping[str, Any]:
        context, method = _context(plan, loaded, plugins, progress), plan.build(loaded)
        method.restore(context)
        _predict_roles(method, plan, loaded, stage_folder, progress)
        facts = {**_size(method), **method.facts()}
        if method.restore_paper(context):
            folder = stage_folder / store.PAPER
            folder.mkdir(exist_ok=True)
            _predict_roles(method, plan, loaded, folder, progress, ", as its paper")
        return {"method": facts}

    def problem(stage_folder: Path) -> str | None:
        roles = {role: loaded.roles.members[role] for role in store.SCORED_ROLES}
        return store.unlike_roles(stage_folder, roles)

    inputs = {"fit": fit.key, "settings": plan.after_fit()}
    return stage(folder, "predict", inputs, work, Checks(problem=problem, say=progress.say))


def _predict_roles(
    method: Method, plan: Plan, loaded: Loaded, folder: Path, progress: Progress, how: str = ""
) -> None:
    roles, what = loaded.roles.members, f"predicting with {plan.spec.name}{how}"
    with progress.task(what, sum(len(roles[role]) for role in store.SCORED_ROLES)) as advance:
        for role in store.SCORED_ROLES:
            images = loaded.views.images(roles[role])
            maps = role != "select"
            for done in store.predict(method, images, folder, role, maps=maps, by=plan.who):
                advance(done)


def _measure(
    folder: Path, plan: Plan, loaded: Loaded, plugins: Plugins, progress: Progress, fit: Stage
) -> Stage:
    """What predicting costs: of this machine, so nothing that decides which scores compare depends on it."""

    def work(stage_folder: Path) -> Mapping[str, Any]:
        method = plan.build(loaded)
        method.restore(_context(plan, loaded, plugins, progress))
        names = loaded.roles.members["test"][: inference.BATCH_IMAGES]
        return {"efficiency": inference.measure_efficiency(method, loaded.views.images(names))}

    inputs = {
        "fit": fit.key,
        "settings": plan.after_fit(),
        "device": plan.device,
        "source": source_hash(inference),
    }
    return stage(folder, "measure", inputs, work, Checks(say=progress.say))


def _efficiency(loaded: Loaded, fit: Stage, measurement: Stage) -> Mapping[str, Any]:
    device, images = fit.facts["provenance"]["device"], len(loaded.roles.members["fit"])
    return {**measurement.facts["efficiency"], **inference.training(fit.facts["cost"], device, images)}


def _describe(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.spec.name,
        "preset": plan.preset,
        "changed": plan.changed(),
        "settings": plan.settings.model_dump(mode="json"),
        "citation": plan.spec.citation,
        "box_supervision": plan.spec.box_supervision.value,
        "box_use": plan.spec.box_use,
        "reads_image": plan.spec.reads_image,
        "deterministic": plan.spec.deterministic,
    }


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
