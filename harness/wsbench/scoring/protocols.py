"""Makes thresholds, boxes and the tables that metrics compute from, under both protocols.

The inputs are predictions and truth, as values. Nothing here reads a run's folder or a dataset.
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
    best_frequent_rules,
    best_rule,
    index_of,
    operating_points,
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
        operating_points: ``(B, C)`` floats.
        rules: for each class, the different box rules that were chosen.
        rule_numbers: ``(B, C)`` integers, the position of the rule of each draw in the ``rules`` of its
            class.
    """

    operating_points: np.ndarray
    rules: tuple[tuple[BoxRule, ...], ...]
    rule_numbers: np.ndarray


@dataclass(frozen=True)
class Protocol:
    """The thresholds and boxes of a run's predictions under one protocol.

    Attributes:
        test: the predictions of the test role.
        classes: the names of the classes.
        sizes: ``(N, 2)`` width and height of the test images, in pixels.
        operating_points: for each class, the score from which it is predicted positive.
        method_boxes: the boxes that the method predicted; None where the harness makes boxes from heatmaps.
        choices: for each class, how the harness's box rule was chosen; empty where the method's boxes are
            taken as they are.
        objective: the objective that the rules were chosen for.
        redraws: the same thresholds on bootstrap draws; None where none were chosen, and for protocol
            ``paper``, which does not rank.
    """

    test: RolePredictions
    classes: tuple[str, ...]
    sizes: np.ndarray
    operating_points: tuple[float, ...]
    method_boxes: BoxTable | None = None
    choices: tuple[Choice, ...] = ()
    objective: str = OBJECTIVE
    redraws: Redraws | None = None
    _tables: dict[tuple[int, BoxRule | float], BoxTable] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def boxes(self) -> BoxTable:
        """The boxes of all test images by the chosen rules."""
        if self.method_boxes is not None and not self.choices:
            return self.method_boxes
        return self.boxes_by([choice.rule for choice in self.choices])

    def boxes_by(self, rules: Sequence[BoxRule]) -> BoxTable:
        """Make the boxes of all test images by one rule for each class."""
        return BoxTable.joined([self.of_class(column, rule) for column, rule in enumerate(rules)])

    def of_class(self, column: int, rule: BoxRule) -> BoxTable:
        """Make the boxes of one class on all test images by a rule, once for each rule."""
        if (column, rule) not in self._tables:
            boxes = self.at_threshold(column, rule.threshold)
            self._tables[column, rule] = larger_than(boxes, self.sizes, rule.minimum_area)
        return self._tables[column, rule]

    def at_threshold(self, column: int, threshold: float) -> BoxTable:
        """Make the boxes of one class on all test images by a threshold, boxes of any size."""
        if (column, threshold) not in self._tables:
            rule = BoxRule(threshold, 0.0)
            if self.method_boxes is None:
                table = table_of_map(self.test.prediction, self.sizes, column, rule).single()
            else:
                table = kept_boxes(self.method_boxes.of_label(column), self.sizes, rule)
            self._tables[column, threshold] = table
        return self._tables[column, threshold]

    def set_boxes(self, column: int, threshold: float, boxes: BoxTable) -> None:
        """Set the boxes that `at_threshold` returns, where there are no heatmaps to make them from."""
        self._tables[column, threshold] = boxes

    def lists(self) -> list[list[ScoredBox]]:
        """Return the boxes of every test image."""
        return self.boxes.lists(len(self.test.names), self.classes)


def make_protocols(
    predicted: Mapping[Role, RolePredictions],
    truth: Mapping[Role, Truth],
    draws: Draws,
    objective: str = OBJECTIVE,
    paper: Paper | None = None,
) -> dict[str, Protocol]:
    """Make protocol ``uniform``, and protocol ``paper`` where the method has one.

    Args:
        predicted: predictions by role. Role ``test`` is required. Without ``select``, operating points are
            `UNCHOSEN_POINT`. Without ``calibrate``, box rules are `FALLBACK`.
        truth: what is true of the images of every predicted role, in the same order.
        draws: bootstrap draws of the images of each role.
        objective: the objective that the harness's box rules are chosen for.
        paper: what protocol ``paper`` is made of; None where the method has no such protocol.
    """
    if paper is None:
        return {"uniform": by_objectives(predicted, truth, draws, [objective])[objective]}
    if paper.boxes is not None:
        test, classes = paper.predicted["test"], truth["test"].classes
        boxes = BoxTable.of(paper.boxes, classes).single()
        points = (paper.operating_point,) * len(classes)
        of_paper = Protocol(test, classes, truth["test"].sizes, points, boxes)
        return {**make_protocols(predicted, truth, draws, objective), "paper": of_paper}
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
    """Choose thresholds for several objectives. The boxes of every threshold are made once for all of them.

    Args:
        predicted, truth, draws: as in `make_protocols`.
        objectives: the objectives that box rules are chosen for.

    Returns:
        For each objective, the protocol with the rules that are chosen for it.
    """
    test, classes = predicted["test"], truth["test"].classes
    chosen_points, drawn_points = _operating_points(predicted, truth, draws)
    method_boxes = None
    if test.prediction.heatmaps is None:
        assert test.prediction.boxes is not None  # a prediction without heatmaps has boxes
        method_boxes = BoxTable.of(test.prediction.boxes, classes).single()
    protocol = Protocol(test, classes, truth["test"].sizes, tuple(chosen_points.tolist()), method_boxes)
    if "calibrate" not in predicted:
        choices, redraws = _unchosen(classes, drawn_points)
        return {
            objective: replace(protocol, objective=objective, choices=choices, redraws=redraws)
            for objective in objectives
        }
    lowest = np.minimum(chosen_points, drawn_points.min(axis=0))
    searches = searches_of(predicted["calibrate"].prediction, truth["calibrate"], lowest, objectives)
    chosen: list[list[Choice]] = [[] for _ in objectives]
    redrawn: list[list[np.ndarray]] = [[] for _ in objectives]
    for column, of_class in enumerate(searches):
        for number, search in enumerate(of_class):
            choice = best_rule(search, chosen_points[column])
            chosen[number].append(choice)
            redrawn[number].append(_redrawn(search, choice, drawn_points[:, column], draws.calibrate))
    return {
        objective: replace(
            protocol,
            objective=objective,
            choices=tuple(chosen[number]),
            redraws=_redraws(drawn_points, redrawn[number]),
        )
        for number, objective in enumerate(objectives)
    }


def _redrawn(search: Search, choice: Choice, operating_points: np.ndarray, draws: Resamples) -> np.ndarray:
    """Return the ``(B,)`` index of the best rule of a class in every draw; -1 where none can be chosen."""
    if search.sums is None:
        return np.full(len(draws), -1)
    return best_frequent_rules(search.values(operating_points, draws), index_of(choice.rule))


def _redraws(operating_points: np.ndarray, indices: Sequence[np.ndarray]) -> Redraws:
    """Make redraws of ``(B, C)`` operating points and, for each class, ``(B,)`` indices of rules."""
    rules, numbers = [], []
    for of_class in indices:
        different, number = np.unique(of_class, return_inverse=True)
        rules.append(tuple(FALLBACK if rule < 0 else rule_of(rule) for rule in different.tolist()))
        numbers.append(number)
    return Redraws(operating_points, tuple(rules), np.stack(numbers, axis=1))


def _unchosen(classes: Sequence[str], operating_points: np.ndarray) -> tuple[tuple[Choice, ...], Redraws]:
    """Return the fallback rule for every class, as it was chosen and in every draw."""
    rules = tuple((FALLBACK,) for _ in classes)
    numbers = np.zeros(operating_points.shape, dtype=np.intp)
    return tuple(Choice(FALLBACK, None) for _ in classes), Redraws(operating_points, rules, numbers)


def _operating_points(
    predicted: Mapping[Role, RolePredictions], truth: Mapping[Role, Truth], draws: Draws
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``(C,)`` operating points chosen on select, and the ``(B, C)`` chosen on its draws."""
    if "select" not in predicted:
        return unchosen_points(len(truth["test"].classes), len(draws.select))
    return points_of(truth["select"].labels, predicted["select"].prediction.scores, draws.select)


def unchosen_points(classes: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``(C,)`` and ``(B, C)`` operating points where select was not predicted."""
    return np.full(classes, UNCHOSEN_POINT), np.full((draws, classes), UNCHOSEN_POINT)


def points_of(labels: np.ndarray, scores: np.ndarray, draws: Resamples) -> tuple[np.ndarray, np.ndarray]:
    """Choose operating points on the select role and on its draws.

    Args:
        labels, scores: ``(N, C)`` labels and scores of the images of select.
        draws: B draws of these images.

    Returns:
        ``(C,)`` operating points on the images, and ``(B, C)`` on the draws.
    """

    def chosen_on(resamples: Resamples) -> np.ndarray:
        columns = range(labels.shape[1])
        return np.stack([operating_points(labels[:, c], scores[:, c], resamples) for c in columns], axis=1)

    return chosen_on(Resamples.once(len(labels)))[0], chosen_on(draws)


def table_of(protocol: Protocol, truth: Mapping[Role, Truth]) -> Scored:
    """Make the frozen table that metrics compute from.

    Args:
        protocol: the protocol whose boxes and class scores the table holds.
        truth: what is true of the test images, and of the calibrate images where it is known.
    """
    of_test, prediction = truth["test"], protocol.test.prediction
    heatmaps = None
    if prediction.heatmaps is not None:
        full_images = [full_image(width, height) for width, height in of_test.sizes.tolist()]
        heatmaps = Heatmaps(prediction.heatmaps, prediction.regions or full_images)
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
        masks=of_test.masks,
        nuisances=of_test.nuisances,
        box_thresholds=_cut_at(protocol),
    )
    return scored.with_boxes(protocol.boxes)


def _cut_at(protocol: Protocol) -> np.ndarray | None:
    """Return the ``(C,)`` values from which heatmaps are cut into boxes; None where none are."""
    if protocol.method_boxes is not None or not protocol.choices:
        return None
    return np.array([choice.rule.threshold for choice in protocol.choices])


def described_thresholds(protocol: Protocol, classes: Sequence[str]) -> dict[str, Any]:
    """Describe how a protocol's thresholds were chosen, as JSON values."""
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
