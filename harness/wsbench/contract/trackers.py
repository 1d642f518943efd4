"""Trackers: what they are told of a run, the base class, and the spec that a plugin provides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.settings import Settings
from wsbench.utils.names import require_name

if TYPE_CHECKING:
    from wsbench.contract.records import Record


@dataclass(frozen=True)
class TrackedRun:
    """One run, as a tracker is told of it when it starts. All values are JSON values.

    Attributes:
        name: a name that no other run in the folder of runs has, such as
            ``phantom/kd_teacher/seed0-1a2b3c4d``.
        method, preset: the method.
        settings: all its settings by name.
        dataset: the name of the dataset that is tested.
        dataset_settings: all settings of the dataset by name.
        fingerprint: hash of the dataset's samples and roles.
        seed: the base seed.
        device: what ``--device`` says.
        training: key of the training: it changes where method, settings, data, seed or code do.
        folder: folder of the run.
        runs: folder of all runs. Files of a tracker lie in it unless its settings say otherwise.
        previous: the `Tracker.id` of an earlier attempt of this run, to be continued; empty for a new run.
    """

    name: str
    method: str
    preset: str
    settings: Mapping[str, Any]
    dataset: str
    dataset_settings: Mapping[str, Any]
    fingerprint: str
    seed: int
    device: str
    training: str
    folder: Path
    runs: Path
    previous: str = ""

    def continuing(self, previous: str) -> TrackedRun:
        """The same run, with the `Tracker.id` of an earlier attempt."""
        return replace(self, previous=previous)

    def parameters(self) -> dict[str, Any]:
        """All of it that a table of runs shows, by flat names such as ``settings.epochs``."""
        named = {
            name: getattr(self, name)
            for name in ("method", "preset", "dataset", "seed", "device", "fingerprint", "training")
        }
        return {
            **named,
            **_flat("settings", self.settings),
            **_flat("dataset_settings", self.dataset_settings),
        }


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in values.items():
        full = f"{prefix}.{name}"
        result.update(_flat(full, value) if isinstance(value, Mapping) else {full: value})
    return result


class Tracker:
    """Base class of trackers, which write down what happens in one run. Each event does nothing by default.

    All functions of a tracker are called in one thread of its own, one after another. If one raises an error
    or does not return in time, wsbench prints a warning, leaves the tracker out of the rest of the command,
    and calls `close`. The same command catches up later: of a resumed or a finished run, an event that the
    tracker has not had is sent when the command is typed again, and none that it had is sent twice.

    Args:
        id: the tracker's own name of the run. It is kept in the run's folder, and handed to the next attempt
            as `TrackedRun.previous`. Where it differs from ``previous``, everything is sent from the start.
    """

    def __init__(self, id: str) -> None:
        self.id = id

    def epoch_ended(self, epoch: int, values: Mapping[str, float]) -> None:
        """An epoch of the training has ended.

        Args:
            epoch: its number, from 0.
            values: what the method logged, and ``seconds`` where the time is known. Values may be NaN.
        """

    def stage_finished(self, stage: str, seconds: float) -> None:
        """A stage has been finished.

        Args:
            stage: ``fit``, ``predict``, ``score`` or ``measure``.
            seconds: how long it took; of a resumed stage, since it was resumed.
        """

    def run_finished(self, record: Record, numbers: Mapping[str, float]) -> None:
        """The run has a record.

        Args:
            record: the record, a copy.
            numbers: its metrics, the ends of their 95 % intervals, and its thresholds, by names such as
                ``uniform/auc``, ``uniform/auc/low``, ``uniform/auc/high``, ``uniform/auc/tb`` (a class) and
                ``uniform/threshold/tb``. Metrics that do not exist are left out.
        """

    def run_failed(self, reason: str) -> None:
        """The run was stopped or has failed, and may be resumed later.

        Args:
            reason: why, in one line.
        """

    def close(self) -> None:
        """Release files and connections. Called last, whatever happened before."""


@dataclass(frozen=True)
class TrackerSpec:
    """A tracker as users choose it by ``wsbench run --track NAME``, and how to open it.

    Attributes:
        name: the name that users type after ``--track``.
        summary: one line for lists.
        settings: the settings model, which ``--track NAME:setting=value`` fills.
        open: called as ``open(settings, run)`` with a `TrackedRun`, returns the `Tracker` of this run. Import
            heavy libraries inside it.
        packages: names of the modules that it imports and that may be missing. Where one is, ``--track`` is
            refused before anything runs.
        install: the command that installs them, for the message.

    Raises:
        WsbenchError: the name is not valid.
    """

    name: str
    summary: str
    settings: type[Settings]
    open: Callable[[Any, TrackedRun], Tracker]
    packages: tuple[str, ...] = ()
    install: str = ""

    def __post_init__(self) -> None:
        require_name(self.name, "a tracker")
