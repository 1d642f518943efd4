"""Predictions and truth -> thresholds -> boxes -> the table that metrics compute from, under both protocols.

Everything here is handed values: nothing reads a run's folder or a dataset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import BoxRule, kept_boxes, larger_than, table_of_map
from wsbench.geometry.coordinates import full_image
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.calibration import (
    FALLBACK,
    Choice,
    Search,
    best_of_few,
    best_rule,
    operating_points,
    place_of,
    rule_of,
    searches_of,
)
from wsbench.scoring.inputs import UNCHOSEN_POINT, Draws, Paper, RolePredictions
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.scoring.table import Heatmaps, Scored, Truth
from wsbench.types import Role, ScoredBox


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

    test: RolePredictions
    classes: tuple[str, ...]
    sizes: np.ndarray
    operating_points: tuple[float, ...]
    own: BoxTable | None = None
    choices: tuple[Choice, ...] = ()
    objective: str = OBJECTIVE
    redraws: Redraws | None = None
    _tables: dict[tuple[int, BoxRule | float], BoxTable] = field(
        default_factory=dict, repr=False, compare=False
    )

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
            self._tables[column, rule] = larger_than(boxes, self.sizes, rule.minimum_area)
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


def make_protocols(
    predicted: Mapping[Role, RolePredictions],
    truth: Mapping[Role, Truth],
    draws: Draws,
    objective: str = OBJECTIVE,
    paper: Paper | None = None,
) -> dict[str, Protocol]:
    """Protocol ``uniform``, and ``paper`` where there is something to make it of.

    Args:
        predicted: by role; ``test`` is needed. Without ``select`` operating points are `UNCHOSEN_POINT`,
            without ``calibrate`` box rules are `FALLBACK`.
        truth: of the images of every role that was predicted, in the same order.
        draws: of the images of each role.
        objective: what the harness's box rules are chosen for.
        paper: what protocol ``paper`` is made of.
    """
    if paper is None:
        return {"uniform": by_objectives(predicted, truth, draws, [objective])[objective]}
    if paper.boxes is not None:
        test, classes = paper.predicted["test"], truth["test"].classes
        boxes = BoxTable.of(paper.boxes, classes).single()
        points = (paper.operating_point,) * len(classes)
        own = Protocol(test, classes, truth["test"].sizes, points, boxes)
        return {**make_protocols(predicted, truth, draws, objective), "paper": own}
    if paper.predicted is predicted:
        made = by_objectives(predicted, truth, draws, list(dict.fromkeys([objective, paper.objective])))
    else:
        made = by_objectives(predicted, truth, draws, [objective])
        made |= by_objectives(paper.predicted, truth, draws, [paper.objective])
    return {"uniform": made[objective], "paper": replace(made[paper.objective], redraws=None)}


def by_objectives(
    predicted: Mapping[Role, RolePredictions],
    truth: Mapping[Role, Truth],
    draws: Draws,
    objectives: Sequence[str],
) -> dict[str, Protocol]:
    """By objective, what the harness's box rules make of predictions; maps are swept once for all of them.

    Args:
        predicted, truth, draws: as in `make_protocols`.
        objectives: what box rules are chosen for.
    """
    test, classes = predicted["test"], truth["test"].classes
    chosen_points, drawn_points = _operating_points(predicted, truth, draws)
    own = None
    if test.prediction.heatmaps is None:
        assert test.prediction.boxes is not None  # without maps there are boxes
        own = BoxTable.of(test.prediction.boxes, classes).single()
    protocol = Protocol(test, classes, truth["test"].sizes, tuple(chosen_points.tolist()), own=own)
    if "calibrate" not in predicted:
        choices, redraws = _unchosen(classes, drawn_points)
        return {
            objective: replace(protocol, objective=objective, choices=choices, redraws=redraws)
            for objective in objectives
        }
    lowest = np.minimum(chosen_points, drawn_points.min(axis=0))
    searches = searches_of(predicted["calibrate"].prediction, truth["calibrate"], lowest, objectives)
    chosen: list[list[Choice]] = [[] for _ in objectives]
    places: list[list[np.ndarray]] = [[] for _ in objectives]
    for column, of_class in enumerate(searches):
        for number, search in enumerate(of_class):
            choice = best_rule(search, chosen_points[column])
            chosen[number].append(choice)
            places[number].append(_redrawn(search, choice, drawn_points[:, column], draws.calibrate))
    return {
        objective: replace(
            protocol,
            objective=objective,
            choices=tuple(chosen[number]),
            redraws=_redraws(drawn_points, places[number]),
        )
        for number, objective in enumerate(objectives)
    }


def _redrawn(search: Search, choice: Choice, operating_points: np.ndarray, draws: Resamples) -> np.ndarray:
    """``(B,)`` places of the best rule of a class among all rules in every draw; -1 where none is chosen."""
    if search.sums is None:
        return np.full(len(draws), -1)
    return best_of_few(search.values(operating_points, draws), place_of(choice.rule))


def _redraws(operating_points: np.ndarray, chosen: Sequence[np.ndarray]) -> Redraws:
    """The thresholds of ``(B, C)`` operating points and, per class, ``(B,)`` places among all rules."""
    rules, places = [], []
    for of_class in chosen:
        different, place = np.unique(of_class, return_inverse=True)
        rules.append(tuple(FALLBACK if rule < 0 else rule_of(rule) for rule in different.tolist()))
        places.append(place)
    return Redraws(operating_points, tuple(rules), np.stack(places, axis=1))


def _unchosen(classes: Sequence[str], operating_points: np.ndarray) -> tuple[tuple[Choice, ...], Redraws]:
    """The fallback for every class, in every draw."""
    rules = tuple((FALLBACK,) for _ in classes)
    places = np.zeros(operating_points.shape, dtype=np.intp)
    return tuple(Choice(FALLBACK, None) for _ in classes), Redraws(operating_points, rules, places)


def _operating_points(
    predicted: Mapping[Role, RolePredictions], truth: Mapping[Role, Truth], draws: Draws
) -> tuple[np.ndarray, np.ndarray]:
    """``(C,)`` chosen on select, and ``(B, C)`` on its draws."""
    if "select" not in predicted:
        return unchosen_points(len(truth["test"].classes), len(draws.select))
    return points_of(truth["select"].labels, predicted["select"].prediction.scores, draws.select)


def unchosen_points(classes: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """``(C,)`` and ``(B, C)`` operating points where select was not predicted."""
    return np.full(classes, UNCHOSEN_POINT), np.full((draws, classes), UNCHOSEN_POINT)


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


def table_of(protocol: Protocol, truth: Mapping[Role, Truth]) -> Scored:
    """The frozen table that metrics compute from.

    Args:
        protocol: whose boxes and class scores it holds.
        truth: of test, and of calibrate where it is known.
    """
    of_test, prediction = truth["test"], protocol.test.prediction
    heatmaps = None
    if prediction.heatmaps is not None:
        everything = [full_image(width, height) for width, height in of_test.sizes.tolist()]
        heatmaps = Heatmaps(prediction.heatmaps, prediction.regions or everything)
    scored = Scored(
        classes=of_test.classes,
        names=of_test.names,
        sizes=of_test.sizes,
        labels=of_test.labels,
        known=of_test.known,
        truth=of_test.truth,
        scores=prediction.scores,
        operating_points=np.array(protocol.operating_points),
        predicted=BoxTable.of([], of_test.classes),
        heatmaps=heatmaps,
        calibrate=truth.get("calibrate"),
    )
    return scored.with_boxes(protocol.boxes)


def described_thresholds(protocol: Protocol, classes: Sequence[str]) -> dict[str, Any]:
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
