"""Commands as tasks of Ray, on this machine or on a cluster that shares a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from wsbench.errors import WsbenchError, words_of
from wsbench.studies.sweeps.engines.base import Command, Ended, Engine

WAIT_SECONDS = 0.5
"""Seconds that Ray waits for the end of a task before commands are looked at again."""

NICENESS = "RAY_worker_niceness"
"""The environment variable of the priority of Ray's workers. Ray's own value, 15, makes a sweep slower than a
loop beside any other program."""


class RayEngine(Engine):
    """Tasks of Ray.

    Args:
        address: of a running cluster, or ``auto``; None starts Ray on this machine.
        jobs: the number of tasks at the same time; None leaves it to Ray.
        threads: the number of cores that a task takes.
        gpus: the share of a GPU that a task takes.

    Raises:
        WsbenchError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, address: str | None, jobs: int | None, threads: int, gpus: float) -> None:
        self._ray = _started(address, jobs, threads)
        if jobs is not None:
            self.at_once = jobs
        if gpus and not self._ray.cluster_resources().get("GPU"):
            gpus = 0
        self._task = self._ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(_carry_out)
        self._running: dict[Any, Command] = {}

    def start(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self._running[self._task.options(name=command.name).remote(command)] = command

    def ended(self) -> Iterable[Ended]:
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=WAIT_SECONDS)
        return [self._end_of(reference) for reference in ready]

    def close(self) -> None:
        self._running.clear()
        self._ray.shutdown()

    def _end_of(self, reference: Any) -> Ended:
        command = self._running.pop(reference)
        try:
            return Ended.of(command, self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            return Ended(command.name, f"lost by Ray: {words_of(str(error).partition('.')[0])}")


def _carry_out(command: Command) -> int:
    """The work of a task."""
    return command.carry_out()


def _started(address: str | None, jobs: int | None, threads: int) -> Any:
    try:
        import ray
    except ImportError:
        raise WsbenchError("--engine ray needs Ray: pip install 'wsbench[ray]'") from None
    os.environ.setdefault(NICENESS, "0")
    cores: dict[str, Any] = {} if address is not None or jobs is None else {"num_cpus": jobs * threads}
    try:
        ray.init(
            address=address, include_dashboard=False, log_to_driver=False, configure_logging=False, **cores
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise WsbenchError(f"--address {address}: Ray does not answer: {words_of(error)}") from None
    return ray
