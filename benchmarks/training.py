"""What training by `wsbench.torch.train` costs beside a bare PyTorch loop: ``python benchmarks/training.py``.

Both loops train the same network on the same images with the same loss, optimiser, augmentation and
validation. The bare loop has no checkpoints, no history, no progress, no resumption and no randomness by
image. Images are read before either is timed. Both take turns, each in a process of its own, forked from one
that has loaded everything. Processor time is compared, since it depends less on what else the machine does,
and the median ratio of the rounds is printed.

With ``--returned``, the bare loop is also timed as the C library comes: memory goes back to the system when
it is freed. Give ``--peer PYTHON``, an interpreter that can import mednet, to train mednet's ``pasa`` on as
many images of the saliency CNN's size.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from wsbench.settings import parse_options
from wsbench.utils.threads import use_threads

use_threads(1)  # before torch is imported: processes are forked

import torch  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

import wsbench  # noqa: E402
from wsbench.contract.plugins import Plugins, find  # noqa: E402
from wsbench.runs import runner  # noqa: E402
from wsbench.runs.job import Job  # noqa: E402
from wsbench.runs.plan import load_dataset, make_plan  # noqa: E402
from wsbench.utils import allocator  # noqa: E402
from wsbench.utils.progress import Silent  # noqa: E402

METHODS = {
    "kd_teacher": "phantom",
    "kd_student": "phantom",
    "saliency_cnn": "phantom",
    "cam": "phantom",
    "gradcam_vgg16": "phantom",
    "tbva_gan": "phantom",
    "clarity_teacher": "phantom14",
    "clarity": "phantom14",
}
"""Methods with the datasets they are trained on. What one builds on is trained first, and not timed."""

WSBENCH, BARE, RETURNED = "wsbench", "bare", "bare, memory returned"
"""The loops: the last one under the C library's own rule of what becomes of freed memory."""

PEER = """
import json, resource, sys
import torch
from mednet.models.classify.pasa import Pasa
torch.set_num_threads(1)
images, held_out, size, batch, epochs = (int(word) for word in sys.argv[1:])
torch.manual_seed(0)
pixels, labels = torch.rand(images, 1, size, size), torch.randint(0, 2, (images, 1)).float()
network = Pasa(num_classes=1)
network.normalizer = lambda images: (images - 0.5) / 0.25
optimiser = torch.optim.Adam(network.parameters(), lr=8e-5)
def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
def epoch():
    network.train()
    for rows in torch.randperm(images).split(batch):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(pixels[rows]), labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        for _ in torch.arange(held_out).split(batch):
            network(pixels[: len(_)])
started = cpu()
for _ in range(epochs):
    epoch()
print(json.dumps(cpu() - started))
"""
"""A bare loop around the peer's network, with images in memory that are not augmented. The peer does more."""


class Rows(Dataset[Any]):
    """Images by row alone, of a dataset whose keys are (epoch, row)."""

    def __init__(self, images: Any) -> None:
        self._images = images
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> Any:
        return self._images[self.epoch, row]


def bare(module: Any, fit: Any, select: Any, run: Any, settings: Any, **_: Any) -> None:
    """Train as `wsbench.torch.train` does, by a loop that does nothing else."""
    loaders = [
        DataLoader(Rows(loader.dataset), settings.batch_size, shuffle=shuffle)
        for loader, shuffle in ((fit, True), (select, False))
    ]
    optimisers, schedule = prepared(module, len(loaders[0]) * settings.epochs)
    automatic = module.automatic_optimization
    device = torch.device("cpu")
    module.on_fit_start()
    for epoch in range(settings.epochs):
        module.train()
        loaders[0].dataset.epoch = epoch
        module.on_train_epoch_start()
        for index, batch in enumerate(loaders[0]):
            with wsbench.torch.autocast(settings, device):
                loss = module.training_step(batch, index)
            if automatic:
                optimisers[0].zero_grad()
                loss.backward()
                optimisers[0].step()
            if schedule is not None:
                schedule.step()
        module.eval()
        module.on_validation_epoch_start()
        with torch.no_grad(), wsbench.torch.autocast(settings, device):
            for index, batch in enumerate(loaders[1]):
                module.validation_step(batch, index)
            module.on_validation_epoch_end()
        module.on_train_epoch_end()
    torch.save({"state_dict": module.state_dict()}, run.folder / "best.ckpt")


def prepared(module: Any, steps: int) -> tuple[Sequence[Any], Any]:
    """The optimisers of a Lightning module, and its schedule by steps, without Lightning around it."""
    module._trainer = SimpleNamespace(estimated_stepping_batches=steps)
    module.log = module.log_dict = lambda *_, **__: None
    made = module.configure_optimizers()
    if isinstance(made, Mapping):
        return [made["optimizer"]], made["lr_scheduler"]["scheduler"]
    optimisers, schedules = made if isinstance(made, tuple) else ([made], [])
    module.optimizers = lambda: optimisers
    module.lr_schedulers = lambda: schedules
    module.manual_backward = lambda loss: loss.backward()
    return optimisers, None


@dataclass
class Clock:
    """Adds up the processor time of a training loop."""

    train: Callable[..., None]
    seconds: float = 0.0

    def __call__(self, *arguments: Any, **named: Any) -> None:
        started = processor_seconds()
        self.train(*arguments, **named)
        self.seconds += processor_seconds() - started


def processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(job: Job, loop: str) -> float:
    """Train a method by a loop, and return the loop's processor time."""
    if loop == RETURNED:
        os.environ[allocator.VARIABLE] = "0"
    allocator.keep_freed_memory()
    clock = Clock(wsbench.torch.train if loop == WSBENCH else bare)
    wsbench.torch.train = clock
    if loop != WSBENCH:  # images draw from the global generator, as a bare loop's do
        torch.random.fork_rng = lambda **_: contextlib.nullcontext()
        torch.default_generator = SimpleNamespace(manual_seed=lambda seed: None)
    views, roles = job.loaded.views, job.loaded.roles.members
    upstream = {name: runner.fitted(required) for name, required in job.training().upstream().items()}
    with tempfile.TemporaryDirectory() as folder:
        context = replace(runner.context_of(job.training()), folder=Path(folder), upstream=upstream)
        job.training().build().fit(views.weak(roles["fit"]), views.weak(roles["select"]), context)
    return clock.seconds


def in_a_fork(work: Callable[[], float]) -> float:
    """Call a function in a copy of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(work()).encode())
        except Exception:
            traceback.print_exc()  # nothing above a child of a fork does
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    if not text:
        raise SystemExit("a training failed; its error stands above")
    return float(json.loads(text))


def job_of(method: str, given: argparse.Namespace, plugins: Plugins) -> Job:
    """A method on images of its dataset, with what it builds on trained."""
    dataset = METHODS[method]
    loaded = load_dataset(plugins, dataset, {"images": given.images}, Silent())
    spec = plugins.method(method)
    options = {"epochs": given.epochs, **parse_options(given.option)}
    plan = make_plan(
        spec, given.preset, options, dataset=plugins.dataset(dataset), seed=0, device="cpu", runs=given.runs
    )
    return Job(plan, loaded, plugins)


def compare(method: str, given: argparse.Namespace, plugins: Plugins) -> None:
    """Print the ratios of a method's loops."""
    job = job_of(method, given, plugins)
    in_a_fork(lambda: timed(job, BARE))  # trains what it builds on, and caches images
    loops = [WSBENCH, BARE, *([RETURNED] if given.returned else [])]
    rounds = [
        {loop: in_a_fork(lambda loop=loop: timed(job, loop)) for loop in loops} for _ in range(given.rounds)
    ]
    medians = {loop: statistics.median(times[loop] for times in rounds) / given.epochs for loop in loops}
    cells = [f"{method:16} wsbench {medians[WSBENCH]:6.2f} s an epoch"]
    for loop in loops[1:]:
        ratio = statistics.median(times[WSBENCH] / times[loop] for times in rounds)
        cells.append(f"{loop} {medians[loop]:6.2f} s, ratio {ratio:.2f}")
    print("; ".join(cells), flush=True)


def of_the_peer(given: argparse.Namespace) -> None:
    """Print the processor time of an epoch of the peer's network."""
    job = job_of("saliency_cnn", given, find())
    settings, roles = job.plan.settings, job.loaded.roles.members
    counts = [len(roles["fit"]), len(roles["select"])]
    words = [*counts, settings.image_size, settings.batch_size, given.epochs]
    command = [given.peer, "-c", PEER, *map(str, words)]
    times = [json.loads(subprocess.check_output(command)) / given.epochs for _ in range(given.rounds)]
    print(f"mednet's pasa, images in memory: {statistics.median(times):.2f} s an epoch")


def main() -> None:
    """Compare the loops of the named methods."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("methods", nargs="*", default=list(METHODS))
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--returned", action="store_true")
    parser.add_argument("--peer", help="an interpreter that can import mednet")
    parser.add_argument("--runs", type=Path, default=Path(tempfile.gettempdir()) / "wsbench-training")
    parser.add_argument("-o", "--option", action="append", default=[], help="a setting of the methods")
    given = parser.parse_args()
    for name in ("lightning.pytorch", "captum.attr", "timm", "torchvision.transforms.v2", "pandas"):
        __import__(name)
    _ = wsbench.torch.train
    plugins, started = find(), time.monotonic()
    for method in given.methods:
        compare(method, given, plugins)
    if given.peer:
        of_the_peer(given)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
