"""Print how far a network that two processes train is from one that one process trains.

Beside it stands how far two trainings by one process are that differ in their number of threads: more than
rounding cannot be asked for. Usage: ``python benchmarks/together.py [METHOD] [NAME=VALUE ...]``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

DATA = ("-d", "phantom", "-D", "images=240", "-D", "size=96")
SMALL = ("resize=64", "crop=64", "epochs=1", "batch_size=200", "precision=32")


def trained(method: str, options: Sequence[str], devices: int, threads: int) -> Mapping[str, torch.Tensor]:
    """The optimiser's first moments after a training: a tenth of the gradient, if there was one step."""
    words = [word for option in options for word in ("-o", option)]
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "wsbench", "run", "-q", "-m", method, *DATA, *words]
        command += ["--no-references", "--devices", str(devices), "--runs", runs]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        (checkpoint,) = Path(runs).glob(f"phantom/{method}/*/fit/last.ckpt")
        state = torch.load(checkpoint, weights_only=True)["optimizer_states"][0]["state"]
    return {str(number): values["exp_avg"] for number, values in state.items()}


def main() -> None:
    """Train three times and print the relative difference of each layer."""
    method, *options = sys.argv[1:] or ["kd_teacher"]
    options = options or [*SMALL]
    one = trained(method, options, 1, 2)
    others = {"1 process, 1 thread": trained(method, options, 1, 1)}
    others["2 processes, 1 thread each"] = trained(method, options, 2, 1)
    print(f"{method}: difference from 1 process with 2 threads, relative, per layer")
    print("parameter", *others, sep="  ")
    for name, values in one.items():
        far = [float((values - other[name]).norm() / values.norm()) for other in others.values()]
        print(f"{name:>9}", *(f"{value:.1e}" for value in far), sep="  ")


if __name__ == "__main__":
    main()
