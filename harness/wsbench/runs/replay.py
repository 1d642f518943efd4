"""What a submission carries beside its record, so that anybody can compute its numbers again: class scores of
test and select, boxes under every rule that was chosen in some draw, and which rule that was.

Heatmaps are too large; their hash stands for them. All else that tables show of labels and boxes follows from
these arrays and the dataset.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.data.dataset import Loaded
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import BoxRule
from wsbench.runs.replay_arrays import check_fit, load, save, without_copies
from wsbench.runs.scoring_inputs import draws_of, truths_of
from wsbench.runs.seals import predictions_of, unsealed
from wsbench.runs.stages import stage_key
from wsbench.runs.value_differences import unlike
from wsbench.scoring import measuring, strata
from wsbench.scoring.calibration import Choice
from wsbench.scoring.inputs import Draws, RolePredictions
from wsbench.scoring.protocols import Protocol, Redraws, points_of, table_of, unchosen_points
from wsbench.types import Prediction


def write(path: Path, protocols: Mapping[str, Protocol], select: Mapping[str, np.ndarray | None]) -> None:
    """Write what the numbers of a run follow from.

    Args:
        path: of the file.
        protocols: by name.
        select: by protocol, the class scores of the select role.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, protocol in protocols.items():
        prediction = protocol.test.prediction
        arrays[f"{name}/scores"] = prediction.scores.astype(np.float32)
        of_select = select[name]
        if of_select is not None:
            arrays[f"{name}/select"] = of_select.astype(np.float32)
        if prediction.heatmaps is not None:
            # The array itself is hashed, not a copy of its bytes: maps are most of a run's memory.
            digest = hashlib.sha256(np.ascontiguousarray(prediction.heatmaps).data).hexdigest()
            arrays[f"{name}/heatmaps"] = np.array(digest)
        of_rules = _boxes_of_rules(protocol) if protocol.choices else _columns(protocol.boxes)
        arrays |= {f"{name}/{column}": values for column, values in of_rules.items()}
    save(path, without_copies(arrays))


def differences(
    path: Path, record: Record, loaded: Loaded, metrics: Mapping[str, MetricSpec]
) -> Iterator[str]:
    """What a record says that does not follow from the file beside it: nothing, if all is well.

    Args:
        path: of the record's file; its predictions lie beside it under the same name.
        record: as it was read from there.
        loaded: the dataset.
        metrics: of today's plugins; those of heatmaps and masks are not computed again.

    Raises:
        WsbenchError: there is no such file, or it is not one of wsbench.
    """
    arrays = load(predictions_of(path))
    yield from unsealed(path, arrays)
    classes = list(loaded.dataset.classes)
    if record.dataset["classes"] != classes:
        yield from unlike(record.dataset["classes"], classes, "classes")
        return
    yield from _of_training(record)
    truth, draws = truths_of(loaded), draws_of(loaded)
    computable = _computable(metrics)
    samples = {sample.name: sample for sample in loaded.samples_of("test")}
    for name, said in record.protocols.items():
        protocol = _protocol(arrays, name, said, loaded, draws)
        points = dict(zip(loaded.dataset.classes, protocol.operating_points, strict=True))
        yield from unlike(said["calibration"]["operating_points"], points, f"{name}: operating point")
        table = table_of(protocol, truth)
        again = measuring.protocol_results(table, protocol, computable, draws.test)
        for metric, values in again["metrics"].items():
            yield from unlike(said["metrics"].get(metric), values, f"{name}: {metric}")
        yield from unlike(said.get("draws"), again["draws"], f"{name}: draws")
        if "strata" in said:
            groups = strata.stratified_results([table], samples, draws.test)
            yield from unlike(said["strata"], groups, f"{name}: strata")


def _computable(metrics: Mapping[str, MetricSpec]) -> dict[str, MetricSpec]:
    """The metrics that follow from class scores and boxes. Those of masks need the heatmaps as well."""
    return {name: spec for name, spec in metrics.items() if spec.needs in ("labels", "boxes")}


def again(path: Path, record: Record, loaded: Loaded, draws: Draws) -> Protocol:
    """Protocol ``uniform`` of a record, from the predictions beside it.

    Args:
        path: of the record's file.
        record: as it was read from there.
        loaded: its dataset.
        draws: of that.

    Raises:
        WsbenchError: there are no predictions.
    """
    return _protocol(load(predictions_of(path)), "uniform", record.protocols["uniform"], loaded, draws)


def recomputed(path: Path, record: Record, loaded: Loaded, metrics: Mapping[str, MetricSpec]) -> Record:
    """A record with today's metrics of labels and boxes, from the predictions beside it. Metrics of heatmaps
    and what image-blind boxes reach with its class scores stay as they were.

    Args:
        path: of the record's file; its predictions lie beside it under the same name.
        record: as it was read from there.
        loaded: the dataset.
        metrics: of today's plugins.
    """
    arrays, truth, draws = load(predictions_of(path)), truths_of(loaded), draws_of(loaded)
    computable = _computable(metrics)
    samples = {sample.name: sample for sample in loaded.samples_of("test")}
    protocols: dict[str, Any] = {}
    for name, said in record.protocols.items():
        protocol = _protocol(arrays, name, said, loaded, draws)
        table = table_of(protocol, truth)
        again = measuring.protocol_results(table, protocol, computable, draws.test)
        if name == "uniform":
            again["strata"] = strata.stratified_results([table], samples, draws.test)
        of_maps = {name: values for name, values in said["metrics"].items() if name not in computable}
        metrics_now = dict(sorted({**of_maps, **again["metrics"]}.items()))
        protocols[name] = {**said, **again, "metrics": metrics_now}
    versions = {**record.key["metrics"], **{name: spec.version for name, spec in computable.items()}}
    key = {**record.key, "metrics": dict(sorted(versions.items()))}
    return replace(record, protocols=protocols, key=key)


def _of_training(record: Record) -> Iterator[str]:
    """Whether the training that a record names is that of its seed and settings."""
    inputs = record.trained_from
    if not inputs:
        return
    if stage_key(inputs) != record.training:
        yield "its training's key is not that of what it was trained from"
    for name, value in (("seed", record.seed), ("data", record.key["fingerprint"])):
        if inputs.get(name) != value:
            yield f"{name} {value} is not that of its training, {inputs.get(name)}"


def _protocol(
    arrays: Mapping[str, np.ndarray], name: str, said: Mapping[str, Any], loaded: Loaded, draws: Draws
) -> Protocol:
    """A protocol as it was made, from its arrays; operating points are chosen again where they were
    chosen."""
    roles, classes = loaded.roles.members, loaded.dataset.classes
    check_fit(
        arrays,
        name,
        images=len(roles["test"]),
        select=len(roles["select"]),
        classes=len(classes),
        draws=len(draws.test),
    )
    scores = arrays[f"{name}/scores"].astype(np.float64)
    names = tuple(roles["test"])
    test = RolePredictions(names, Prediction(scores, boxes=[()] * len(names)))
    sizes = loaded.views.images(names).sizes
    if f"{name}/rules" not in arrays:
        own_points = tuple(said["calibration"]["operating_points"].values())
        return Protocol(test, classes, sizes, own_points, method_boxes=_table(arrays, name))
    select = arrays.get(f"{name}/select")
    if select is None:
        points, drawn = unchosen_points(len(classes), len(draws.select))
    else:
        labels = loaded.views.weak(roles["select"]).labels.astype(bool)
        points, drawn = points_of(labels, select.astype(np.float64), draws.select)
    rules = _rules(arrays, name)
    places, chosen = arrays.get(f"{name}/places"), arrays[f"{name}/chosen"].tolist()
    protocol = Protocol(
        test,
        classes,
        sizes,
        tuple(points.tolist()),
        choices=tuple(Choice(of_class[rule], None) for of_class, rule in zip(rules, chosen, strict=True)),
        redraws=None if places is None else Redraws(drawn, rules, places.astype(np.intp)),
    )
    _fill(protocol, arrays, name, rules)
    return protocol


def _boxes_of_rules(protocol: Protocol) -> dict[str, np.ndarray]:
    """The rules, and every box that a threshold of theirs gives and one of them is not too large for, once,
    with one bit a threshold that says whether it gives the box.

    Boxes stay in their order, which decides between equally good ones: those of maps stand in the order of
    their corners, and a method's own in that of the lowest threshold, which gives them all.
    """
    redrawn = ((),) * len(protocol.choices) if protocol.redraws is None else protocol.redraws.rules
    rules = [
        list(dict.fromkeys([*of_class, choice.rule]))
        for of_class, choice in zip(redrawn, protocol.choices, strict=True)
    ]
    rows: dict[tuple[float, ...], int] = {}
    for column, of_class in enumerate(rules):
        for number, threshold in enumerate(_thresholds(of_class)):
            smallest = min(rule.minimum_area for rule in of_class if rule.threshold == threshold)
            table = protocol.of_class(column, BoxRule(threshold, smallest))
            for box in _told_apart(table):
                rows[column, *box] = rows.get((column, *box), 0) | 1 << number
    boxes = list(rows) if protocol.method_boxes is not None else sorted(rows)
    keys = np.array(boxes, dtype=np.float64).reshape(-1, 8)
    table = BoxTable(keys[:, 1].astype(np.intp), keys[:, 0].astype(np.intp), keys[:, 2:6], keys[:, 6])
    most = max(map(len, rules))
    padded = [[(rule.threshold, rule.minimum_area) for rule in of_class] for of_class in rules]
    padded = [of_class + [(0.0, 0.0)] * (most - len(of_class)) for of_class in padded]
    chosen = [of_class.index(choice.rule) for of_class, choice in zip(rules, protocol.choices, strict=True)]
    result = {
        **_columns(table),
        "at": np.array([rows[box] for box in boxes], dtype=np.uint16),
        "rules": np.array(padded),
        "chosen": np.array(chosen, dtype=np.uint8),
    }
    if protocol.redraws is not None:
        result["places"] = protocol.redraws.rule_numbers.astype(np.uint8)
    return result


def _told_apart(table: BoxTable) -> Iterator[tuple[float, ...]]:
    """Image, corners and score of every box, and how many before it are the same: a box may stand twice."""
    seen: Counter[tuple[float, ...]] = Counter()
    for image, corners, score in zip(
        table.image.tolist(), table.xyxy.tolist(), table.score.tolist(), strict=True
    ):
        box = (image, *corners, score)
        yield *box, seen[box]
        seen[box] += 1


def _fill(
    protocol: Protocol,
    arrays: Mapping[str, np.ndarray],
    name: str,
    rules: tuple[tuple[BoxRule, ...], ...],
) -> None:
    """Give a protocol the boxes of all its thresholds, which it would else make from heatmaps."""
    table, at = _table(arrays, name), arrays[f"{name}/at"]
    for column, of_class in enumerate(rules):
        for number, threshold in enumerate(_thresholds(of_class)):
            members = (table.label == column) & (at >> number & 1 > 0)
            protocol.set_boxes(column, threshold, table.where(members))


def _thresholds(rules: Sequence[BoxRule]) -> list[float]:
    """The different thresholds of some rules, ascending."""
    return sorted({rule.threshold for rule in rules})


def _rules(arrays: Mapping[str, np.ndarray], name: str) -> tuple[tuple[BoxRule, ...], ...]:
    return tuple(
        tuple(BoxRule(threshold, area) for threshold, area in of_class if threshold > 0)
        for of_class in arrays[f"{name}/rules"].tolist()
    )


def _columns(table: BoxTable) -> dict[str, np.ndarray]:
    return {
        "image": table.image.astype(np.int32),
        "label": table.label.astype(np.uint8),
        "xyxy": table.xyxy.astype(np.float32),
        "score": table.score.astype(np.float32),
    }


def _table(arrays: Mapping[str, np.ndarray], name: str) -> BoxTable:
    image, label, corners, score = (
        arrays[f"{name}/{column}"] for column in ("image", "label", "xyxy", "score")
    )
    return BoxTable(
        image.astype(np.intp), label.astype(np.intp), corners.astype(np.float64), score.astype(np.float64)
    )
