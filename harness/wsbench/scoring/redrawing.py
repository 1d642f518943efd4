"""Computes metrics in draws of the test images, with thresholds that are chosen again in every draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.metric_values import values
from wsbench.scoring.protocols import Protocol, Redraws
from wsbench.scoring.table import Scored

NO_THRESHOLDS = np.array([-1.0, 2.0])
"""The rule number and operating point of a class that has no further thresholds: no rule, and a point that no
score reaches."""


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
            fixed = {
                n: spec for n, spec in group.items() if spec.needs in ("labels", "maps") and not with_points
            }
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
        cut_at = np.ones(len(thresholds))
        for column, (rules, number) in enumerate(zip(self.redraws.rules, thresholds[:, 0], strict=True)):
            if number >= 0:
                rule = rules[int(number)]
                boxes.append(self.protocol.of_class(column, rule))
                cut_at[column] = rule.threshold
        table = self.scored.with_boxes(BoxTable.joined(boxes))
        if self.scored.box_thresholds is not None:
            table = table.with_box_thresholds(cut_at)
        return table.with_operating_points(thresholds[:, 1]) if with_points else table
