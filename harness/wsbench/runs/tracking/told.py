"""What trackers are told: runs as `TrackedRun`, rows of a history, and the numbers of a record."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.contract.records import Record
from wsbench.contract.trackers import TrackedRun
from wsbench.runs.stages import stage_key
from wsbench.settings import HISTORY
from wsbench.utils.hashing import key_of

if TYPE_CHECKING:
    from wsbench.runs.job import Job


def run_of(job: Job) -> TrackedRun:
    """A job as trackers are told of it."""
    plan, loaded = job.plan, job.loaded
    return TrackedRun(
        name=_name(job.folder, plan.runs),
        method=plan.spec.name,
        preset=plan.preset,
        settings=plan.settings.model_dump(mode="json"),
        dataset=loaded.spec.name,
        dataset_settings=loaded.settings.model_dump(mode="json"),
        fingerprint=loaded.fingerprint,
        seed=plan.seed,
        device=plan.device,
        training=stage_key(job.training().inputs()),
        folder=job.folder,
        runs=plan.runs,
    )


def run_of_record(record: Record, job: Job) -> TrackedRun:
    """A record that runs were summed up or scored again to, as trackers are told of it."""
    assert record.folder is not None
    return TrackedRun(
        name=_name(record.folder, job.plan.runs),
        method=record.method["name"],
        preset=record.method["preset"],
        settings=record.method["settings"],
        dataset=record.dataset["name"],
        dataset_settings=record.dataset["settings"],
        fingerprint=record.dataset["fingerprint"],
        seed=record.seed,
        device=job.plan.device,
        training=record.training,
        folder=record.folder,
        runs=job.plan.runs,
    )


def _name(folder: Path, runs: Path) -> str:
    return folder.relative_to(runs).as_posix()


def history_of(folder: Path) -> dict[int, dict[str, float]]:
    """What `wsbench.torch.train` noted of the epochs of a training, by their numbers.

    Args:
        folder: folder of the stage ``fit``.

    Returns:
        The values of every epoch by name; nothing for a method that trains in another way.
    """
    path = folder / HISTORY
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return dict(_epoch_of(row) for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return {}  # the file was changed by hand, which costs a curve and no run


def _epoch_of(row: dict[str, str]) -> tuple[int, dict[str, float]]:
    return int(row.pop("epoch")), {name: float(cell or math.nan) for name, cell in row.items()}


def numbers_of(record: Record) -> dict[str, float]:
    """The metrics of a record, the ends of their intervals, and its thresholds, by flat names."""
    numbers: dict[str, float] = {}
    for protocol, result in record.protocols.items():
        for name, metric in result["metrics"].items():
            numbers.update(_numbers_of_metric(f"{protocol}/{name}", metric))
        numbers.update(_thresholds(protocol, result["calibration"]))
    return numbers


def _numbers_of_metric(name: str, metric: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    if metric["value"] is not None:
        yield name, metric["value"]
    if metric.get("interval"):
        low, high = metric["interval"]
        yield f"{name}/low", low
        yield f"{name}/high", high
    for of_class, value in metric.get("per_class", {}).items():
        if value is not None:
            yield f"{name}/{of_class}", value


def _thresholds(protocol: str, calibration: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for of_class, point in calibration.get("operating_points", {}).items():
        yield f"{protocol}/operating_point/{of_class}", point
    boxes = calibration.get("boxes")
    for of_class, rule in boxes.items() if isinstance(boxes, Mapping) else ():
        threshold = rule.get("threshold") if isinstance(rule, Mapping) else None
        if isinstance(threshold, int | float):
            yield f"{protocol}/threshold/{of_class}", threshold


def hash_of(record: Record) -> str:
    """A hash of what trackers are told of a record."""
    return key_of([record.training, sorted(numbers_of(record).items())])
