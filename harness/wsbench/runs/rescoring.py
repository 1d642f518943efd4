"""Stored predictions -> calibration, boxes, metrics: of a run just made, an earlier one, another program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import geometry, scoring
from wsbench.contract import protocol, provenance, records
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data import fit_all, split_files
from wsbench.data.dataset import Loaded
from wsbench.data.folds import Fold
from wsbench.errors import WsbenchError, choose
from wsbench.files.writing import read_json, write_json
from wsbench.predictions import store
from wsbench.predictions.external import ExternalPredictions
from wsbench.runs import evaluation_log, floors, replay, replay_arrays, scoring_inputs
from wsbench.runs.by_collection import of_run
from wsbench.runs.job import Job
from wsbench.runs.plan import Plan, load_dataset
from wsbench.runs.scoring_inputs import draws_of, paper_of, predicted_of, truths_of
from wsbench.runs.stages import Checks, Stage, finished, locked, stage
from wsbench.scoring import measuring, objectives, strata
from wsbench.scoring.inputs import RolePredictions
from wsbench.scoring.protocols import Protocol
from wsbench.scoring.table import Truth
from wsbench.settings import fill
from wsbench.types import Role
from wsbench.utils.hashing import source_hash
from wsbench.utils.progress import Progress

LEFT = (records.SCORES, records.PAPER_SCORES, records.BOXES, replay_arrays.FILE)
"""What `score_stage` leaves in a run's folder."""


def score_stage(job: Job, prediction: Stage) -> Stage:
    """Score what lies in a run's folder under both protocols; skipped if nothing has changed.

    Its facts have, under ``evaluations``, how often the test split was evaluated here, this time included.
    """
    plan, loaded, metrics = job.plan, job.loaded, job.metrics
    folder = prediction.folder.parent
    floor_stages = floors.floors_of(job) if plan.spec.reads_image else {}

    def work(stage_folder: Path) -> Mapping[str, Any]:
        with job.progress.task(f"scoring {plan.spec.name}", 0):
            return scored(stage_folder)

    def scored(stage_folder: Path) -> Mapping[str, Any]:
        prediction.require_files()
        truth, draws = truths_of(loaded), draws_of(loaded)
        predicted = predicted_of(prediction.folder, loaded)
        paper = paper_of(plan.spec, job.build(), loaded, prediction.folder, predicted)
        scores = measuring.score(predicted, truth, metrics, draws, plan.calibrate_for, paper)
        result = {name: dict(of_protocol) for name, of_protocol in scores.results.items()}
        uniform = scores.tables["uniform"]
        result["uniform"]["floors"] = {
            name: measuring.with_class_scores(uniform, floors.read_boxes(floor), metrics)
            for name, floor in floor_stages.items()
        }
        if plan.spec.deterministic and not plan.spec.reads_image:
            floors.keep_boxes(job, prediction, scores.protocols["uniform"].boxes)
        samples = {sample.name: sample for sample in loaded.samples_of("test")}
        if groups := strata.stratified_results([uniform], samples, draws.test):
            result["uniform"]["strata"] = groups
        # Before anything can be read: a kill may count an evaluation twice, and never leaves one out.
        counted = evaluation_log.note(
            evaluation_log.log_of(folder, loaded.spec.name),
            fingerprint=loaded.fingerprint,
            method=plan.spec.name,
            settings=plan.settings.model_dump(mode="json"),
            seed=plan.seed,
        )
        write_tables(folder, scores.protocols, truth["test"])
        select = {"uniform": predicted, "paper": paper.predicted if paper else predicted}
        replay.write(
            folder / replay_arrays.FILE,
            scores.protocols,
            {name: _scores_of(select[name], "select") for name in scores.protocols},
        )
        write_json(stage_folder / "protocols.json", result)
        return {"evaluations": counted}

    computed_by = [spec.compute for spec in metrics.values()]
    inputs = {
        "predict": prediction.key,
        "blind": {name: floor.key for name, floor in floor_stages.items()},
        "metrics": job.metric_versions(),
        "calibrate_for": plan.calibrate_for,
        "source": source_hash(geometry, scoring, scoring_inputs, protocol, replay, *computed_by),
    }
    if own_boxes := plan.after_predict():
        inputs["own boxes"] = own_boxes
    return stage(folder, "score", inputs, work, Checks(left_in_run=LEFT, say=job.progress.say))


def write_tables(folder: Path, protocols: Mapping[str, Protocol], truth: Truth) -> None:
    """Leave class scores and boxes of the test images as CSV files."""
    scores = protocols["uniform"].test.prediction.scores
    labels = truth.labels.astype(np.int64)
    records.write_scores(folder / records.SCORES, truth.names, truth.classes, labels, scores)
    of_paper = protocols.get("paper", protocols["uniform"]).test.prediction.scores
    if not np.array_equal(of_paper, scores):
        records.write_scores(folder / records.PAPER_SCORES, truth.names, truth.classes, labels, of_paper)
    boxes_by = {name: protocol.lists() for name, protocol in protocols.items()}
    records.write_boxes(folder / records.BOXES, truth.names, boxes_by)


def _scores_of(predicted: Mapping[Role, RolePredictions], role: Role) -> np.ndarray | None:
    return predicted[role].prediction.scores if role in predicted else None


def rescore(
    folder: Path,
    plugins: Plugins,
    progress: Progress,
    *,
    root: Path | None = None,
    calibrate_for: str | None = None,
) -> Record:
    """Score a finished run again with today's metrics and protocol; no model is needed.

    Args:
        folder: of the run.
        plugins: the run's method must be among them, unless another program made the predictions.
        progress: where long work is shown.
        root: the dataset's folder.
        calibrate_for: what box rules are chosen for; None keeps what they were chosen for.

    Raises:
        WsbenchError: no finished run lies there, a file of it is not what was left there, or its dataset is
            not the one at hand.
    """
    before = records.load(folder / records.FILE)
    loaded = dataset_of(before, plugins, progress, root)
    objective = calibrate_for or before.key.get("calibrated_for", objectives.OBJECTIVE)
    plan = replace(plan_of(before, plugins, objective), runs=folder.resolve().parents[2])
    job = Job(plan, loaded, plugins)
    with locked(folder, progress.say):
        prediction = finished(folder, "predict")
        if not before.is_external and (problem := _unlike_roles(prediction.folder, loaded)):
            raise WsbenchError(f"{prediction.folder}: {problem}; rerun the command that made it")
        score = score_stage(job, prediction)
        record = replace(
            before,
            key=job.key(),
            protocols=of_run(job, read_json(score.folder / "protocols.json"), folder),
            stages={**before.stages, "score": score.facts["cost"]},
            evaluations=score.facts.get("evaluations", {}),
            provenance={**before.provenance, "scored_by": provenance.source_state()},
            schema=records.SCHEMA,
        )
        records.write(record, folder / records.FILE)
    return record


def _unlike_roles(folder: Path, loaded: Loaded, roles: Iterable[Role] = store.SCORED_ROLES) -> str | None:
    return store.unlike_roles(folder, {role: loaded.roles.members[role] for role in roles})


def evaluate(
    outside: ExternalPredictions,
    loaded: Loaded,
    plugins: Plugins,
    runs: Path,
    *,
    seed: int = 0,
    calibrate_for: str = objectives.OBJECTIVE,
) -> Record:
    """Score the predictions of an external program by the same code as everybody's.

    Args:
        outside: what was read from its file.
        loaded: the dataset.
        plugins: whose metrics are computed.
        runs: the folder of all runs.
        seed: that the program was run with, as its submitter says: files of one program that differ in it
            alone are one row of a table.
        calibrate_for: what box rules are chosen for.
    """
    plan = Plan(outside.spec, records.EXTERNAL, outside.spec.settings(), seed, "cpu", runs, calibrate_for)
    job = Job(plan, loaded, plugins)
    folder = runs / loaded.spec.name / outside.spec.name / f"external-seed{seed}-{outside.content[:8]}"

    def work(stage_folder: Path) -> Mapping[str, Any]:
        for role, predicted in outside.parts.items():
            store.store(predicted, loaded.views.images(loaded.roles.members[role]), stage_folder, role)
        return {}

    with locked(folder, loaded.progress.say):
        inputs = {"content": outside.content, "data": loaded.fingerprint}
        checks = Checks(
            problem=lambda stage_folder: _unlike_roles(stage_folder, loaded, outside.parts),
            say=loaded.progress.say,
        )
        prediction = stage(folder, "predict", inputs, work, checks)
        score = score_stage(job, prediction)
        record = Record(
            key=job.key(),
            method=outside.describe(),
            dataset=loaded.describe(),
            seed=plan.seed,
            training=outside.content,
            protocols=of_run(job, read_json(score.folder / "protocols.json"), folder),
            stages={done.folder.name: done.facts["cost"] for done in (prediction, score)},
            provenance=provenance.software_and_machine("cpu"),
            evaluations=score.facts.get("evaluations", {}),
            folder=folder,
        )
        if loaded.split is not None:
            split_files.keep(loaded.split, folder)
        records.write(record, folder / records.FILE)
    return record


def dataset_of(record: Record, plugins: Plugins, progress: Progress, root: Path | None) -> Loaded:
    """The dataset of a run.

    Raises:
        WsbenchError: it is not the one that the run was made on, or the record sums up several runs or is of
            a transfer.
    """
    if record.transfer:
        trained = record.transfer["trained_on"]["name"]
        raise WsbenchError(
            f"{record.folder}: was trained on {trained}; rerun `wsbench run -d {trained} --test-on "
            f"{record.dataset['name']}` to score it again"
        )
    return dataset_as_described(record.dataset, plugins, progress, root, record.folder)


def dataset_as_described(
    data: Mapping[str, Any], plugins: Plugins, progress: Progress, root: Path | None, folder: Path | None
) -> Loaded:
    """The dataset that a record describes.

    Args:
        data: what `Loaded.describe` wrote into the record.
        plugins: the dataset must be among them.
        progress: where long work is shown.
        root: the dataset's folder.
        folder: of the record; messages name it, and a split file may lie there.

    Raises:
        WsbenchError: the dataset at hand is another one, or the record sums up several runs.
    """
    if data.get("folds"):
        raise WsbenchError(f"{folder}: sums up {data['folds']} runs; name one of those beside it")
    split = data.get("split")
    loaded = load_dataset(
        plugins,
        data["name"],
        data["settings"],
        progress,
        root=root,
        skip_bad=bool(data["skipped"]),
        split=split and split_files.kept(folder or Path(), split["sha256"]),
    )
    if data.get("fold"):
        loaded = loaded.of_fold(Fold(**data["fold"]))
    if data.get(fit_all.OPTION) == fit_all.ALL:
        loaded = loaded.fitting_all()
    if loaded.fingerprint != data["fingerprint"]:
        raise WsbenchError(
            f"{folder}: was made on data {data['fingerprint']}, here is {loaded.fingerprint}: "
            "files, labels, boxes or roles differ; give --root the folder it was made on"
        )
    return loaded


def plan_of(record: Record, plugins: Plugins, calibrate_for: str = objectives.OBJECTIVE) -> Plan:
    """The plan that a record was made by; its folder of runs is not known.

    Raises:
        WsbenchError: no plugin has its method any more, or box rules are no longer chosen for that objective.
    """
    method = record.method
    if record.is_external:
        spec = ExternalPredictions.spec_of(method["name"], method["box_supervision"])
    else:
        spec = plugins.method(method["name"])
    settings = fill(spec.settings, method["settings"], spec.name)
    choose(calibrate_for, objectives.OBJECTIVES, "objective of calibration")
    return Plan(spec, method["preset"], settings, record.seed, "cpu", Path(), calibrate_for)
