"""Computes metrics from tables, as JSON values: macro values, values of classes, and 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wsbench.contract.specs import MetricSpec, columns_of, on_page
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import relative_scores
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.inputs import Draws, Paper, RolePredictions
from wsbench.scoring.intervals import of_draws
from wsbench.scoring.metric_values import macro, rarer_units, values
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.scoring.protocols import Protocol, described_thresholds, make_protocols, table_of
from wsbench.scoring.redrawing import Redrawn
from wsbench.scoring.table import Scored, Truth
from wsbench.types import Role

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


def _described(
    scored: Scored, spec: MetricSpec, units: np.ndarray, drawn: np.ndarray | None
) -> dict[str, Any]:
    sample = values(spec, scored, Resamples.once(len(scored.names)))
    return described_values(scored.classes, sample, drawn, units, bounded=spec.bounded)


def described_values(
    classes: Sequence[str],
    sample: np.ndarray,
    drawn: np.ndarray | None,
    units: np.ndarray,
    *,
    bounded: bool,
) -> dict[str, Any]:
    """Describe values as JSON: the macro value, the values of classes, and 95 % intervals.

    Args:
        classes: the C classes.
        sample: ``(1, C)`` values on the sample, or ``(1,)`` where there are no classes.
        drawn: ``(B, C)`` or ``(B,)`` values of the draws; None gives no interval.
        units: ``(C,)`` the patients of each class's rarer label.
        bounded: whether values lie in [0, 1].
    """
    result: dict[str, Any] = {"value": _number(macro(sample)[0])}
    by_class = sample.ndim == 2
    if by_class:
        result["per_class"] = dict(zip(classes, map(_number, sample[0]), strict=True))
        if undefined := [name for name, value in result["per_class"].items() if value is None]:
            result["undefined"] = undefined
    if drawn is None or result["value"] is None:
        return result

    def interval(value: float | None, column: np.ndarray, count: int) -> tuple[float, float] | None:
        return None if value is None else of_draws(value, column, bounded=bounded, units=count)

    result["interval"] = interval(result["value"], _same_classes(result, drawn), int(units.sum()))
    if by_class and len(classes) > 1:
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
