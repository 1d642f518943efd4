"""Commands as one array of jobs of SLURM, submitted by submitit."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wsbench.errors import WsbenchError, words_of
from wsbench.files.writing import read_json, write_json
from wsbench.studies.sweeps.engines.base import Command, Ended, Engine

POLL_SECONDS = {"slurm": 10.0, "local": 0.3}
"""Seconds between two looks at jobs, by cluster. Every look asks SLURM's database."""

SUBMITTED = "submitted.json"
"""In the sweep's folder: the number of the job of each command that has not ended."""


class SlurmEngine(Engine):
    """One array of jobs. They stay when this process ends; the next one waits for those that still run.

    Jobs of cluster ``local`` are handed over one by one, because nothing limits how many of them run.

    Args:
        cluster: ``slurm``, or ``local`` for processes of this machine that are handled as jobs are.
        folder: of the sweep. Scripts and logs of submitit lie in ``jobs`` in it. All machines must see it.
        jobs: how many jobs run at the same time; None: as many as SLURM lets, or as there are cores.
        threads: the number of cores of a job.
        gpus: the number of GPUs of a job.
        options: further parameters of SLURM, by their names in ``sbatch``; ``time`` must be among them.

    Raises:
        WsbenchError: submitit or SLURM is not installed, or an option is missing or not valid.
    """

    def __init__(
        self,
        cluster: str,
        folder: Path,
        *,
        jobs: int | None,
        threads: int,
        gpus: int,
        options: Mapping[str, str],
    ) -> None:
        self._cluster, self._file = cluster, folder / SUBMITTED
        self.orders = cluster == "slurm"
        if not self.orders:
            self.at_once = jobs or max(1, (os.cpu_count() or 1) // threads)
        self._folder = folder / "jobs"
        parameters = _parameters(cluster, jobs, threads, gpus, options)
        self._executor = _executor(cluster, self._folder)
        self._executor.update_parameters(**parameters)
        self._running: dict[str, tuple[Command, Any]] = {}

    def start(self, commands: Sequence[Command]) -> None:
        before = self._left()
        again = {command.name: before[command.name] for command in commands if command.name in before}
        for command in commands:
            if command.name in again:
                self._running[command.name] = command, again[command.name]
        new = [command for command in commands if command.name not in again]
        if new:
            try:
                jobs = self._executor.map_array(_carry_out, new)
            except (OSError, RuntimeError) as error:
                raise WsbenchError(f"SLURM refuses the array: {words_of(error)}") from None
            self._running |= {command.name: (command, job) for command, job in zip(new, jobs, strict=True)}
        self._note()

    def ended(self) -> Iterable[Ended]:
        result = []
        for name, (command, job) in list(self._running.items()):
            if job.done():
                del self._running[name]
                result.append(_end_of(command, job))
        if result:
            self._note()
        else:
            time.sleep(POLL_SECONDS[self._cluster])
        return result

    def close(self) -> None:
        """Leave jobs of SLURM where they are; end the processes of this machine."""
        if self._cluster == "local":
            for _, job in self._running.values():
                job.cancel(check=False)
        self._running.clear()

    def _note(self) -> None:
        numbers = {name: str(job.job_id) for name, (_, job) in self._running.items()}
        write_json(self._file, {"cluster": self._cluster, "jobs": numbers})

    def _left(self) -> dict[str, Any]:
        """The jobs of commands that an earlier process has submitted, where they have not ended."""
        if self._cluster != "slurm":
            return {}
        import submitit

        try:
            values = read_json(self._file)
            numbers = dict(values["jobs"]) if values["cluster"] == self._cluster else {}
        except (OSError, json.JSONDecodeError, KeyError, TypeError, ValueError):
            return {}
        jobs: dict[str, Any] = {
            name: submitit.SlurmJob(self._folder, str(number)) for name, number in numbers.items()
        }
        return {name: job for name, job in jobs.items() if not job.done()}


def _carry_out(command: Command) -> int:
    """The work of a job."""
    return command.carry_out()


def _executor(cluster: str, folder: Path) -> Any:
    try:
        import submitit
    except ImportError:
        raise WsbenchError("--engine slurm needs submitit: pip install 'wsbench[slurm]'") from None
    try:
        return submitit.AutoExecutor(folder=folder, cluster=cluster)
    except RuntimeError as error:
        raise WsbenchError(f"--engine slurm: {words_of(error)}; is sbatch installed here?") from None


def _parameters(
    cluster: str, jobs: int | None, threads: int, gpus: int, options: Mapping[str, str]
) -> dict[str, Any]:
    """What submitit is told of every job."""
    if "time" not in options:
        # submitit's own limit is 5 minutes, and SLURM kills a job that reaches it.
        raise WsbenchError("--engine slurm: say how long a cell may take, in minutes: -E time=240")
    further = {name: value for name, value in options.items() if name != "time"}
    try:
        minutes = int(options["time"])
    except ValueError:
        raise WsbenchError(f"-E time={options['time']}: must be a whole number of minutes") from None
    parameters: dict[str, Any] = {"timeout_min": minutes, "cpus_per_task": threads, "name": "wsbench"}
    if gpus:
        parameters["gpus_per_node"] = gpus
    if cluster == "slurm":
        parameters["slurm_additional_parameters"] = further
        if jobs is not None:
            parameters["slurm_array_parallelism"] = jobs
    return parameters


def _end_of(command: Command, job: Any) -> Ended:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        return Ended.of(command, job.result())
    except (FailedJobError, UncompletedJobError):
        return Ended(command.name, f"job {job.job_id} ended as {job.state}; see {job.paths.stderr}")
