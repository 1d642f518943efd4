"""The plugin contract: every hook that wsbench calls, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from wsbench.contract.base import RunContext
    from wsbench.contract.kinds import DatasetKindSpec
    from wsbench.contract.records import Record
    from wsbench.contract.specs import CommandSpec, DatasetSpec, MethodSpec, MetricSpec

hookspec = pluggy.HookspecMarker("wsbench")
hookimpl = pluggy.HookimplMarker("wsbench")


@hookspec
def wsbench_datasets() -> list[DatasetSpec]:
    """The datasets this plugin provides.

    Called once when plugins are found; the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``load`` is called only for the dataset that is used.
    """
    raise NotImplementedError


@hookspec
def wsbench_dataset_kinds() -> list[DatasetKindSpec]:
    """The kinds of datasets that this plugin reads: an entry of datasets.yaml names one by ``kind:``.

    Called once when plugins are found; the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``load`` is called only for the dataset that is used.
    """
    raise NotImplementedError


@hookspec
def wsbench_methods() -> list[MethodSpec]:
    """The methods this plugin provides.

    Called once when plugins are found; the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``build`` is called only for the method that is used.
    """
    raise NotImplementedError


@hookspec
def wsbench_metrics() -> list[MetricSpec]:
    """The metrics this plugin provides.

    Called once when plugins are found; the lists of all plugins are joined, and every metric is
    computed for every run.
    """
    raise NotImplementedError


@hookspec
def wsbench_commands() -> list[CommandSpec]:
    """The commands this plugin adds to the command line.

    Called once when plugins are found; the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``run`` is called only when its command is typed.
    """
    raise NotImplementedError


@hookspec
def wsbench_run_started(run: RunContext) -> None:
    """Called when a method starts to train, before its first epoch. For trackers; return nothing.

    :param run: what the method is given: its folder, names, seed and device.
    """


@hookspec
def wsbench_epoch_ended(run: RunContext, epoch: int, metrics: Mapping[str, float]) -> None:
    """Called after every training epoch. For trackers; return nothing.

    :param run: the run whose epoch ended.
    :param epoch: its number, from 0.
    :param metrics: what the method logged in it, by name.
    """


@hookspec
def wsbench_run_finished(record: Record) -> None:
    """Called when a run's record is on disk. For trackers; return nothing.

    :param record: the finished record.
    """
