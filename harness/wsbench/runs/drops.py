"""What a method loses on another dataset, with its 95 % interval."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec, columns_of
from wsbench.scoring.intervals import of_draws

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Drop:
    """A metric on the own test role and on another dataset, as means over seeds.

    Attributes:
        tested_on: the other dataset, with its changed settings.
        metric: the name of the metric.
        own, there: its values on the two; None where one does not exist.
        interval: the ends of the 95 % interval of `value`; None where one of the two has none.
    """

    tested_on: str
    metric: str
    own: float | None
    there: float | None
    interval: Bounds | None

    @property
    def value(self) -> float | None:
        """What is lost: the own value less the one there."""
        return None if self.own is None or self.there is None else self.own - self.there


def drop_interval(own: float, own_ends: Bounds, there: float, ends: Bounds) -> Bounds:
    """Compute the 95 % interval of the difference ``own - there`` of two independent values from their own
    intervals.

    These intervals are not symmetric near the edges of a metric, and the difference keeps that (MOVER; Zou
    and Donner 2008, Statistics in Medicine 27, equation 3; for shares Newcombe 1998, method 10).

    Args:
        own, there: the values.
        own_ends, ends: their 95 % intervals.
    """
    value = own - there
    # Intervals are corrected for the bias of the bootstrap, so that a value may lie outside of its own.
    below = np.hypot(max(own - own_ends[0], 0.0), max(ends[1] - there, 0.0))
    above = np.hypot(max(own_ends[1] - own, 0.0), max(there - ends[0], 0.0))
    return value - float(below), value + float(above)


def drops_of(transfers: Iterable[Record], metrics: Mapping[str, MetricSpec]) -> list[Drop]:
    """Compute the drop of every metric that `wsbench run` prints, for every dataset that was tested on.

    Args:
        transfers: records of `transfer.transfer`, of one method and any number of seeds.
        metrics: all metrics by name.
    """
    by_target: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in transfers:
        by_target[record.transfer["tested_on"], record.key["fingerprint"]].append(record)
    return [
        _drop(of_target, metrics[name])
        for of_target in by_target.values()
        for name in _shown(of_target[0], metrics)
    ]


def _shown(record: Record, metrics: Mapping[str, MetricSpec]) -> list[str]:
    """The metrics of the terminal's table that exist on both datasets."""
    own = record.transfer["trained_on"]["boxes"]["test"]
    boxed = bool(own and record.dataset["boxes"]["test"])
    names = [name for name in columns_of(metrics, "terminal") if boxed or metrics[name].needs == "labels"]
    return [name for name in names if name in record.transfer["own"]["metrics"]]


def _drop(of_target: Sequence[Record], spec: MetricSpec) -> Drop:
    own, own_ends = _mean([record.transfer["own"] for record in of_target], spec)
    there, ends = _mean([record.protocols["uniform"] for record in of_target], spec)
    drop = Drop(of_target[0].transfer["tested_on"], spec.name, own, there, None)
    if own is None or there is None or own_ends is None or ends is None:
        return drop
    return replace(drop, interval=drop_interval(own, own_ends, there, ends))


def _mean(of_seeds: Sequence[Mapping[str, Any]], spec: MetricSpec) -> tuple[float | None, Bounds | None]:
    """The mean over seeds and its interval, that of these networks. Of several seeds, only metrics that
    records keep draw by draw have one."""
    described = [of_seed["metrics"].get(spec.name, {}) for of_seed in of_seeds]
    values = [metric.get("value") for metric in described]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None, None
    mean = statistics.fmean(known)
    if len(of_seeds) == 1:
        ends = described[0].get("interval")
        return mean, (float(ends[0]), float(ends[1])) if ends else None
    if not all(spec.name in of_seed["draws"] for of_seed in of_seeds):
        return mean, None
    draws = np.array([of_seed["draws"][spec.name] for of_seed in of_seeds], dtype=np.float64).mean(axis=0)
    return mean, of_draws(mean, draws, bounded=spec.bounded, units=int(of_seeds[0]["units"]))
