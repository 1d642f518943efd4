"""What every step of a run is handed: the plan, the dataset it is carried out on, and the plugins."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wsbench.contract import protocol
from wsbench.contract.base import Method
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import MetricSpec, that_exist
from wsbench.data.dataset import Loaded
from wsbench.files.locks import PATIENCE
from wsbench.runs.plan import Plan, blind_plans
from wsbench.runs.tracking.trackers import Trackers
from wsbench.utils.progress import Progress


@dataclass(frozen=True)
class Job:
    """One plan on one dataset.

    Attributes:
        plan: the method with its settings, seed, device and folder of runs.
        loaded: the dataset.
        plugins: those whose metrics score, whose methods this one may build on, and whose hooks are called.
        waits: whether to wait for another process that holds a folder, however long it works.
        after_epoch: called as ``after_epoch(folder, epoch, metrics)`` when an epoch of the method's own
            training has ended; ``folder`` is `RunContext.folder`. An exception that it raises ends the
            training, which goes on from there when it is started again.
        trackers: those that the user chose for the command.
        refill: whether files that were freed are made again, also where nothing needs them.
    """

    plan: Plan
    loaded: Loaded
    plugins: Plugins
    waits: bool = False
    after_epoch: Callable[[Path, int, Mapping[str, float]], None] | None = None
    trackers: Trackers = field(default_factory=Trackers, compare=False)
    refill: bool = False

    @property
    def progress(self) -> Progress:
        """Where long work is shown."""
        return self.loaded.progress

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.plan.folder(self.loaded)

    @property
    def patience(self) -> float:
        """How many seconds to wait for another process that holds the folder. Image-blind methods are run
        beside every other one, so commands meet at their folders, and their runs are short."""
        if self.waits:
            return math.inf
        return 0.0 if self.plan.spec.reads_image else PATIENCE

    def build(self) -> Method:
        """The method, not yet fitted."""
        return self.plan.build(self.loaded)

    def inputs(self) -> Mapping[str, Any]:
        """All that fitting depends on, as JSON values."""
        return self.plan.inputs(self.loaded, self.plugins)

    def with_plan(self, plan: Plan) -> Job:
        """Another plan on the same dataset."""
        return replace(self, plan=plan)

    def training(self) -> Job:
        """The job whose training this one predicts with; see `Plan.trained`."""
        return self.with_plan(self.plan.trained())

    def upstream(self) -> Mapping[str, Job]:
        """The jobs that fit the methods this one builds on, by the name of the requirement."""
        unwatched = replace(self, after_epoch=None)
        return {name: unwatched.with_plan(plan) for name, plan in self.plan.upstream(self.plugins).items()}

    def blind(self) -> list[Job]:
        """The jobs of image-blind methods that do the same for every seed, beside this one and without
        trackers: their boxes are scored with this job's class scores."""
        plans = blind_plans(
            self.plugins, self.loaded.spec, runs=self.plan.runs, calibrate_for=self.plan.calibrate_for
        )
        quiet = replace(self, plugins=self.plugins.without_trackers(), trackers=Trackers())
        return [quiet.with_plan(plan) for plan in plans if plan.spec.deterministic]

    def key(self) -> Mapping[str, Any]:
        """What two records must share to stand in one table."""
        return {
            "calibrated_for": self.plan.calibrate_for,
            "dataset": self.loaded.spec.name,
            "fingerprint": self.loaded.fingerprint,
            "protocol": protocol.PROTOCOL_VERSION,
            "metrics": self.metric_versions(),
        }

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """The metrics that exist for the dataset, by name."""
        loaded = self.loaded
        return that_exist(self.plugins.metrics, masks=loaded.has_masks, nuisances=loaded.has_nuisances)

    def metric_versions(self) -> Mapping[str, int]:
        """The version of every metric by name, in the order of names."""
        return {name: spec.version for name, spec in sorted(self.metrics.items())}
