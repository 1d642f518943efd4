"""Train here, test there: a run's network and thresholds on the test images of another dataset."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from wsbench import geometry, scoring
from wsbench.contract import protocol, records
from wsbench.contract.records import Record
from wsbench.files.writing import read_json, write_json
from wsbench.predictions import store
from wsbench.runs import evaluation_log, scoring_inputs, target, transfer_inputs
from wsbench.runs.by_collection import with_collections
from wsbench.runs.job import Job
from wsbench.runs.rescoring import write_tables
from wsbench.runs.runner import restored
from wsbench.runs.scoring_inputs import draws_of, predicted_of
from wsbench.runs.stages import Checks, Stage, finished, locked, stage
from wsbench.runs.target import Target, words_of
from wsbench.runs.transfer_inputs import of_classes, own_truths, tested_predictions
from wsbench.scoring import measuring, strata
from wsbench.scoring.inputs import Draws
from wsbench.scoring.table import Truth
from wsbench.types import Role
from wsbench.utils.hashing import key_of, source_hash

LEFT = (records.SCORES, records.PAPER_SCORES, records.BOXES)
"""What scoring leaves in the folder of a transfer."""


def transfer(job: Job, own: Record, other: Target) -> Record:
    """Score a finished run on the test images of another dataset; what is done is skipped.

    Operating points and box rules are chosen on select and calibrate of the run's own dataset.

    Args:
        job: the run, which `runner.execute` has finished.
        own: its record.
        other: the test role of the other dataset.

    Returns:
        A record whose ``dataset`` is the other one, and whose ``transfer`` says what was trained on.

    Raises:
        WsbenchError: a file of the run is not what was left there, or another process holds the folder.
    """
    own_prediction = finished(job.folder, "predict", freed=True)
    with locked(folder_of(job, other), job.progress.say, patience=job.patience) as folder:
        prediction = _predict(job, other, own_prediction, folder)
        score = _score(job, other, own_prediction, prediction)
        record = _record(job, own, other, (prediction, score), folder)
        records.write(record, folder / records.FILE)
        job.trackers.tell(record, job)
    if prediction.fresh or score.fresh:
        job.plugins.notify("wsbench_run_finished", record=deepcopy(record))
    return record


def folder_of(job: Job, other: Target) -> Path:
    """Where a transfer lies: among the runs on the dataset that it is tested on."""
    plan, data = job.plan, job.loaded
    key = key_of([plan.settings.model_dump(mode="json"), data.fingerprint, other.fingerprint])
    name = f"seed{plan.seed}-from-{data.spec.name}-{key[:8]}"
    return plan.runs / other.name / plan.spec.name / name


def _predict(job: Job, other: Target, own: Stage, folder: Path) -> Stage:
    protocols = ["uniform"]
    if store.of_protocol(own.folder, store.PAPER) != own.folder:
        protocols.append(store.PAPER)

    def work(stage_folder: Path) -> Mapping[str, Any]:
        title = f"predicting {other.name} with {job.plan.spec.name}"
        with job.progress.task(title, len(protocols) * len(other.images)) as advance:
            for name in protocols:
                where = stage_folder / store.PAPER if name == store.PAPER else stage_folder
                where.mkdir(exist_ok=True)
                method = restored(job, job.folder.parent, name)
                assert method is not None  # `runner.execute` has just trained it
                for count in store.predict(method, other.images, where, "test", by=job.plan.who):
                    advance(count)
        return {}

    def problem(stage_folder: Path) -> str | None:
        return store.unlike_roles(stage_folder, {"test": other.images.names})

    inputs = {"predict": own.key, "target": other.fingerprint}
    checks = Checks(problem=problem, say=job.progress.say)
    return stage(folder, "predict", inputs, work, checks, refill=job.refill)


def _score(job: Job, other: Target, own: Stage, prediction: Stage) -> Stage:
    plan, metrics, folder = job.plan, job.plugins.metrics, prediction.folder.parent

    def work(stage_folder: Path) -> Mapping[str, Any]:
        own.require_files()
        prediction.require_files()
        truths, own_draws = own_truths(job, other), draws_of(job.loaded)
        draws = Draws(other.draws(), own_draws.select, own_draws.calibrate)
        predicted, paper = tested_predictions(job, other, own.folder, prediction.folder)
        scores = measuring.score(
            predicted, {**truths, "test": other.truth}, metrics, draws, plan.calibrate_for, paper
        )
        result = {name: dict(of_protocol) for name, of_protocol in scores.results.items()}
        if groups := strata.stratified_results([scores.tables["uniform"]], other.samples, draws.test):
            result["uniform"]["strata"] = groups
        counted = evaluation_log.note(
            evaluation_log.log_of(folder, other.name),
            fingerprint=other.description["fingerprint"],
            method=plan.spec.name,
            settings=plan.settings.model_dump(mode="json"),
            seed=plan.seed,
        )
        write_tables(folder, scores.protocols, other.truth)
        write_json(stage_folder / "protocols.json", result)
        write_json(stage_folder / "own.json", _kept(_at_home(job, other, own, truths, own_draws)))
        return {"evaluations": counted}

    computed_by = [spec.compute for spec in metrics.values()]
    modules = (geometry, scoring, scoring_inputs, protocol, target, transfer_inputs)
    inputs = {
        "predict": prediction.key,
        "metrics": job.metric_versions(),
        "calibrate_for": plan.calibrate_for,
        "source": source_hash(*modules, *computed_by),
    }
    return stage(folder, "score", inputs, work, Checks(left_in_run=LEFT, say=job.progress.say))


def _at_home(
    job: Job, other: Target, own: Stage, truths: Mapping[Role, Truth], draws: Draws
) -> Mapping[str, Any]:
    """The own test role under protocol ``uniform``, of the classes that the target shares."""
    if not other.untested:
        result: Mapping[str, Any] = read_json(finished(job.folder, "score").folder / "protocols.json")[
            "uniform"
        ]
        return result
    predicted = of_classes(predicted_of(own.folder, job.loaded), job, other)
    scores = measuring.score(predicted, truths, job.plugins.metrics, draws, job.plan.calibrate_for)
    return scores.results["uniform"]


def _kept(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a record of a transfer keeps of the own test role: values, intervals and draws."""
    kept = {
        name: {part: metric[part] for part in ("value", "interval") if part in metric}
        for name, metric in result["metrics"].items()
    }
    return {"metrics": kept, "draws": result["draws"], "units": result["units"]}


def _record(job: Job, own: Record, other: Target, stages: tuple[Stage, Stage], folder: Path) -> Record:
    prediction, score = stages
    before = {"releases": list(other.releases)} if own.trained_on else {}
    protocols = read_json(score.folder / "protocols.json")
    return Record(
        key={
            **job.key(),
            "dataset": other.name,
            "fingerprint": other.description["fingerprint"],
            "trained_on": job.loaded.fingerprint,
        },
        method=own.method,
        dataset={**other.description, **before},
        seed=own.seed,
        protocols=with_collections(protocols, folder, other.samples, job.plugins.metrics, other.draws),
        stages={done.folder.name: done.facts["cost"] for done in (prediction, score)},
        provenance=own.provenance,
        training=own.training,
        trained_from=own.trained_from,
        efficiency=own.efficiency,
        evaluations=score.facts.get("evaluations", {}),
        trained_on=own.trained_on,
        tuned=own.tuned,
        learning=own.learning,
        transfer={
            "trained_on": {**own.dataset, "words": words_of(job.loaded)},
            "tested_on": other.words,
            "classes": dict(other.classes),
            "untested": list(other.untested),
            "untrained": list(other.untrained),
            "own": read_json(score.folder / "own.json"),
        },
        folder=folder,
    )
