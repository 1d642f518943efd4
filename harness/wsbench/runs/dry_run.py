"""What a method costs, without a finished run: trained for one short epoch, measured, thrown away."""

from __future__ import annotations

import math
import multiprocessing
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wsbench.contract.plugins import Plugins, find
from wsbench.data.dataset import Loaded
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.runs.job import Job
from wsbench.runs.plan import Plan, load_dataset, make_plan
from wsbench.settings import AnySettings, Settings, TrainingSettings
from wsbench.utils.progress import choose_progress
from wsbench.utils.signals import left_to_this_process
from wsbench.utils.workers import serve

BATCHES = 2
FEWEST = 80
"""Images that a trial takes, where the dataset has them; fewer would leave roles without a label."""


@dataclass(frozen=True)
class Conditions:
    """What several trials share, in words, so that another process can begin with them.

    Attributes:
        dataset, data_options, root: whose images are seen.
        device: a ``--device`` word.
        plugin_files: further Python files to find plugins in.
        quiet: show no progress.
    """

    dataset: str
    data_options: Mapping[str, Any] = field(default_factory=dict)
    root: Path | None = None
    device: str = "auto"
    plugin_files: tuple[Path, ...] = ()
    quiet: bool = False


@dataclass(frozen=True)
class Trial:
    """A method to measure, in words.

    Attributes:
        method, options: as on the command line.
        preset: None is the method's first.
        conditions: what it shares with others.
    """

    method: str
    options: Mapping[str, Any]
    preset: str | None
    conditions: Conditions

    def plan(self, plugins: Plugins, runs: Path) -> Plan:
        """The method with its settings, not yet shortened.

        Raises:
            WsbenchError: an unknown method, preset or option, or a value out of bounds.
        """
        spec, dataset = plugins.method(self.method), plugins.dataset(self.conditions.dataset)
        preset, device = self.preset or next(iter(spec.presets)), self.conditions.device
        return make_plan(spec, preset, self.options, dataset=dataset, seed=0, device=device, runs=runs)


def measure(trial: Trial) -> Mapping[str, Any]:
    """What a method costs, as in `Record.efficiency`, with a training of one epoch of about two batches.

    It is measured in a process of its own, so that nothing that was measured before is in its memory.

    Raises:
        WsbenchError: a mistake that the user can fix, or the process was killed.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=serve, initargs=(os.getpid(),)) as process:
        try:
            with left_to_this_process():
                work = process.submit(_measured, trial)
            return work.result()
        except BrokenProcessPool:
            raise WsbenchError(
                f"{trial.method}: the process that measured it was killed: most likely memory ran out; "
                "give -o batch_size=... a smaller number"
            ) from None


def default_dataset(plugins: Plugins) -> str:
    """A dataset that needs no files.

    Raises:
        WsbenchError: there is none.
    """
    computed = sorted(name for name, spec in plugins.datasets.items() if spec.computed)
    if not computed:
        raise WsbenchError("no dataset is computed; say with --dataset on whose images to measure")
    return computed[0]


def short(settings: AnySettings) -> AnySettings:
    """The same settings with one epoch, also of settings inside settings."""
    changed: dict[str, Any] = {name: short(value) for name, value in settings if isinstance(value, Settings)}
    if isinstance(settings, TrainingSettings):
        changed["epochs"] = 1
    return settings.model_copy(update=changed)


def few(loaded: Loaded, settings: Settings) -> Loaded:
    """As many images, evenly picked in the order of their names, as make two batches of the fit role."""
    batch = settings.batch_size if isinstance(settings, TrainingSettings) else 0
    share = len(loaded.roles.members["fit"]) / len(loaded.samples)
    count = min(len(loaded.samples), max(FEWEST, math.ceil(BATCHES * batch / share)))
    rows = [row * len(loaded.samples) // count for row in range(count)]
    return replace(loaded, samples=tuple(loaded.samples[row] for row in rows))


def _measured(trial: Trial) -> Mapping[str, Any]:
    # Imported here, in the other process: the command that starts it stays light.
    from joblib.externals.loky import get_reusable_executor

    from wsbench.runs.runner import measured

    conditions = trial.conditions
    plugins = with_own_datasets(find(conditions.plugin_files))
    progress = choose_progress(quiet=conditions.quiet)
    with tempfile.TemporaryDirectory() as runs:
        plan = trial.plan(plugins, Path(runs))
        loaded = load_dataset(
            plugins, conditions.dataset, conditions.data_options, progress, root=conditions.root
        )
        shortened = replace(plan, settings=short(plan.settings))
        try:
            return measured(Job(shortened, few(loaded, plan.settings), plugins))
        finally:
            # Else this process would end only when joblib's idle workers do, minutes later.
            get_reusable_executor().shutdown(wait=True)
