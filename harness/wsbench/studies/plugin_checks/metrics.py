"""The contract of metrics, checked on small tables."""

from __future__ import annotations

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored
from wsbench.studies.plugin_checks import metric_tables
from wsbench.studies.plugin_checks.base import Check, global_random_numbers, require
from wsbench.studies.plugin_checks.metric_tables import BOXES, CASES, CLASSES, DRAWS, NAMES, Placed


def metric_checks(spec: MetricSpec) -> list[Check]:
    """The checks of a metric, in the order in which they are made.

    Args:
        spec: the metric.
    """
    trial = _Trial(spec)
    checks = [
        Check("its values are numbers or NaN, of shape (B,) or (B, C)", trial.check_form),
        Check("it gives the same value twice, and leaves its table as it was", trial.check_repetition),
        Check("it does not depend on the order of images", trial.check_order),
        Check("the value of a draw is that of the drawn images", trial.check_draws),
        Check("the value of a class does not depend on other classes", trial.check_classes),
        Check("its values lie in [0, 1]", trial.check_bounds),
        Check("it takes the boxes of a method without heatmaps", trial.check_without_maps),
    ]
    left_out = {trial.check_draws: spec.resampled, trial.check_bounds: spec.bounded}
    return [check for check in checks if left_out.get(check.verify, True)]


class _Trial:
    """A metric, and the tables on which it is computed."""

    def __init__(self, spec: MetricSpec) -> None:
        self._spec = spec

    def check_form(self) -> None:
        for boxes in CASES:
            self._value(metric_tables.table(*boxes))

    def check_repetition(self) -> None:
        for boxes in CASES:
            table = metric_tables.table(*boxes)
            with global_random_numbers(0):
                value = self._value(table)
            with global_random_numbers(1):
                again = self._value(metric_tables.table(*boxes))
            same = np.array_equal(value, again, equal_nan=True)
            require(
                same, f"{self._spec.name} gave two values for equal tables; it must draw no random numbers"
            )
            same = np.array_equal(value, self._value(table), equal_nan=True)
            require(same, f"{self._spec.name} changed its table, or remembers it: its second value differs")

    def check_order(self) -> None:
        for boxes in CASES:
            value = self._value(metric_tables.table(*boxes))
            turned = self._value(metric_tables.table(*boxes, order=[3, 1, 5, 0, 2, 4]))
            same = np.allclose(value, turned, equal_nan=True)
            require(same, f"{self._spec.name} depends on the order of images")

    def check_draws(self) -> None:
        for boxes in CASES:
            self._check_draws_of(boxes)

    def _check_draws_of(self, boxes: tuple[Placed, Placed]) -> None:
        draws = Resamples(np.array(DRAWS, dtype=float), np.arange(len(NAMES)))
        values = np.asarray(self._spec.compute(metric_tables.table(*boxes), draws))
        shapes = ((len(DRAWS),), (len(DRAWS), len(CLASSES)))
        require(
            values.shape in shapes,
            f"{self._spec.name} gave values of shape {values.shape} for {len(DRAWS)} draws and "
            f"{len(CLASSES)} classes, not (B,) or (B, C)",
        )
        for value, counts in zip(values, DRAWS, strict=True):
            order = [row for row, times in enumerate(counts) for _ in range(times)]
            copies = tuple(
                f"{NAMES[row]}" + "'" * order[:position].count(row) for position, row in enumerate(order)
            )
            expected = self._value(metric_tables.table(*boxes, order=order, named=copies))
            require(
                np.allclose(value, expected, equal_nan=True),
                f"{self._spec.name}: the value of a draw is not that of its images; compute every sum over "
                "images with resamples.sum",
            )

    def check_classes(self) -> None:
        value = self._value(metric_tables.table(*BOXES))
        changed = self._value(metric_tables.with_another_second_class())
        if value.ndim:
            require(
                np.allclose(value[0], changed[0], equal_nan=True),
                f"{self._spec.name}: the value of class {CLASSES[0]} changes with scores and boxes of class "
                f"{CLASSES[1]}",
            )

    def check_bounds(self) -> None:
        for boxes in CASES:
            value = self._value(metric_tables.table(*boxes))
            existing = value[~np.isnan(value)]
            require(
                ((existing >= 0) & (existing <= 1)).all(),
                f"{self._spec.name} has a value beyond [0, 1]; say bounded=False in its spec",
            )

    def check_without_maps(self) -> None:
        self._value(metric_tables.without_maps())

    def _value(self, scored: Scored) -> np.ndarray:
        """The metric of a table, ``()`` or ``(C,)``."""
        name = self._spec.name
        values = np.asarray(self._spec.compute(scored, Resamples.once(len(scored.names))))
        expected = ((1,), (1, len(scored.classes)))
        require(values.shape in expected, f"{name} gave values of shape {values.shape}, not (B,) or (B, C)")
        require(values.dtype.kind in "bif", f"{name} gave values of dtype {values.dtype}, not real numbers")
        require(
            not np.isinf(values).any(), f"{name} gave an infinite value; a value that does not exist is NaN"
        )
        return np.asarray(values[0], dtype=np.float64)
