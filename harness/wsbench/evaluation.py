"""Stored predictions -> calibration, boxes, metrics: of a run just made, one made before, outside ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import (
    boxes,
    calibration,
    evaluations,
    frames,
    gaps,
    geometry,
    intervals,
    measuring,
    objectives,
    predictions,
    priors,
    protocol,
    records,
    replay,
    resampling,
    scored,
    scoring,
    strata,
)
from wsbench.catalog import Role
from wsbench.errors import WsbenchError
from wsbench.files import read_json, write_json
from wsbench.folders import Checks, Stage, finished, locked, stage
from wsbench.folds import Fold
from wsbench.loading import Loaded
from wsbench.outside import Outside
from wsbench.planning import Plan, blind_plans, load_dataset
from wsbench.plugins import Plugins
from wsbench.progress import Progress
from wsbench.records import Record
from wsbench.settings import fill
from wsbench.sources import source_hash

LEFT = (records.SCORES, records.PAPER_SCORES, records.BOXES, replay.FILE)
"""What `score_stage` leaves in a run's folder."""


def score_stage(plan: Plan, loaded: Loaded, found: Plugins, prediction: Stage) -> Stage:
    """Score what lies in a run's folder under both protocols; skipped if nothing has changed.

    Its facts have, under ``evaluations``, how often the test split was evaluated here, this time included.
    """
    folder = prediction.folder.parent
    blind = blind_predictions(plan, loaded, found) if plan.spec.reads_image else {}

    def work(inside: Path) -> Mapping[str, Any]:
        protocols = scoring.protocols(
            prediction.folder, loaded, plan.spec, plan.build(loaded), plan.calibrate_for
        )
        test = protocols["uniform"].test
        draws = scoring.resamples(loaded, test.names)
        tables = {name: scoring.table(loaded, made) for name, made in protocols.items()}
        result = {
            name: {
                "calibration": scoring.calibration(made, loaded.dataset.classes),
                **measuring.results(tables[name], made, found.metrics, draws),
            }
            for name, made in protocols.items()
        }
        result["uniform"]["floors"] = {
            name: measuring.with_class_scores(tables["uniform"], _uniform_boxes(other, loaded), found.metrics)
            for name, other in blind.items()
        }
        samples = {sample.name: sample for sample in loaded.samples_of("test")}
        if groups := strata.measure([tables["uniform"]], samples, draws):
            result["uniform"]["strata"] = groups
        # Before anything can be read: a kill may count an evaluation twice, and never leaves one out.
        counted = evaluations.note(
            evaluations.log_of(folder, loaded.spec.name),
            fingerprint=loaded.fingerprint,
            method=plan.spec.name,
            settings=plan.settings.model_dump(mode="json"),
            seed=plan.seed,
        )
        labels = loaded.views.weak(test.names).labels
        classes, scores = loaded.dataset.classes, test.prediction.scores
        records.write_scores(folder / records.SCORES, test.names, classes, labels, scores)
        own = protocols.get("paper", protocols["uniform"]).test.prediction.scores
        if not np.array_equal(own, scores):
            records.write_scores(folder / records.PAPER_SCORES, test.names, classes, labels, own)
        boxes_by = {name: made.lists() for name, made in protocols.items()}
        records.write_boxes(folder / records.BOXES, test.names, boxes_by)
        replay.write(
            folder / replay.FILE,
            protocols,
            {name: _select_scores(prediction.folder, name, classes) for name in protocols},
        )
        write_json(inside / "protocols.json", result)
        return {"evaluations": counted}

    computed_by = [spec.compute for spec in found.metrics.values()]
    inputs = {
        "predict": prediction.key,
        "blind": {name: other.key for name, (_, other) in blind.items()},
        "metrics": _metric_versions(found),
        "calibrate_for": plan.calibrate_for,
        "source": source_hash(
            boxes,
            calibration,
            frames,
            gaps,
            geometry,
            intervals,
            measuring,
            objectives,
            priors,
            protocol,
            replay,
            resampling,
            scored,
            scoring,
            strata,
            *computed_by,
        ),
    }
    return stage(folder, "score", inputs, work, Checks(beside=LEFT, say=loaded.progress.say))


def _select_scores(folder: Path, name: str, classes: Sequence[str]) -> np.ndarray | None:
    where = predictions.of_protocol(folder, name)
    if not predictions.there(where, "select"):
        return None
    return predictions.read(where, "select", classes)[1].scores


def blind_predictions(plan: Plan, loaded: Loaded, found: Plugins) -> dict[str, tuple[Plan, Stage]]:
    """By name, the methods that never look at an image and do the same for every seed, with the predictions
    that they have left beside a plan's run; those that have not been run are left out."""
    result = {}
    plans = blind_plans(found, loaded.spec, runs=plan.runs, calibrate_for=plan.calibrate_for)
    for blind in plans:
        folder = blind.folder(loaded)
        if blind.spec.deterministic and (folder / "predict" / "stage.json").exists():
            result[blind.spec.name] = (blind, finished(folder, "predict"))
    return result


def _uniform_boxes(blind: tuple[Plan, Stage], loaded: Loaded) -> scored.BoxTable:
    """The boxes of an image-blind method by the harness's rules."""
    plan, prediction = blind
    method = plan.build(loaded)
    made = scoring.protocols(prediction.folder, loaded, plan.spec, method, plan.calibrate_for)
    return made["uniform"].boxes


def key(plan: Plan, loaded: Loaded, found: Plugins) -> Mapping[str, Any]:
    """What two records must share to stand in one table."""
    return {
        "calibrated_for": plan.calibrate_for,
        "dataset": loaded.spec.name,
        "fingerprint": loaded.fingerprint,
        "protocol": protocol.PROTOCOL_VERSION,
        "metrics": _metric_versions(found),
    }


def rescore(
    folder: Path,
    found: Plugins,
    progress: Progress,
    *,
    root: Path | None = None,
    calibrate_for: str | None = None,
) -> Record:
    """Score a finished run again with today's metrics and protocol; no model is needed.

    Args:
        folder: of the run.
        found: the plugins; the run's method must be among them, unless it is an outside one.
        progress: where long work is shown.
        root: the dataset's folder.
        calibrate_for: what box rules are chosen for; None keeps what they were chosen for.

    Raises:
        WsbenchError: no finished run lies there, a file of it is not what was left there, or its dataset is
            not the one at hand.
    """
    before = records.load(folder / records.FILE)
    loaded = dataset_of(before, found, progress, root)
    wanted = calibrate_for or before.key.get("calibrated_for", objectives.OBJECTIVE)
    plan = replace(plan_of(before, found, wanted), runs=folder.resolve().parents[2])
    with locked(folder, progress.say):
        prediction = finished(folder, "predict")
        if plan.preset != "external" and (problem := _unlike_roles(prediction.folder, loaded)):
            raise WsbenchError(f"{prediction.folder}: {problem}; type the command that made it again")
        score = score_stage(plan, loaded, found, prediction)
        record = replace(
            before,
            key=key(plan, loaded, found),
            protocols=read_json(score.folder / "protocols.json"),
            stages={**before.stages, "score": score.facts["cost"]},
            evaluations=score.facts.get("evaluations", {}),
            provenance={**before.provenance, "scored_by": records.source_state()},
            schema=records.SCHEMA,
        )
        records.write(record, folder / records.FILE)
    return record


def _unlike_roles(
    folder: Path, loaded: Loaded, roles: Iterable[Role] = predictions.SCORED_ROLES
) -> str | None:
    return predictions.unlike_roles(folder, {role: loaded.roles.members[role] for role in roles})


def evaluate(
    outside: Outside,
    loaded: Loaded,
    found: Plugins,
    runs: Path,
    *,
    seed: int = 0,
    calibrate_for: str = objectives.OBJECTIVE,
) -> Record:
    """Score the predictions of an outside program by the same code as everybody's.

    Args:
        outside: what was read from its file.
        loaded: the dataset.
        found: the plugins, for their metrics.
        runs: the folder of all runs.
        seed: that the program was run with, as its submitter says: files of one program that differ in it
            alone are one row of a table.
        calibrate_for: what box rules are chosen for.
    """
    plan = Plan(outside.spec, "external", outside.spec.settings(), seed, "cpu", runs, calibrate_for)
    folder = runs / loaded.spec.name / outside.spec.name / f"external-seed{seed}-{outside.content[:8]}"

    def work(inside: Path) -> Mapping[str, Any]:
        for role, part in outside.parts.items():
            predictions.store(part, loaded.views.images(loaded.roles.members[role]), inside, role)
        return {}

    with locked(folder, loaded.progress.say):
        inputs = {"content": outside.content, "data": loaded.fingerprint}
        checks = Checks(
            problem=lambda inside: _unlike_roles(inside, loaded, outside.parts), say=loaded.progress.say
        )
        prediction = stage(folder, "predict", inputs, work, checks)
        score = score_stage(plan, loaded, found, prediction)
        record = Record(
            key=key(plan, loaded, found),
            method=outside.describe(),
            dataset=loaded.describe(),
            seed=plan.seed,
            training=outside.content,
            protocols=read_json(score.folder / "protocols.json"),
            stages={done.folder.name: done.facts["cost"] for done in (prediction, score)},
            provenance=records.provenance("cpu"),
            evaluations=score.facts.get("evaluations", {}),
            folder=folder,
        )
        records.write(record, folder / records.FILE)
    return record


def _metric_versions(found: Plugins) -> Mapping[str, int]:
    return {name: spec.version for name, spec in sorted(found.metrics.items())}


def dataset_of(record: Record, found: Plugins, progress: Progress, root: Path | None) -> Loaded:
    """The dataset of a run.

    Raises:
        WsbenchError: it is not the one that the run was made on, or the record sums up several runs.
    """
    data = record.dataset
    if data.get("folds"):
        raise WsbenchError(f"{record.folder}: sums up {data['folds']} runs; name one of those beside it")
    loaded = load_dataset(
        found, data["name"], data["settings"], progress, root=root, skip_bad=bool(data["skipped"])
    )
    if data.get("fold"):
        loaded = loaded.of_fold(Fold(**data["fold"]))
    if loaded.fingerprint != data["fingerprint"]:
        raise WsbenchError(
            f"{record.folder}: was made on data {data['fingerprint']}, here is {loaded.fingerprint}: "
            "files, labels, boxes or roles differ; give --root the folder it was made on"
        )
    return loaded


def plan_of(record: Record, found: Plugins, calibrate_for: str = objectives.OBJECTIVE) -> Plan:
    """The plan that a record was made by; its folder of runs is not known.

    Raises:
        WsbenchError: no plugin has its method any more.
    """
    method = record.method
    if method["preset"] == "external":
        spec = Outside.spec_of(method["name"], method["box_supervision"])
    else:
        spec = found.method(method["name"])
    settings = fill(spec.settings, method["settings"], spec.name)
    return Plan(spec, method["preset"], settings, record.seed, "cpu", Path(), calibrate_for)
