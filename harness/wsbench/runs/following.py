"""What every process but the first does, where several train together: nothing but training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from wsbench.contract.base import Method, RunContext
from wsbench.errors import WsbenchError
from wsbench.runs.job import Job
from wsbench.runs.runner import context_of
from wsbench.utils.progress import Silent
from wsbench.utils.ranks import Ranks


def follow(jobs: Iterable[Job], ranks: Ranks) -> None:
    """Take part in every training that the first process begins, until it says that there is none left.

    The first process decides what is to be trained, and holds the locks. This one writes into a temporary
    folder only.

    Args:
        jobs: those that the first process executes.
        ranks: the place of this process.

    Raises:
        WsbenchError: the first process trains something else: it was started by another command.
    """
    from wsbench.torch import together

    trainings = _trainings(jobs)
    while (folder := together.told_by_the_first(None, ranks)) is not None:
        if folder not in trainings:
            raise WsbenchError(f"{folder} is no training of this command; start all processes by one command")
        _take_part(trainings[folder])


def dismiss(ranks: Ranks) -> None:
    """Say to the other processes that there is no training left."""
    from wsbench.torch import together

    together.told_by_the_first(None, ranks)


def _trainings(jobs: Iterable[Job]) -> dict[str, Job]:
    """All trainings of jobs and of what they build on, by the folder that the first process names."""
    result: dict[str, Job] = {}
    for job in jobs:
        training = job.training()
        result[str(training.folder / "fit")] = training
        result |= _trainings(training.upstream().values())
    return result


def _take_part(training: Job) -> None:
    from wsbench.torch.together import TrainedTogether

    views, roles = training.loaded.views, training.loaded.roles.members
    upstream = {name: _restored(required.training()) for name, required in training.upstream().items()}
    with tempfile.TemporaryDirectory() as folder:
        context = _silent(training, Path(folder), upstream)
        try:
            training.build().fit(views.weak(roles["fit"]), views.weak(roles["select"]), context)
        except TrainedTogether:
            return


def _restored(training: Job) -> Method:
    """A method that the first process has trained before."""
    method = training.build()
    method.restore(context_of(training))
    return method


def _silent(training: Job, folder: Path, upstream: Mapping[str, Method]) -> RunContext:
    """The context of a run that writes elsewhere, and tells nobody of its epochs."""
    context = replace(context_of(training), folder=folder, upstream=upstream, progress=Silent())
    return replace(context, epoch_ended=lambda epoch, metrics: None)
