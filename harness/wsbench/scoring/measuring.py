"""Tables -> metrics as JSON values: macro values, values by class, and 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wsbench.contract.containment import contained, place_of
from wsbench.contract.specs import MetricSpec, columns_of, on_page
from wsbench.errors import WsbenchError
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import relative_scores
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.inputs import Draws, Paper, RolePredictions
from wsbench.scoring.intervals import of_draws
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.scoring.protocols import Protocol, Redraws, described_thresholds, make_protocols, table_of
from wsbench.scoring.table import Scored, Truth
from wsbench.types import Role

NONE = np.array([-1.0, 2.0])
"""Stands for the thresholds of a class that has no further ones: no rule, and a point that no score
reaches."""

DECIMALS = 5
"""Of a value in one draw, as records keep it."""


@dataclass(frozen=True)
class Scores:
    """What predictions scored, by protocol.

    Attributes:
        protocols: the thresholds and boxes of each.
        tables: that metrics were computed from.
        results: as JSON values: how thresholds were chosen, and what `results` gives.
    """

    protocols: Mapping[str, Protocol]
    tables: Mapping[str, Scored]
    results: Mapping[str, Mapping[str, Any]]


def score(
    predicted: Mapping[Role, RolePredictions],
    truth: Mapping[Role, Truth],
    metrics: Mapping[str, MetricSpec],
    draws: Draws,
    objective: str = OBJECTIVE,
    paper: Paper | None = None,
) -> Scores:
    """Choose thresholds, make boxes and compute every metric, under both protocols.

    Args:
        predicted: by role; ``test`` is needed.
        truth: of the images of every role that was predicted, in the same order.
        metrics: by name.
        draws: of the images of each role.
        objective: what the harness's box rules are chosen for.
        paper: what protocol ``paper`` is made of; None for none.
    """
    protocols = make_protocols(predicted, truth, draws, objective, paper)
    tables = {name: table_of(protocol, truth) for name, protocol in protocols.items()}
    return Scores(
        protocols,
        tables,
        {
            name: {
                "calibration": described_thresholds(protocol, tables[name].classes),
                **results(tables[name], protocol, metrics, draws.test),
            }
            for name, protocol in protocols.items()
        },
    )


def measure(scored: Scored, metrics: Mapping[str, MetricSpec], draws: Resamples) -> dict[str, Any]:
    """Every metric as JSON values: its macro value, its values per class, and their 95 % intervals, which
    hold the noise of the test images alone.

    What does not exist is null and named under ``undefined``; the macro value is the mean over the others.
    """
    return {
        name: _described(
            scored, spec, rarer_units(scored, draws), values(spec, scored, draws) if spec.resampled else None
        )
        for name, spec in sorted(metrics.items())
    }


def results(
    scored: Scored, protocol: Protocol, metrics: Mapping[str, MetricSpec], draws: Resamples
) -> dict[str, Any]:
    """What a record holds of one protocol: all metrics, and some of them in every draw.

    Intervals of the metrics that pages show also hold the noise of the thresholds, which are chosen again in
    every draw.
    """
    redrawn = {}
    if protocol.redraws is not None:
        shown = {name: metrics[name] for name in on_page(metrics) if metrics[name].resampled}
        redrawn = Redrawn(scored, protocol, protocol.redraws, draws).values(shown)
    units = rarer_units(scored, draws)
    result: dict[str, Any] = {"metrics": {}, "units": int(units.sum())}
    drawn_macro = {}
    for name, spec in sorted(metrics.items()):
        drawn = redrawn.get(name)
        if drawn is None and spec.resampled:
            drawn = values(spec, scored, draws)
        described = _described(scored, spec, units, drawn)
        result["metrics"][name] = described
        if spec.is_kept and drawn is not None and described["value"] is not None:
            drawn_macro[name] = [_number(round(value, DECIMALS)) for value in _same_classes(described, drawn)]
    return {**result, "draws": drawn_macro}


def with_class_scores(
    table: Scored, boxes: BoxTable, metrics: Mapping[str, MetricSpec]
) -> dict[str, float | None]:
    """What other boxes reach with the class scores of a table: the macro values of some metrics.

    Args:
        table: whose class scores are taken.
        boxes: of the same images; their scores count as shares of the best one of their image and class.
        metrics: by name; those that the table of floors shows are computed.
    """
    weighed = [boxes.of_label(label) for label in range(len(table.classes))]
    scaled = [
        replace(
            of_class, score=relative_scores(of_class.image, of_class.score) * class_scores[of_class.image]
        )
        for of_class, class_scores in zip(weighed, table.scores.T, strict=True)
    ]
    other, once = table.with_boxes(BoxTable.joined(scaled)), Resamples.once(len(table.names))
    return {
        name: _number(macro(values(metrics[name], other, once))[0]) for name in columns_of(metrics, "floors")
    }


@dataclass(frozen=True)
class Redrawn:
    """Values of metrics in draws of the test images, each with the thresholds of one draw of the roles that
    they were chosen on.

    Attributes:
        scored: the table with the chosen thresholds.
        protocol: whose boxes other rules make.
        redraws: the thresholds of the B draws.
        draws: B draws of the test images.
    """

    scored: Scored
    protocol: Protocol
    redraws: Redraws
    draws: Resamples

    def values(self, metrics: Mapping[str, MetricSpec]) -> dict[str, np.ndarray]:
        """``(B, C)`` or ``(B,)`` of every metric."""
        result: dict[str, np.ndarray] = {}
        once = Resamples.once(len(self.scored.names))
        for with_points in (False, True):
            some = {n: spec for n, spec in metrics.items() if spec.at_operating_points == with_points}
            fixed = {n: spec for n, spec in some.items() if spec.needs != "boxes" and not with_points}
            result |= {name: values(spec, self.scored, self.draws) for name, spec in fixed.items()}
            moving = {n: spec for n, spec in some.items() if n not in fixed}
            by_class = {n: spec for n, spec in moving.items() if values(spec, self.scored, once).ndim == 2}
            of_all = {n: spec for n, spec in moving.items() if n not in by_class}
            result |= self._class_by_class(by_class, with_points=with_points)
            result |= self._all_together(of_all, with_points=with_points)
        return result

    def _class_by_class(
        self, metrics: Mapping[str, MetricSpec], *, with_points: bool
    ) -> dict[str, np.ndarray]:
        """``(B, C)`` of metrics whose value of a class depends on the thresholds of that class alone, so
        that one table serves for the n-th thresholds of every class."""
        if not metrics:
            return {}
        thresholds = [self._thresholds([column], with_points) for column in range(len(self.scored.classes))]
        group = np.stack([group for _, group in thresholds], axis=1)
        result = {name: np.full(group.shape, np.nan) for name in metrics}
        for number in range(group.max() + 1):
            rows = [different[number] if number < len(different) else NONE for different, _ in thresholds]
            chosen = group == number
            draws = np.flatnonzero(chosen.any(axis=1))
            table, some = self._table(np.stack(rows), with_points), self.draws.take(draws)
            for name, spec in metrics.items():
                drawn = values(spec, table, some)
                result[name][draws] = np.where(chosen[draws], drawn, result[name][draws])
        return result

    def _all_together(self, metrics: Mapping[str, MetricSpec], *, with_points: bool) -> dict[str, np.ndarray]:
        """``(B,)`` of metrics that depend on the thresholds of all classes at once."""
        result = {name: np.full(len(self.draws), np.nan) for name in metrics}
        if not metrics:
            return result
        different, group = self._thresholds(list(range(len(self.scored.classes))), with_points)
        for number, rows in enumerate(different):
            draws = np.flatnonzero(group == number)
            table, some = self._table(rows.reshape(-1, 2), with_points), self.draws.take(draws)
            for name, spec in metrics.items():
                result[name][draws] = values(spec, table, some)
        return result

    def _thresholds(self, columns: list[int], with_points: bool) -> tuple[np.ndarray, np.ndarray]:
        """``(K, 2 * classes)`` the different thresholds of some classes, as the place of the rule and the
        operating point (0 where it plays no part) of each, and ``(B,)`` which of them every draw has."""
        points = self.redraws.operating_points[:, columns] * with_points
        both = np.stack([self.redraws.places[:, columns], points], axis=2).reshape(len(points), -1)
        different, group = np.unique(both, axis=0, return_inverse=True)
        return different, group.ravel()

    def _table(self, thresholds: np.ndarray, with_points: bool) -> Scored:
        """The table with other thresholds, ``(C, 2)`` as in `_thresholds`; a class of `NONE` has no box."""
        boxes = [
            self.protocol.of_class(column, rules[int(place)])
            for column, (rules, place) in enumerate(zip(self.redraws.rules, thresholds[:, 0], strict=True))
            if place >= 0
        ]
        table = self.scored.with_boxes(BoxTable.joined(boxes))
        return table.with_operating_points(thresholds[:, 1]) if with_points else table


def values(spec: MetricSpec, scored: Scored, draws: Resamples) -> np.ndarray:
    """``(B, C)`` or ``(B,)`` values of a metric.

    Raises:
        WsbenchError: the metric gave something else.
    """
    who = f"metric {spec.name} (plugin {place_of(spec.compute)})"
    with contained(who, "compute"):
        given = spec.compute(scored, draws)
    try:
        result = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise WsbenchError(f"{who} gave a {type(given).__name__} that is no array of numbers") from None
    if result.shape not in ((len(draws),), (len(draws), len(scored.classes))):
        expected = f"({len(draws)},) or ({len(draws)}, {len(scored.classes)})"
        raise WsbenchError(f"{who} gave values of shape {result.shape}, not {expected}")
    if np.isinf(result).any():
        raise WsbenchError(f"{who} gave an infinite value")
    return result


def macro(of_classes: np.ndarray) -> np.ndarray:
    """``(B,)``, or the mean of ``(B, C)`` over the classes that have a value: NaN where none has."""
    if of_classes.ndim == 1:
        return of_classes
    there = ~np.isnan(of_classes)
    return ratio(np.where(there, of_classes, 0.0).sum(axis=1), there.sum(axis=1))


def rarer_units(scored: Scored, draws: Resamples) -> np.ndarray:
    """``(C,)`` how many patients (images where patients are unknown) have each class, or lack it, whichever
    are fewer; at least 1. A macro value rests on their sum over classes."""
    counts = [
        [len(np.unique(draws.unit[labels])), len(np.unique(draws.unit[~labels]))]
        for labels in scored.labels.T
    ]
    rarer: np.ndarray = np.array(counts).min(axis=1).clip(min=1)
    return rarer


def _described(
    scored: Scored, spec: MetricSpec, units: np.ndarray, drawn: np.ndarray | None
) -> dict[str, Any]:
    sample = values(spec, scored, Resamples.once(len(scored.names)))
    result: dict[str, Any] = {"value": _number(macro(sample)[0])}
    by_class = sample.ndim == 2
    if by_class:
        result["per_class"] = dict(zip(scored.classes, map(_number, sample[0]), strict=True))
        if undefined := [name for name, value in result["per_class"].items() if value is None]:
            result["undefined"] = undefined
    if drawn is None or result["value"] is None:
        return result

    def interval(value: float | None, column: np.ndarray, count: int) -> tuple[float, float] | None:
        return None if value is None else of_draws(value, column, bounded=spec.bounded, units=count)

    result["interval"] = interval(result["value"], _same_classes(result, drawn), int(units.sum()))
    if by_class and len(scored.classes) > 1:
        result["class_intervals"] = {
            name: interval(value, drawn[:, column], int(units[column]))
            for column, (name, value) in enumerate(result["per_class"].items())
        }
    return result


def _same_classes(described: Mapping[str, Any], drawn: np.ndarray) -> np.ndarray:
    """``(B,)`` macro values of the classes that the sample has a value of: a draw without one of them has
    none, in intervals, in tables and in ranks alike."""
    if drawn.ndim == 1:
        return drawn
    there = [value is not None for value in described["per_class"].values()]
    result: np.ndarray = drawn[:, there].mean(axis=1)
    return result


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
