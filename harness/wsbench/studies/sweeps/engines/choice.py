"""Which engine a sweep uses, by its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wsbench.errors import WsbenchError, choose
from wsbench.studies.sweeps.engines.base import Engine
from wsbench.studies.sweeps.form import SweepForm


@dataclass(frozen=True)
class EngineChoice:
    """What starts the commands of a sweep.

    Attributes:
        name: a key of `ENGINES`.
        jobs: how many commands at the same time; None: as many as fit.
        address: of a running Ray cluster.
        options: parameters of SLURM.
        cells_per_gpu: how many commands share a GPU.
    """

    name: str = "local"
    jobs: int | None = None
    address: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    cells_per_gpu: int = 1

    def engine(self, form: SweepForm, folder: Path) -> Engine:
        """The engine.

        Args:
            form: the sweep.
            folder: of the sweep.

        Raises:
            WsbenchError: the name is unknown, an option belongs to another engine, or the engine cannot be
                used.
        """
        make = choose(self.name, ENGINES, "engine")
        if self.address is not None and make is not _ray:
            raise WsbenchError(f"--address is Ray's; give --engine ray, not {self.name}")
        if self.options and make is not _slurm and make is not _submitit:
            raise WsbenchError(f"-E is SLURM's; give --engine slurm, not {self.name}")
        return make(self, form, folder)


def _local(choice: EngineChoice, form: SweepForm, folder: Path) -> Engine:
    from wsbench.studies.sweeps.engines.local import LocalEngine, visible_gpus

    gpus = [] if form.device == "cpu" else visible_gpus()
    room = len(gpus) * choice.cells_per_gpu or max(1, (os.cpu_count() or 1) // form.threads)
    return LocalEngine(choice.jobs or room, gpus)


def _ray(choice: EngineChoice, form: SweepForm, folder: Path) -> Engine:
    from wsbench.studies.sweeps.engines.ray_tasks import RayEngine

    gpus = 0 if form.device == "cpu" else 1 / choice.cells_per_gpu
    return RayEngine(choice.address, choice.jobs, form.threads, gpus)


def _slurm(choice: EngineChoice, form: SweepForm, folder: Path, cluster: str = "slurm") -> Engine:
    from wsbench.studies.sweeps.engines.slurm import SlurmEngine

    if choice.cells_per_gpu > 1:
        raise WsbenchError(
            "--cells-per-gpu: SLURM gives a job whole GPUs; use --engine ray, or local in a job"
        )
    gpus = 1 if form.device.startswith("cuda") else 0
    return SlurmEngine(
        cluster, folder, jobs=choice.jobs, threads=form.threads, gpus=gpus, options=choice.options
    )


def _submitit(choice: EngineChoice, form: SweepForm, folder: Path) -> Engine:
    return _slurm(choice, form, folder, "local")


ENGINES: Mapping[str, Callable[[EngineChoice, SweepForm, Path], Engine]] = {
    "local": _local,
    "ray": _ray,
    "slurm": _slurm,
    "submitit": _submitit,
}
"""By name, what makes an engine. ``submitit`` handles processes of this machine as jobs of SLURM."""
