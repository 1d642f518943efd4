"""The plugin hooks: all functions of plugins that wsbench calls.

pluggy reads the signatures and never calls these functions. Each raises an error because type checkers want
a body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from wsbench.contract.base import RunContext
    from wsbench.contract.kinds import DatasetKindSpec
    from wsbench.contract.records import Record
    from wsbench.contract.specs import CommandSpec, DatasetSpec, MethodSpec, MetricSpec
    from wsbench.contract.trackers import TrackerSpec

hookspec = pluggy.HookspecMarker("wsbench")
hookimpl = pluggy.HookimplMarker("wsbench")


@hookspec
def wsbench_datasets() -> list[DatasetSpec]:
    """The datasets that this plugin provides.

    It is called once, when plugins are found, and the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``load`` is called only for the dataset that is used.

    :return: one spec for each dataset.
    """
    raise NotImplementedError


@hookspec
def wsbench_dataset_kinds() -> list[DatasetKindSpec]:
    """The kinds of dataset that this plugin can read. An entry of datasets.yaml names one by ``kind:``.

    It is called once, when plugins are found, and the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``load`` is called only for the dataset that is used.

    :return: one spec for each kind.
    """
    raise NotImplementedError


@hookspec
def wsbench_methods() -> list[MethodSpec]:
    """The methods that this plugin provides.

    It is called once, when plugins are found, and the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``build`` is called only for the method that is used.

    :return: one spec for each method.
    """
    raise NotImplementedError


@hookspec
def wsbench_metrics() -> list[MetricSpec]:
    """The metrics that this plugin provides.

    It is called once, when plugins are found, and the lists of all plugins are joined. Every metric is
    computed for every run.

    :return: one spec for each metric.
    """
    raise NotImplementedError


@hookspec
def wsbench_commands() -> list[CommandSpec]:
    """The commands that this plugin adds to the command line.

    It is called once, when plugins are found, and the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``run`` is called only when a user runs its command.

    :return: one spec for each command.
    """
    raise NotImplementedError


@hookspec
def wsbench_trackers() -> list[TrackerSpec]:
    """The trackers that this plugin provides. Users choose them by ``wsbench run --track NAME``.

    It is called once, when plugins are found, and the lists of all plugins are joined. Import nothing heavy
    here: a spec's ``open`` is called only for a tracker that was chosen.

    :return: one spec for each tracker.
    """
    raise NotImplementedError


@hookspec
def wsbench_run_started(run: RunContext) -> None:
    """Called when a method starts to train, before its first epoch. It is for plugins that watch every
    run; return nothing.

    :param run: the run, with its folder, names, seed and device.
    """


@hookspec
def wsbench_epoch_ended(run: RunContext, epoch: int, metrics: Mapping[str, float]) -> None:
    """Called after every training epoch. It is for plugins that watch every
    run; return nothing.

    :param run: the run whose epoch ended.
    :param epoch: the number of the epoch, from 0.
    :param metrics: the values that the method logged in this epoch, by name.
    """


@hookspec
def wsbench_run_finished(record: Record) -> None:
    """Called when a run's record has been written. It is for plugins that watch every
    run; return nothing.

    :param record: the finished record.
    """
