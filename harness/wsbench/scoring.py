"""Predictions -> calibration -> boxes -> metrics, under both protocols, without a model at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import predictions
from wsbench.boxes import boxes_of
from wsbench.calibration import Choice, choose_rules, operating_point
from wsbench.catalog import Role
from wsbench.loading import Loaded
from wsbench.scored import BoxTable, Scored
from wsbench.specs import BoxSupervision, Method, MethodSpec, MetricSpec
from wsbench.types import MetricValue, Prediction, ScoredBox

PROTOCOL_VERSION = 1
ROLES: tuple[tuple[Role, bool], ...] = (("select", False), ("calibrate", True), ("test", True))
"""The roles that are predicted, and whether their heatmaps and boxes are kept."""


@dataclass(frozen=True)
class Protocol:
    """What one protocol made of a run's predictions.

    Attributes:
        operating_points: per class, the score from which it counts as predicted.
        boxes: per test image.
        choices: per class, how the harness's box rule was found; empty where boxes are the method's own.
    """

    operating_points: tuple[float, ...]
    boxes: Sequence[Sequence[ScoredBox]]
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Test:
    """The test role and what was predicted of it."""

    names: tuple[str, ...]
    prediction: Prediction


def protocols(
    folder: Path, loaded: Loaded, spec: MethodSpec, method: Method
) -> tuple[Test, dict[str, Protocol]]:
    """Protocol ``uniform``, and ``paper`` where the method has boxes of its own.

    Args:
        folder: where `wsbench.predictions` stored select, calibrate and test.
        loaded: the dataset.
        spec, method: the method, whose published box rule is asked for; it needs not be fitted.
    """
    classes = loaded.dataset.classes
    test = Test(*predictions.read(folder, "test", classes))
    views = loaded.views
    result = {"uniform": _uniform(folder, loaded, test)}
    if test.prediction.heatmaps is None:
        own = test.prediction.boxes
    else:
        declared = spec.box_supervision is not BoxSupervision.NONE
        boxed = views.boxed(loaded.roles.members["calibrate"]) if declared else None
        own = method.paper_boxes(views.images(test.names), test.prediction, boxed)
    if own is not None:
        points = (method.paper_operating_point,) * len(classes)
        result["paper"] = Protocol(points, own)
    return test, result


def _uniform(folder: Path, loaded: Loaded, test: Test) -> Protocol:
    classes = loaded.dataset.classes
    names, select = predictions.read(folder, "select", classes)
    labels = loaded.views.weak(names).labels.astype(bool)
    points = tuple(operating_point(labels[:, c], select.scores[:, c]) for c in range(len(classes)))
    if test.prediction.heatmaps is None:
        assert test.prediction.boxes is not None
        return Protocol(points, test.prediction.boxes)
    names, calibrate = predictions.read(folder, "calibrate", classes)
    boxed = loaded.views.boxed(names)
    truth = BoxTable.of(boxed.boxes, classes)
    choices = choose_rules(calibrate, boxed.sizes, truth, points)
    sizes = loaded.views.images(test.names).sizes
    boxes = boxes_of(test.prediction, sizes, classes, [choice.rule for choice in choices])
    return Protocol(points, boxes, tuple(choices))


def table(loaded: Loaded, test: Test, protocol: Protocol) -> Scored:
    """The frozen table that metrics compute from."""
    classes = loaded.dataset.classes
    boxed = loaded.views.boxed(test.names)
    return Scored(
        classes=classes,
        names=test.names,
        sizes=boxed.sizes,
        labels=boxed.labels.astype(bool),
        scores=test.prediction.scores,
        operating_points=np.array(protocol.operating_points),
        truth=BoxTable.of(boxed.boxes, classes),
        predicted=BoxTable.of(protocol.boxes, classes),
    )


def measure(scored: Scored, metrics: Mapping[str, MetricSpec]) -> dict[str, Any]:
    """Every metric as JSON values; what does not exist is null and named under ``undefined``."""
    return {name: _as_json(spec.compute(scored)) for name, spec in sorted(metrics.items())}


def calibration(protocol: Protocol, classes: Sequence[str]) -> dict[str, Any]:
    """How a protocol's thresholds were found, as JSON values."""
    result: dict[str, Any] = {"operating_points": dict(zip(classes, protocol.operating_points, strict=True))}
    if protocol.choices:
        result["boxes"] = {
            name: {
                "threshold": choice.rule.threshold,
                "minimum_area": choice.rule.minimum_area,
                "loc_f1@0.25": choice.loc_f1,
                "curve": [list(point) for point in choice.curve],
            }
            for name, choice in zip(classes, protocol.choices, strict=True)
        }
    return result


def _as_json(value: MetricValue) -> dict[str, Any]:
    undefined = [name for name, number in value.per_class.items() if number is None]
    result: dict[str, Any] = {"value": value.value}
    if value.per_class:
        result["per_class"] = dict(value.per_class)
    if undefined:
        result["undefined"] = undefined
    return result
