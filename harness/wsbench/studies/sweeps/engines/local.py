"""Commands as processes of this machine."""

from __future__ import annotations

import os
import subprocess  # nosec B404 # for the type of processes
import time
from collections.abc import Iterable, Sequence

from wsbench.studies.sweeps.engines.base import POLL_SECONDS, Command, Ended, Engine, end_all

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The environment variable that says which GPUs a process sees."""


class LocalEngine(Engine):
    """Processes of this machine, at most ``jobs`` at the same time.

    Args:
        jobs: the number of processes.
        gpus: the GPUs, in the words of ``CUDA_VISIBLE_DEVICES``. Each process sees one of them: that which
            fewest others see. None: processes see what this one does.
    """

    def __init__(self, jobs: int, gpus: Sequence[str] = ()) -> None:
        self.at_once = jobs
        self._gpus = tuple(gpus)
        self._running: dict[str, tuple[Command, subprocess.Popen[bytes], str]] = {}

    def start(self, commands: Sequence[Command]) -> None:
        for command in commands:
            gpu = self._free_gpu()
            process = command.start({VISIBLE: gpu} if gpu else {})
            self._running[command.name] = command, process, gpu

    def ended(self) -> Iterable[Ended]:
        result = []
        for name, (command, process, _) in list(self._running.items()):
            if (code := process.poll()) is not None:
                del self._running[name]
                result.append(Ended.of(command, code))
        if not result:
            time.sleep(POLL_SECONDS)
        return result

    def close(self) -> None:
        end_all(process for _, process, _ in self._running.values())
        self._running.clear()

    def _free_gpu(self) -> str:
        """The GPU that fewest processes see; empty where none is given."""
        used = [gpu for _, _, gpu in self._running.values()]
        return min(self._gpus, key=used.count, default="")


def visible_gpus() -> list[str]:
    """The GPUs that this process sees, in the words of ``CUDA_VISIBLE_DEVICES``."""
    import torch

    if words := os.environ.get(VISIBLE):
        return [word.strip() for word in words.split(",") if word.strip()]
    return [str(number) for number in range(torch.cuda.device_count())]
