"""Class scores by collection: every collection of the test images beside all of them together.

Where the share of images with a finding differs between collections, a method can gain in the pooled AUC by
knowing the collection. The AUC within collections compares images of one collection alone, so that this
knowledge gains nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.contract import records
from wsbench.contract.protocol import RANKED_WITHOUT_BOXES
from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, on_page
from wsbench.data.by_attribute import COLLECTION, collections_of
from wsbench.data.dataset import Loaded
from wsbench.geometry.box_table import BoxTable
from wsbench.runs import replay
from wsbench.runs.job import Job
from wsbench.runs.scoring_inputs import draws_of, truths_of
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.measuring import described_values
from wsbench.scoring.metric_values import macro, rarer_units, values
from wsbench.scoring.protocols import table_of
from wsbench.scoring.table import Scored
from wsbench.types import Sample

KEY = "collections"
"""The key under which protocol ``uniform`` of a record holds the scores by collection."""


def labels_table(
    classes: Sequence[str],
    names: Sequence[str],
    labels: np.ndarray,
    scores: np.ndarray,
    operating_points: np.ndarray | None = None,
) -> Scored:
    """Make a table of labels and class scores, without boxes.

    Args:
        classes: the C classes.
        names: the names of the N images.
        labels: ``(N, C)``, 1 or True where the class is present.
        scores: ``(N, C)`` class scores.
        operating_points: ``(C,)``; None where they are unknown.
    """
    no_points = np.full(len(classes), np.nan)
    return Scored(
        classes=tuple(classes),
        names=tuple(names),
        sizes=np.ones((len(names), 2)),
        labels=labels.astype(bool),
        known=np.ones(labels.shape, dtype=bool),
        truth=BoxTable.of([], classes),
        scores=scores,
        operating_points=no_points if operating_points is None else operating_points,
        predicted=BoxTable.of([], classes),
    )


def of_run(job: Job, protocols: Mapping[str, Any], folder: Path | None = None) -> Mapping[str, Any]:
    """Return the protocols of a run with the scores by collection; see `with_collections`.

    Args:
        job: the run.
        protocols: what its stage of scoring has left.
        folder: the run's folder; None where it is the folder of the plan.
    """
    samples = {sample.name: sample for sample in job.loaded.samples_of("test")}
    return with_collections(
        protocols, folder or job.folder, samples, job.metrics, lambda: draws_of(job.loaded).test
    )


def with_collections(
    protocols: Mapping[str, Any],
    folder: Path,
    samples: Mapping[str, Sample],
    metrics: Mapping[str, MetricSpec],
    draws: Callable[[], Resamples] | None = None,
) -> Mapping[str, Any]:
    """Return the protocols of a record with the scores by collection under ``uniform``.

    Nothing is added where the test images do not name at least two collections.

    Args:
        protocols: the protocols.
        folder: the run's folder, which holds the class scores of the test images.
        samples: the test images, by name.
        metrics: all metrics by name.
        draws: gives draws of the test images, in the order of the class scores; None gives no intervals.
    """
    if not collections_of(samples.values()):
        return protocols
    uniform = protocols["uniform"]
    table = _read(folder / records.SCORES, uniform["calibration"].get("operating_points"))
    result = collection_results(table, samples, metrics, draws and draws())
    return {**protocols, "uniform": {**uniform, KEY: result}}


def recomputed(
    path: Path, record: Record, loaded: Loaded, metrics: Mapping[str, MetricSpec]
) -> Mapping[str, Any] | None:
    """Compute the scores by collection of a record again, from the predictions beside it.

    Args:
        path: the record's file; its predictions lie beside it under the same name.
        record: the record, as it was read from there.
        loaded: its dataset.
        metrics: all metrics by name.

    Returns:
        What the record should hold under `KEY`; None where it has no collections.
    """
    if KEY not in record.protocols["uniform"]:
        return None
    draws = draws_of(loaded)
    table = table_of(replay.again(path, record, loaded, draws), truths_of(loaded))
    samples = {sample.name: sample for sample in loaded.samples_of("test")}
    return collection_results(table, samples, metrics, draws.test)


def collection_results(
    scored: Scored,
    samples: Mapping[str, Sample],
    metrics: Mapping[str, MetricSpec],
    draws: Resamples | None = None,
) -> dict[str, Any]:
    """Compute metrics of labels for each collection, and the AUC of pairs within and across collections.

    Args:
        scored: the table of the test images. Metrics at operating points are left out where it has none.
        samples: the test images, by name.
        metrics: all metrics by name; those of labels that pages show are computed.
        draws: draws of the test images; None gives no intervals.

    Returns:
        JSON values. ``groups`` has, for each collection, the number of its images, how many have each class,
        and its metrics. ``within`` is the AUC of pairs of images of one collection, ``across`` that of pairs
        of two. ``share`` is the share of all pairs that lie within a collection, as a mean over classes.
    """
    collection = np.array(collections_of(samples[name] for name in scored.names))
    rows_of = {str(name): np.flatnonzero(collection == name) for name in np.unique(collection)}
    parts = {name: (_rows(scored, rows), _of_images(draws, rows)) for name, rows in rows_of.items()}
    pointless = bool(np.isnan(scored.operating_points).any())
    shown = [
        metrics[name]
        for name in on_page(metrics)
        if metrics[name].needs == "labels" and not (pointless and metrics[name].at_operating_points)
    ]
    groups = {
        name: {
            "images": len(table.names),
            "positive": dict(zip(table.classes, table.labels.sum(axis=0).tolist(), strict=True)),
            "metrics": {spec.name: _described(spec, table, of_part) for spec in shown},
        }
        for name, (table, of_part) in parts.items()
    }
    result = {"attribute": COLLECTION, "groups": groups}
    spec = metrics.get(RANKED_WITHOUT_BOXES)
    pairs = {} if spec is None else _pairs(spec, scored, parts, draws)
    with_lists: dict[str, Any] = json.loads(json.dumps({**result, **pairs}))
    return with_lists


Parts = Mapping[str, tuple[Scored, Resamples | None]]
"""By collection, its table and the draws of its images."""


def _pairs(spec: MetricSpec, scored: Scored, parts: Parts, draws: Resamples | None) -> dict[str, Any]:
    """The AUC of pairs within collections and of pairs across them, whose weighted mean is the pooled AUC."""
    tables = [table for table, _ in parts.values()]
    once = [Resamples.once(len(table.names)) for table in (scored, *tables)]
    of_sample = _within_and_across(spec, scored, once[0], list(zip(tables, once[1:], strict=True)))
    of_draws = None
    units = {kind: np.ones(len(scored.classes)) for kind in ("within", "across")}
    if draws is not None:
        drawn = [(table, of_part) for table, of_part in parts.values() if of_part is not None]
        of_draws = _within_and_across(spec, scored, draws, drawn)
        units = {"within": _units(drawn), "across": rarer_units(scored, draws)}
    result: dict[str, Any] = {
        kind: described_values(
            scored.classes,
            of_sample[kind],
            None if of_draws is None else of_draws[kind],
            of_kind,
            bounded=spec.bounded,
        )
        for kind, of_kind in units.items()
    }
    share = float(macro(of_sample["share"])[0])
    return {**result, "share": None if np.isnan(share) else share}


def _within_and_across(
    spec: MetricSpec, scored: Scored, draws: Resamples, parts: Sequence[tuple[Scored, Resamples]]
) -> dict[str, np.ndarray]:
    """``(B, C)`` AUC of pairs within and across collections, and the share of pairs that are within."""
    all_pairs = _number_of_pairs(scored, draws)
    won_of_all = np.nan_to_num(values(spec, scored, draws)) * all_pairs
    pairs, won = np.zeros_like(all_pairs), np.zeros_like(all_pairs)
    for table, of_part in parts:
        of_collection = _number_of_pairs(table, of_part)
        pairs += of_collection
        won += np.nan_to_num(values(spec, table, of_part)) * of_collection
    # Sums of whole and half pairs are exact, products with quotients are not: 0.5 is less than any pair.
    apart = np.where(all_pairs - pairs < 0.5, 0.0, all_pairs - pairs)
    return {
        "within": np.clip(ratio(won, pairs), 0.0, 1.0),
        "across": np.clip(ratio(won_of_all - won, apart), 0.0, 1.0),
        "share": ratio(pairs, all_pairs),
    }


def _number_of_pairs(table: Scored, draws: Resamples) -> np.ndarray:
    """``(B, C)`` pairs of an image with the class and one without it."""
    pairs: np.ndarray = draws.sum(table.labels) * draws.sum(~table.labels)
    return pairs


def _units(parts: Sequence[tuple[Scored, Resamples]]) -> np.ndarray:
    """``(C,)`` patients of the rarer label of each class, over the collections that have both labels."""
    result = np.zeros(len(parts[0][0].classes))
    for table, draws in parts:
        both = table.labels.any(axis=0) & ~table.labels.all(axis=0)
        result += rarer_units(table, draws) * both
    return result.clip(min=1)


def _described(spec: MetricSpec, table: Scored, draws: Resamples | None) -> dict[str, Any]:
    once = Resamples.once(len(table.names))
    drawn = values(spec, table, draws) if draws is not None and spec.resampled else None
    units = rarer_units(table, draws or once)
    return described_values(table.classes, values(spec, table, once), drawn, units, bounded=spec.bounded)


def _rows(scored: Scored, rows: np.ndarray) -> Scored:
    names = [scored.names[row] for row in rows.tolist()]
    return labels_table(
        scored.classes, names, scored.labels[rows], scored.scores[rows], scored.operating_points
    )


def _of_images(draws: Resamples | None, rows: np.ndarray) -> Resamples | None:
    return None if draws is None else Resamples(draws.counts, draws.unit[rows])


def _read(path: Path, points: Mapping[str, float] | None) -> Scored:
    """The class scores that scoring has left in a run's folder, digit for digit."""
    import pandas as pd

    # As text, because pandas rounds the last digit of some numbers, which can make scores equal.
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    classes = [column.removeprefix("label ") for column in frame.columns if column.startswith("label ")]
    labels, scores = (
        frame[[f"{kind} {name}" for name in classes]].to_numpy(dtype=str).astype(np.float64)
        for kind in ("label", "score")
    )
    of_classes = None if points is None else np.array([points[name] for name in classes])
    return labels_table(classes, frame["image"].tolist(), labels, scores, of_classes)
