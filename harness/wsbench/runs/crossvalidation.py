"""Cross-validation: one run a fold, and one record that sums them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wsbench.contract import records
from wsbench.contract.learning import as_values, averaged
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.data.folds import Fold, folder_words
from wsbench.files import checksums
from wsbench.runs.by_collection import labels_table, with_collections
from wsbench.runs.job import Job
from wsbench.runs.runner import execute
from wsbench.runs.stages import locked
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.metric_values import macro, values
from wsbench.scoring.table import Scored
from wsbench.utils.hashing import key_of

if TYPE_CHECKING:
    import pandas as pd

FOLD = "fold"
"""The column that says by which fold an image was tested."""


def executed(job: Job, folds: Sequence[Fold] | None) -> Record:
    """Run a plan, once a fold where there are folds. See `runner.execute` and `cross_validate`."""
    return execute(job) if folds is None else cross_validate(job, folds)


def cross_validate(job: Job, folds: Sequence[Fold]) -> Record:
    """Run a plan once a fold, each in its own folder, and sum the runs up; what is done is skipped.

    Args:
        job: the plan and the dataset, whose own roles play no part.
        folds: the folds, see `wsbench.data.fold_choice.folds_of`.

    Returns:
        A record whose metrics are means over folds. ``scores.csv`` and ``boxes.csv`` beside it hold every
        image once, with the fold that it was tested by.
    """
    plan, parts = job.plan, []
    for fold in folds:
        if plan.spec.reads_image:
            job.progress.say(f"{plan.spec.name}: {fold.words}")
        parts.append(execute(replace(job, loaded=job.loaded.of_fold(fold))))
    key = key_of([plan.settings.model_dump(mode="json"), _fingerprint(parts)])
    name = f"seed{plan.seed}-{folder_words(folds)}-{key[:8]}"
    with locked(plan.runs / job.loaded.spec.name / plan.spec.name / name, job.progress.say) as folder:
        for table in (records.SCORES, records.BOXES):
            text = _together(parts, table).to_csv(index=False, lineterminator="\n")
            checksums.write_noted(folder / table, text)
        summed = sum_up(parts, job.plugins.metrics, folder)
        samples = {
            sample.name: sample for part in folds for sample in job.loaded.of_fold(part).samples_of("test")
        }
        protocols = with_collections(summed.protocols, folder, samples, job.plugins.metrics)
        summed = replace(summed, protocols=protocols)
        records.write(summed, folder / records.FILE)
        job.trackers.tell(summed, job)
    return summed


def sum_up(folds: Sequence[Record], metrics: Mapping[str, MetricSpec], folder: Path | None = None) -> Record:
    """One record of the runs of all folds, in their order, which were made by the same plan.

    Every metric's value is the mean of its ``folds``; ``pooled`` has those of all images together that can be
    had (`MetricSpec.pooled`). Where groups are left out in turn, a group in which a metric does not exist
    (the AUC of a collection of one label) does not count in its mean, and ``dataset["left_out_by"]`` has the
    groups, the number of their images, and how many of these have each class.

    Args:
        folds: one record of each.
        metrics: by name.
        folder: of the record.
    """
    first = folds[0]
    fingerprint = _fingerprint(folds)
    protocols = [name for name in first.protocols if all(name in record.protocols for record in folds)]
    return Record(
        key={**first.key, "fingerprint": fingerprint, "folds": len(folds)},
        method=first.method,
        dataset={
            **first.dataset,
            "fingerprint": fingerprint,
            "images": {"test": sum(record.dataset["images"]["test"] for record in folds)},
            **{
                counted: {"test": sum(record.dataset[counted]["test"] for record in folds)}
                for counted in ("boxes", "masks")
                if counted in first.dataset
            },
            FOLD: None,
            "folds": len(folds),
            **_left_out_by(folds),
        },
        seed=first.seed,
        protocols={
            name: {**_protocol(name, folds), "pooled": _pooled(name, folds, metrics)} for name in protocols
        },
        stages={stage: _cost([record.stages[stage] for record in folds]) for stage in first.stages},
        provenance=first.provenance,
        training=key_of([record.training for record in folds]),
        efficiency=first.efficiency,
        trained_on=first.trained_on,
        tuned=first.tuned,
        learning=as_values(averaged(record.learning for record in folds)),
        evaluations=max((record.evaluations for record in folds), key=lambda seen: seen.get("count", 0)),
        folder=folder,
    )


def _left_out_by(folds: Sequence[Record]) -> dict[str, Any]:
    """What the folds have left out, as JSON values; nothing for folds that depend on names alone."""
    if not _leave_out(folds):
        return {}
    of_folds = [record.dataset[FOLD] for record in folds]
    positive = []
    for record in folds:
        counts = _scores(record, "uniform").filter(regex="^label ").sum()
        positive.append({name: int(counts[f"label {name}"]) for name in record.dataset["classes"]})
    return {
        "left_out_by": {
            "attribute": of_folds[0]["attribute"],
            "values": [fold["value"] for fold in of_folds],
            "images": [record.dataset["images"]["test"] for record in folds],
            "positive": positive,
        }
    }


def _leave_out(folds: Sequence[Record]) -> bool:
    """Whether the folds leave out the values of an attribute, and do not depend on names alone."""
    return "attribute" in (folds[0].dataset[FOLD] or {})


def _protocol(name: str, folds: Sequence[Record]) -> dict[str, Any]:
    parts = [record.protocols[name] for record in folds]
    partly = _leave_out(folds)
    metrics = {
        name: _metric([fold["metrics"][name] for fold in parts], partly=partly)
        for name in parts[0]["metrics"]
        if all(name in fold["metrics"] for fold in parts)
    }
    drawn = [fold.get("draws", {}) for fold in parts]
    draws = {}
    for metric, mean in metrics.items():
        has_value = [draws_of_fold for draws_of_fold in drawn if metric in draws_of_fold]
        if mean["value"] is not None and has_value and (partly or len(has_value) == len(drawn)):
            draws[metric] = _means(zip(*(of_fold[metric] for of_fold in has_value), strict=True))
    return {
        "calibration": {"folds": [fold["calibration"] for fold in parts]},
        "metrics": metrics,
        "draws": draws,
        "units": sum(fold["units"] for fold in parts),
    }


def _pooled(
    protocol: str, folds: Sequence[Record], metrics: Mapping[str, MetricSpec]
) -> dict[str, float | None]:
    """What metrics are over the images of all folds together."""
    pooled = {name: spec for name, spec in metrics.items() if spec.pooled}
    tables = [_scores(record, protocol) for record in folds]
    sizes = [len(of_fold) for of_fold in tables]
    table = _table(tables, folds[0].dataset["classes"])
    result: dict[str, float | None] = {}
    for name, spec in pooled.items():
        if spec.pooled == "scores":
            value = float(macro(values(spec, table, Resamples.once(len(table.names))))[0])
            result[name] = None if np.isnan(value) else value
        else:
            result[name] = _weighted([record.value(name, protocol) for record in folds], sizes)
    return result


def _weighted(means: Sequence[float | None], images: Sequence[int]) -> float | None:
    """The mean over the images of all folds, of the means over those of each."""
    known = [mean * count for mean, count in zip(means, images, strict=True) if mean is not None]
    return sum(known) / sum(images) if len(known) == len(means) else None


def _table(tables: Sequence[pd.DataFrame], classes: Sequence[str]) -> Scored:
    """Labels and class scores of the images of all folds, as if one model had given them; without boxes."""
    labels, scores = (
        np.concatenate([frame[[f"{kind} {name}" for name in classes]].to_numpy() for frame in tables])
        for kind in ("label", "score")
    )
    return labels_table(classes, tuple(map(str, range(len(labels)))), labels, scores)


def _scores(record: Record, protocol: str) -> pd.DataFrame:
    import pandas as pd

    assert record.folder is not None
    of_paper = record.folder / records.PAPER_SCORES
    path = of_paper if protocol == "paper" and of_paper.exists() else record.folder / records.SCORES
    return pd.read_csv(path)


def _metric(parts: Sequence[Mapping[str, Any]], *, partly: bool) -> dict[str, Any]:
    """Mean over folds, and each fold's value. What does not exist in one fold has no mean; with ``partly``,
    its mean is that of the other folds."""
    values = [fold["value"] for fold in parts]
    result: dict[str, Any] = {"value": _mean(values, partly=partly), "folds": values}
    if partly:
        result["fold_intervals"] = [fold.get("interval") for fold in parts]
    if "per_class" in parts[0]:
        classes = parts[0]["per_class"]
        result["per_class"] = {
            name: _mean([fold["per_class"][name] for fold in parts], partly=partly) for name in classes
        }
        if undefined := [name for name, value in result["per_class"].items() if value is None]:
            result["undefined"] = undefined
    return result


def _mean(values: Sequence[float | None], *, partly: bool = False) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and (partly or len(known) == len(values)) else None


def _means(draws: Iterable[Sequence[float | None]]) -> list[float | None]:
    return [None if (mean := _mean(draw)) is None else round(mean, 5) for draw in draws]


def _cost(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Times of all folds together, and the most memory that one needed."""
    shared = [name for name in parts[0] if all(name in fold for fold in parts)]
    peaks = {name: max(fold[name] for fold in parts) for name in shared if name.startswith("peak")}
    return {**{name: sum(fold[name] for fold in parts) for name in shared}, **peaks}


def _together(folds: Sequence[Record], table: str) -> pd.DataFrame:
    import pandas as pd

    frames = []
    for number, record in enumerate(folds, start=1):
        assert record.folder is not None
        # As text, so that every number stays digit for digit what its fold wrote.
        frame = pd.read_csv(record.folder / table, dtype=str, keep_default_na=False)
        frame.insert(0, FOLD, str(number))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _fingerprint(folds: Sequence[Record]) -> str:
    return key_of([record.key["fingerprint"] for record in folds])
