"""Predictions -> calibration -> boxes -> metrics, under both protocols, without a model at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import predictions
from wsbench.boxes import boxes_of
from wsbench.calibration import OBJECTIVE, Choice, choose_rules, operating_point
from wsbench.catalog import Role
from wsbench.errors import WsbenchError
from wsbench.frames import full_image
from wsbench.loading import Loaded
from wsbench.resampling import DRAWS, Resamples, interval, ratio
from wsbench.scored import BoxTable, Heatmaps, Scored, Truth
from wsbench.seeds import seed_from
from wsbench.specs import BoxSupervision, Method, MethodSpec, MetricSpec
from wsbench.types import Prediction, ScoredBox

PROTOCOL_VERSION = 1
RANKED_BY = "ap25"
RANKED_WITHOUT_BOXES = "auc"


def ranked_by(boxes: int) -> str:
    """The metric that rows are ranked by, and whose value in every draw is kept, so that they can be compared
    draw by draw.

    Args:
        boxes: of the test role.
    """
    return RANKED_BY if boxes else RANKED_WITHOUT_BOXES


@dataclass(frozen=True)
class Test:
    """The test role and what was predicted of it."""

    names: tuple[str, ...]
    prediction: Prediction


@dataclass(frozen=True)
class Protocol:
    """What one protocol made of a run's predictions.

    Attributes:
        test: what was predicted of the test role.
        operating_points: per class, the score from which it counts as predicted.
        boxes: per test image.
        choices: per class, how the harness's box rule was found; empty where boxes are the method's own.
        objective: what they were chosen for.
    """

    test: Test
    operating_points: tuple[float, ...]
    boxes: Sequence[Sequence[ScoredBox]]
    choices: tuple[Choice, ...] = ()
    objective: str = OBJECTIVE


def protocols(
    folder: Path, loaded: Loaded, spec: MethodSpec, method: Method, objective: str = OBJECTIVE
) -> dict[str, Protocol]:
    """Protocol ``uniform``, and ``paper`` where the method has boxes or weights of its own, or where nothing
    has boxes: then it is the method's own operating point.

    Args:
        folder: where `wsbench.predictions` stored select, calibrate and test.
        loaded: the dataset.
        spec, method: the method, whose published box rule is asked for; it needs not be fitted.
        objective: what the harness's box rules are chosen for.
    """
    result = {"uniform": _uniform(folder, loaded, objective)}
    paper = _paper(predictions.of_protocol(folder, "paper"), loaded, spec, method)
    return result if paper is None else {**result, "paper": paper}


def _paper(folder: Path, loaded: Loaded, spec: MethodSpec, method: Method) -> Protocol | None:
    classes, views = loaded.dataset.classes, loaded.views
    test = Test(*predictions.read(folder, "test", classes))
    if test.prediction.heatmaps is None:
        own = test.prediction.boxes
    else:
        declared = spec.box_supervision is not BoxSupervision.NONE
        boxed = views.boxed(loaded.roles.members["calibrate"]) if declared else None
        own = method.paper_boxes(views.images(test.names), test.prediction, boxed)
    if own is None and not any(sample.boxes for sample in loaded.samples):
        own = [() for _ in test.names]
    if own is not None:
        return Protocol(test, (method.paper_operating_point,) * len(classes), own)
    return None if spec.paper_objective is None else _uniform(folder, loaded, spec.paper_objective)


def _uniform(folder: Path, loaded: Loaded, objective: str) -> Protocol:
    classes = loaded.dataset.classes
    test = Test(*predictions.read(folder, "test", classes))
    points = _operating_points(folder, loaded)
    if test.prediction.heatmaps is None:
        assert test.prediction.boxes is not None
        return Protocol(test, points, test.prediction.boxes)
    names, calibrate = predictions.read(folder, "calibrate", classes)
    choices = choose_rules(calibrate, truth_of(loaded, names, "calibrate"), points, objective)
    sizes = loaded.views.images(test.names).sizes
    boxes = boxes_of(test.prediction, sizes, classes, [choice.rule for choice in choices])
    return Protocol(test, points, boxes, tuple(choices), objective)


def _operating_points(folder: Path, loaded: Loaded) -> tuple[float, ...]:
    """Chosen on select; 0.5 where an outside program has no predictions of it."""
    classes = loaded.dataset.classes
    if not predictions.there(folder, "select"):
        return (Method.paper_operating_point,) * len(classes)
    names, select = predictions.read(folder, "select", classes)
    labels = loaded.views.weak(names).labels.astype(bool)
    return tuple(operating_point(labels[:, c], select.scores[:, c]) for c in range(len(classes)))


def table(loaded: Loaded, protocol: Protocol) -> Scored:
    """The frozen table that metrics compute from."""
    test = protocol.test
    classes, prediction = loaded.dataset.classes, test.prediction
    truth = truth_of(loaded, test.names, "test")
    heatmaps = None
    if prediction.heatmaps is not None:
        whole = [full_image(width, height) for width, height in truth.sizes.tolist()]
        heatmaps = Heatmaps(prediction.heatmaps, prediction.regions or whole)
    scored = Scored(
        classes=classes,
        names=test.names,
        sizes=truth.sizes,
        labels=truth.labels,
        known=truth.known,
        truth=truth.truth,
        scores=prediction.scores,
        operating_points=np.array(protocol.operating_points),
        predicted=BoxTable.of([], classes),
        heatmaps=heatmaps,
        calibrate=truth_of(loaded, loaded.roles.members["calibrate"], "calibrate"),
    )
    return scored.with_boxes(BoxTable.of(protocol.boxes, classes))


def truth_of(loaded: Loaded, names: Sequence[str], role: Role) -> Truth:
    """What is true of the images of a role, and what is known of it.

    Boxes are not known of a class that is present without one where only some images were annotated. Those
    of calibrate count for nothing in test, where its images may be for their labels.
    """
    boxed = loaded.views.boxed(names)
    classes = loaded.dataset.classes
    labels = boxed.labels.astype(bool)
    boxes = BoxTable.of(boxed.boxes, classes)
    known = np.ones_like(labels)
    if not loaded.dataset.boxes_complete:
        known[labels] = False
        known[boxes.image, boxes.label] = True
    if role == "test":
        known[np.isin(names, loaded.roles.members["calibrate"])] = False
    boxes = boxes.where(known[boxes.image, boxes.label])
    return Truth(classes, tuple(names), boxed.sizes, labels, known, boxes)


def resamples(loaded: Loaded, names: Sequence[str]) -> Resamples:
    """A thousand draws of the test images, patient by patient where patients are known. They are a function
    of the data alone, so that any two methods are compared on the same draws."""
    patient = {sample.name: sample.patient for sample in loaded.samples}
    units = [patient[name] or f"image {name}" for name in names]
    return Resamples.draw(units, DRAWS, seed_from("bootstrap", loaded.fingerprint))


def measure(scored: Scored, metrics: Mapping[str, MetricSpec], draws: Resamples) -> dict[str, Any]:
    """Every metric as JSON values: its macro value, its values per class, and their 95 % intervals.

    What does not exist is null and named under ``undefined``; the macro value is the mean over the others.
    """
    return {name: _measured(scored, spec, draws) for name, spec in sorted(metrics.items())}


def results(scored: Scored, metrics: Mapping[str, MetricSpec], draws: Resamples) -> dict[str, Any]:
    """What a record holds of one protocol: `measure`, and the ranking metric's value in every draw."""
    result: dict[str, Any] = {"metrics": measure(scored, metrics, draws)}
    ranking = ranked_by(len(scored.truth))
    if ranking in metrics:
        drawn = _macro(_values(metrics[ranking], scored, draws))
        result["draws"] = {ranking: [_number(round(value, 5)) for value in drawn]}
    return result


def calibration(protocol: Protocol, classes: Sequence[str]) -> dict[str, Any]:
    """How a protocol's thresholds were found, as JSON values."""
    result: dict[str, Any] = {"operating_points": dict(zip(classes, protocol.operating_points, strict=True))}
    if protocol.choices:
        result["objective"] = protocol.objective
        result["boxes"] = {
            name: {
                "threshold": choice.rule.threshold,
                "minimum_area": choice.rule.minimum_area,
                "value": choice.value,
                "curve": [list(point) for point in choice.curve],
            }
            for name, choice in zip(classes, protocol.choices, strict=True)
        }
    return result


def _measured(scored: Scored, spec: MetricSpec, draws: Resamples) -> dict[str, Any]:
    once = _values(spec, scored, Resamples.once(len(scored.names)))
    result: dict[str, Any] = {"value": _number(_macro(once)[0])}
    by_class = once.ndim == 2
    if by_class:
        result["per_class"] = dict(zip(scored.classes, map(_number, once[0]), strict=True))
        if undefined := [name for name, value in result["per_class"].items() if value is None]:
            result["undefined"] = undefined
    if spec.resampled and result["value"] is not None:
        drawn = _values(spec, scored, draws)
        # The macro value of a draw is the mean of the same classes: a draw without one of them has none.
        macro = drawn[:, ~np.isnan(once[0])].mean(axis=1) if by_class else drawn
        result["interval"] = interval(macro)
        if by_class and len(scored.classes) > 1:
            result["class_intervals"] = {
                name: interval(drawn[:, column]) for column, name in enumerate(scored.classes)
            }
    return result


def _values(spec: MetricSpec, scored: Scored, draws: Resamples) -> np.ndarray:
    values = np.asarray(spec.compute(scored, draws), dtype=np.float64)
    if values.shape not in ((len(draws),), (len(draws), len(scored.classes))):
        expected = f"({len(draws)},) or ({len(draws)}, {len(scored.classes)})"
        raise WsbenchError(f"metric {spec.name} gave values of shape {values.shape}, not {expected}")
    if np.isinf(values).any():
        raise WsbenchError(f"metric {spec.name} gave an infinite value")
    return values


def _macro(values: np.ndarray) -> np.ndarray:
    """``(B,)``, or the mean of ``(B, C)`` over classes: NaN where no class has a value."""
    if values.ndim == 1:
        return values
    there = ~np.isnan(values)
    return ratio(np.where(there, values, 0.0).sum(axis=1), there.sum(axis=1))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
