"""Predictions -> calibration -> boxes -> tables that metrics compute from, under both protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import predictions
from wsbench.boxes import BoxRule, kept_boxes, larger, table_of_map
from wsbench.calibration import (
    FALLBACK,
    Choice,
    best_of_few,
    best_rule,
    operating_points,
    place_of,
    rule_of,
    searches_of,
)
from wsbench.catalog import Role
from wsbench.frames import full_image
from wsbench.loading import Loaded
from wsbench.objectives import OBJECTIVE
from wsbench.resampling import DRAWS, Resamples
from wsbench.scored import BoxTable, Heatmaps, Scored, Truth
from wsbench.seeds import seed_from
from wsbench.specs import BoxSupervision, Method, MethodSpec
from wsbench.types import Prediction, ScoredBox


@dataclass(frozen=True)
class Test:
    """The test role and what was predicted of it."""

    names: tuple[str, ...]
    prediction: Prediction


@dataclass(frozen=True)
class Redraws:
    """The thresholds of C classes, chosen again on B bootstrap draws of select and calibrate.

    Attributes:
        operating_points: ``(B, C)``.
        rules: per class, the different box rules that were chosen.
        places: ``(B, C)`` which of them.
    """

    operating_points: np.ndarray
    rules: tuple[tuple[BoxRule, ...], ...]
    places: np.ndarray


@dataclass(frozen=True)
class Protocol:
    """What one protocol made of a run's predictions.

    Attributes:
        test: what was predicted of the test role.
        classes: their names.
        sizes: ``(N, 2)`` width and height of the test images.
        operating_points: per class, the score from which it counts as predicted.
        own: the method's own boxes; None where the harness makes them.
        choices: per class, how the harness's box rule was chosen; empty where boxes are the method's own.
        objective: what they were chosen for.
        redraws: the same thresholds on bootstrap draws; None where none were chosen, and of protocol
            ``paper``, which ranks nothing.
    """

    test: Test
    classes: tuple[str, ...]
    sizes: np.ndarray
    operating_points: tuple[float, ...]
    own: BoxTable | None = None
    choices: tuple[Choice, ...] = ()
    objective: str = OBJECTIVE
    redraws: Redraws | None = None
    _tables: dict[tuple, BoxTable] = field(default_factory=dict, repr=False, compare=False)

    @property
    def boxes(self) -> BoxTable:
        """The boxes of all test images."""
        if self.own is not None and not self.choices:
            return self.own
        return self.boxes_by([choice.rule for choice in self.choices])

    def boxes_by(self, rules: Sequence[BoxRule]) -> BoxTable:
        """The boxes of all test images by other rules than the chosen ones, one a class."""
        return BoxTable.joined([self.of_class(column, rule) for column, rule in enumerate(rules)])

    def of_class(self, column: int, rule: BoxRule) -> BoxTable:
        """The boxes of one class on all test images by a rule."""
        if (column, rule) not in self._tables:
            boxes = self.at_threshold(column, rule.threshold)
            self._tables[column, rule] = larger(boxes, self.sizes, rule.minimum_area)
        return self._tables[column, rule]

    def at_threshold(self, column: int, threshold: float) -> BoxTable:
        """The boxes of one class on all test images by a threshold, of any size."""
        if (column, threshold) not in self._tables:
            rule = BoxRule(threshold, 0.0)
            if self.own is None:
                table = table_of_map(self.test.prediction, self.sizes, column, rule).single()
            else:
                table = kept_boxes(self.own.of_label(column), self.sizes, rule)
            self._tables[column, threshold] = table
        return self._tables[column, threshold]

    def keep(self, column: int, threshold: float, boxes: BoxTable) -> None:
        """Have `at_threshold` give these boxes, where there is nothing to make them from."""
        self._tables[column, threshold] = boxes

    def lists(self) -> list[list[ScoredBox]]:
        """The boxes of every test image."""
        return self.boxes.lists(len(self.test.names), self.classes)


@dataclass(frozen=True)
class Draws:
    """A thousand bootstrap draws of each role that scores depend on, patient by patient where patients are
    known. They are a function of the data alone, so that any two methods are compared on the same draws."""

    test: Resamples
    select: Resamples
    calibrate: Resamples


def draws_of(loaded: Loaded) -> Draws:
    """The draws of a dataset."""
    members = loaded.roles.members
    return Draws(
        test=resamples(loaded, members["test"]),
        select=resamples(loaded, members["select"], "select"),
        calibrate=resamples(loaded, members["calibrate"], "calibrate"),
    )


def resamples(loaded: Loaded, names: Sequence[str], *role: str) -> Resamples:
    """A thousand draws of some images, patient by patient where patients are known.

    Args:
        loaded: the dataset.
        names: of the images.
        role: other words give other draws.
    """
    patient = {sample.name: sample.patient for sample in loaded.samples}
    units = [patient[name] or f"image {name}" for name in names]
    return Resamples.draw(units, DRAWS, seed_from("bootstrap", *role, loaded.fingerprint))


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
    test = _test(folder, loaded)
    if test.prediction.heatmaps is None:
        own = test.prediction.boxes
    else:
        declared = spec.box_supervision is not BoxSupervision.NONE
        boxed = views.boxed(loaded.roles.members["calibrate"]) if declared else None
        own = method.paper_boxes(views.images(test.names), test.prediction, boxed)
    if own is None and not any(sample.boxes for sample in loaded.samples):
        own = [() for _ in test.names]
    if own is not None:
        points = (method.paper_operating_point,) * len(classes)
        return Protocol(test, classes, _sizes(test, loaded), points, BoxTable.of(own, classes).single())
    if spec.paper_objective is None:
        return None
    return replace(_uniform(folder, loaded, spec.paper_objective), redraws=None)


def _uniform(folder: Path, loaded: Loaded, objective: str) -> Protocol:
    classes, test, draws = loaded.dataset.classes, _test(folder, loaded), draws_of(loaded)
    chosen_points, drawn_points = _operating_points(folder, loaded, draws.select)
    boxes = test.prediction.boxes
    protocol = Protocol(
        test,
        classes,
        _sizes(test, loaded),
        tuple(chosen_points.tolist()),
        own=BoxTable.of(boxes, classes).single() if test.prediction.heatmaps is None else None,
        objective=objective,
    )
    if not predictions.there(folder, "calibrate"):
        unchosen = tuple(Choice(FALLBACK, None) for _ in classes)
        rules, places = tuple((FALLBACK,) for _ in classes), np.zeros((DRAWS, len(classes)), dtype=np.intp)
        return replace(protocol, choices=unchosen, redraws=Redraws(drawn_points, rules, places))
    names, calibrate = predictions.read(folder, "calibrate", classes)
    truth, choices, redrawn = truth_of(loaded, names, "calibrate"), [], []
    searches = searches_of(calibrate, truth, drawn_points.min(axis=0), objective)
    for column, search in enumerate(searches):
        choices.append(best_rule(search, chosen_points[column]))
        if search.sums is None:
            redrawn.append(np.full(DRAWS, -1))
        else:
            values = search.values(drawn_points[:, column], draws.calibrate)
            redrawn.append(best_of_few(values, place_of(choices[-1].rule)))
    rules, places = [], []
    for of_class in redrawn:
        different, place = np.unique(of_class, return_inverse=True)
        rules.append(tuple(FALLBACK if rule < 0 else rule_of(rule) for rule in different.tolist()))
        places.append(place)
    redraws = Redraws(drawn_points, tuple(rules), np.stack(places, axis=1))
    return replace(protocol, choices=tuple(choices), redraws=redraws)


def _test(folder: Path, loaded: Loaded) -> Test:
    return Test(*predictions.read(folder, "test", loaded.dataset.classes))


def _sizes(test: Test, loaded: Loaded) -> np.ndarray:
    return loaded.views.images(test.names).sizes


def _operating_points(folder: Path, loaded: Loaded, draws: Resamples) -> tuple[np.ndarray, np.ndarray]:
    """``(C,)`` chosen on select, and ``(B, C)`` on its draws; 0.5 where an outside program has no predictions
    of it."""
    classes = loaded.dataset.classes
    if not predictions.there(folder, "select"):
        return np.full(len(classes), 0.5), np.full((len(draws), len(classes)), 0.5)
    names, select = predictions.read(folder, "select", classes)
    labels = loaded.views.weak(names).labels.astype(bool)
    return points_of(labels, select.scores, draws)


def points_of(labels: np.ndarray, scores: np.ndarray, draws: Resamples) -> tuple[np.ndarray, np.ndarray]:
    """``(C,)`` operating points of the select role, and ``(B, C)`` those of its draws.

    Args:
        labels, scores: ``(N, C)`` of the select role.
        draws: B draws of its images.
    """

    def on(chosen_on: Resamples) -> np.ndarray:
        columns = range(labels.shape[1])
        return np.stack([operating_points(labels[:, c], scores[:, c], chosen_on) for c in columns], axis=1)

    return on(Resamples.once(len(labels)))[0], on(draws)


def table(loaded: Loaded, protocol: Protocol) -> Scored:
    """The frozen table that metrics compute from."""
    test = protocol.test
    classes, prediction = loaded.dataset.classes, test.prediction
    truth = truth_of(loaded, test.names, "test")
    heatmaps = None
    if prediction.heatmaps is not None:
        everything = [full_image(width, height) for width, height in truth.sizes.tolist()]
        heatmaps = Heatmaps(prediction.heatmaps, prediction.regions or everything)
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
    return scored.with_boxes(protocol.boxes)


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


def calibration(protocol: Protocol, classes: Sequence[str]) -> dict[str, Any]:
    """How a protocol's thresholds were chosen, as JSON values."""
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
