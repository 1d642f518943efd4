"""Computes metrics from tables, as JSON values: macro values, values of classes, and 95 % intervals."""

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

NO_THRESHOLDS = np.array([-1.0, 2.0])
"""The rule number and operating point of a class that has no further thresholds: no rule, and a point that no
score reaches."""

DRAW_DECIMALS = 5
"""The decimals with which records keep the value of a draw."""


@dataclass(frozen=True)
class Scores:
    """The scores of predictions. All attributes are mappings by protocol.

    Attributes:
        protocols: the thresholds and boxes.
        tables: the tables that metrics were computed from.
        results: as JSON values, how thresholds were chosen, and the `protocol_results`.
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
        predicted: predictions by role; role ``test`` is required.
        truth: what is true of the images of every predicted role, in the same order.
        metrics: the metrics by name.
        draws: bootstrap draws of the images of each role.
        objective: the objective that the harness's box rules are chosen for.
        paper: what protocol ``paper`` is made of; None where the method has no such protocol.

    Raises:
        WsbenchError: a metric returned something else than finite numbers of the right shape.
    """
    protocols = make_protocols(predicted, truth, draws, objective, paper)
    tables = {name: table_of(protocol, truth) for name, protocol in protocols.items()}
    return Scores(
        protocols,
        tables,
        {
            name: {
                "calibration": described_thresholds(protocol, tables[name].classes),
                **protocol_results(tables[name], protocol, metrics, draws.test),
            }
            for name, protocol in protocols.items()
        },
    )


def metric_results(scored: Scored, metrics: Mapping[str, MetricSpec], draws: Resamples) -> dict[str, Any]:
    """Compute metrics of a table as JSON values.

    The result of a metric has its macro value, its value of each class, and their 95 % intervals, which
    cover the noise of the test images alone. A class in which the metric does not exist has no value and is
    listed under ``undefined``. The macro value is the mean over the other classes.

    Args:
        scored: the table.
        metrics: the metrics by name.
        draws: draws of the test images.
    """
    units = rarer_units(scored, draws)
    result = {}
    for name, spec in sorted(metrics.items()):
        drawn = values(spec, scored, draws) if spec.resampled else None
        result[name] = _described(scored, spec, units, drawn)
    return result


def protocol_results(
    scored: Scored, protocol: Protocol, metrics: Mapping[str, MetricSpec], draws: Resamples
) -> dict[str, Any]:
    """Compute what a record holds of one protocol: all metrics, and some of them in every draw.

    Intervals of the metrics that pages show also cover the noise of the thresholds, which are chosen again
    in every draw.

    Args:
        scored: the table of the protocol.
        protocol: its thresholds and boxes.
        metrics: the metrics by name.
        draws: draws of the test images.
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
            macro_values = _same_classes(described, drawn)
            drawn_macro[name] = [_number(round(value, DRAW_DECIMALS)) for value in macro_values]
    return {**result, "draws": drawn_macro}


def with_class_scores(
    table: Scored, boxes: BoxTable, metrics: Mapping[str, MetricSpec]
) -> dict[str, float | None]:
    """Compute what other boxes reach with the class scores of a table.

    Args:
        table: the table whose class scores are taken.
        boxes: boxes on the same images. Their scores count as shares of the best score of their image and
            class.
        metrics: the metrics by name; those that the table of floors shows are computed.

    Returns:
        The macro value of each metric; None where it does not exist.
    """
    scaled = []
    for label, class_scores in enumerate(table.scores.T):
        of_class = boxes.of_label(label)
        shares = relative_scores(of_class.image, of_class.score)
        scaled.append(replace(of_class, score=shares * class_scores[of_class.image]))
    other, once = table.with_boxes(BoxTable.joined(scaled)), Resamples.once(len(table.names))
    return {
        name: _number(macro(values(metrics[name], other, once))[0]) for name in columns_of(metrics, "floors")
    }


@dataclass(frozen=True)
class Redrawn:
    """Computes metrics in draws of the test images, draw b with the thresholds of draw b of select and
    calibrate.

    Attributes:
        scored: the table with the chosen thresholds.
        protocol: the protocol, which makes the boxes of other rules.
        redraws: the thresholds of the B draws.
        draws: B draws of the test images.
    """

    scored: Scored
    protocol: Protocol
    redraws: Redraws
    draws: Resamples

    def values(self, metrics: Mapping[str, MetricSpec]) -> dict[str, np.ndarray]:
        """Compute ``(B, C)`` or ``(B,)`` values of every metric."""
        result: dict[str, np.ndarray] = {}
        once = Resamples.once(len(self.scored.names))
        for with_points in (False, True):
            group = {n: spec for n, spec in metrics.items() if spec.at_operating_points == with_points}
            # Neither other boxes nor other operating points change these.
            fixed = {n: spec for n, spec in group.items() if spec.needs != "boxes" and not with_points}
            result |= {name: values(spec, self.scored, self.draws) for name, spec in fixed.items()}
            moving = {n: spec for n, spec in group.items() if n not in fixed}
            by_class = {n: spec for n, spec in moving.items() if values(spec, self.scored, once).ndim == 2}
            of_all = {n: spec for n, spec in moving.items() if n not in by_class}
            result |= self._class_by_class(by_class, with_points=with_points)
            result |= self._all_together(of_all, with_points=with_points)
        return result

    def _class_by_class(
        self, metrics: Mapping[str, MetricSpec], *, with_points: bool
    ) -> dict[str, np.ndarray]:
        """Compute ``(B, C)`` values of metrics that have a value of each class.

        The value of a class depends on the thresholds of that class alone, so that a single table serves for
        the n-th thresholds of every class.
        """
        if not metrics:
            return {}
        thresholds = [self._thresholds([column], with_points) for column in range(len(self.scored.classes))]
        group = np.stack([group for _, group in thresholds], axis=1)
        result = {name: np.full(group.shape, np.nan) for name in metrics}
        for number in range(group.max() + 1):
            rows = [
                different[number] if number < len(different) else NO_THRESHOLDS for different, _ in thresholds
            ]
            chosen = group == number
            draws = np.flatnonzero(chosen.any(axis=1))
            table, resamples = self._table(np.stack(rows), with_points), self.draws.take(draws)
            for name, spec in metrics.items():
                drawn = values(spec, table, resamples)
                result[name][draws] = np.where(chosen[draws], drawn, result[name][draws])
        return result

    def _all_together(self, metrics: Mapping[str, MetricSpec], *, with_points: bool) -> dict[str, np.ndarray]:
        """Compute ``(B,)`` values of metrics that depend on the thresholds of all classes at once."""
        result = {name: np.full(len(self.draws), np.nan) for name in metrics}
        if not metrics:
            return result
        different, group = self._thresholds(list(range(len(self.scored.classes))), with_points)
        for number, rows in enumerate(different):
            draws = np.flatnonzero(group == number)
            table, resamples = self._table(rows.reshape(-1, 2), with_points), self.draws.take(draws)
            for name, spec in metrics.items():
                result[name][draws] = values(spec, table, resamples)
        return result

    def _thresholds(self, columns: list[int], with_points: bool) -> tuple[np.ndarray, np.ndarray]:
        """Collect the different thresholds that some classes have in the draws.

        Args:
            columns: the indices of the classes.
            with_points: whether operating points matter; otherwise they are 0.

        Returns:
            ``(K, 2 * classes)`` different thresholds, for each class its rule number and operating point,
            and ``(B,)`` the row of the thresholds of each draw.
        """
        points = self.redraws.operating_points[:, columns] * with_points
        both = np.stack([self.redraws.rule_numbers[:, columns], points], axis=2).reshape(len(points), -1)
        different, group = np.unique(both, axis=0, return_inverse=True)
        return different, group.ravel()

    def _table(self, thresholds: np.ndarray, with_points: bool) -> Scored:
        """Make the table with other thresholds.

        Args:
            thresholds: ``(C, 2)`` rule number and operating point of each class. A class with
                `NO_THRESHOLDS` has no box.
            with_points: whether the operating points are used.
        """
        boxes = []
        for column, (rules, number) in enumerate(zip(self.redraws.rules, thresholds[:, 0], strict=True)):
            if number >= 0:
                boxes.append(self.protocol.of_class(column, rules[int(number)]))
        table = self.scored.with_boxes(BoxTable.joined(boxes))
        return table.with_operating_points(thresholds[:, 1]) if with_points else table


def values(spec: MetricSpec, scored: Scored, draws: Resamples) -> np.ndarray:
    """Compute a metric in every draw.

    Args:
        spec: the metric.
        scored: the table of N images.
        draws: B draws of the images.

    Returns:
        ``(B, C)`` values of each class, or ``(B,)`` values; NaN where the metric does not exist.

    Raises:
        WsbenchError: the metric returned something else.
    """
    who = f"metric {spec.name} (plugin {place_of(spec.compute)})"
    with contained(who, "compute"):
        returned = spec.compute(scored, draws)
    try:
        result = np.asarray(returned, dtype=np.float64)
    except (TypeError, ValueError):
        raise WsbenchError(f"{who} gave a {type(returned).__name__} that is no array of numbers") from None
    if result.shape not in ((len(draws),), (len(draws), len(scored.classes))):
        expected = f"({len(draws)},) or ({len(draws)}, {len(scored.classes)})"
        raise WsbenchError(f"{who} gave values of shape {result.shape}, not {expected}")
    if np.isinf(result).any():
        raise WsbenchError(f"{who} gave an infinite value")
    return result


def macro(of_classes: np.ndarray) -> np.ndarray:
    """Compute the mean over the classes that have a value.

    Args:
        of_classes: ``(B, C)`` values of classes. ``(B,)`` values are returned unchanged.

    Returns:
        ``(B,)`` values; NaN where no class has a value.
    """
    if of_classes.ndim == 1:
        return of_classes
    exists = ~np.isnan(of_classes)
    return ratio(np.where(exists, of_classes, 0.0).sum(axis=1), exists.sum(axis=1))


def rarer_units(scored: Scored, draws: Resamples) -> np.ndarray:
    """Count the patients (images where patients are unknown) of each class's rarer label.

    Returns:
        ``(C,)`` the number of patients that have the class, or of those that lack it, whichever is smaller;
        at least 1. A macro value rests on the sum over classes.
    """
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
    """Compute ``(B,)`` macro values over the classes that have a value in the sample.

    A draw in which one of these classes has no value has none itself, in intervals, tables and ranks alike.
    """
    if drawn.ndim == 1:
        return drawn
    exists = [value is not None for value in described["per_class"].values()]
    result: np.ndarray = drawn[:, exists].mean(axis=1)
    return result


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
