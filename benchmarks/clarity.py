"""What CLARiTY's networks of paper size cost: ``python benchmarks/clarity.py``.

Every case runs in a process of its own, so that its peak memory is its own. The GPU's lines are printed where
there is one.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable

import torch

from wsbench_plugins.methods.clarity import ClaritySettings, TeacherSettings, _teacher, _training
from wsbench_plugins.methods.clarity._losses import weighted_cross_entropy
from wsbench_plugins.methods.clarity._objective import Targets, loss

CLASSES = 14
ROUNDS = 3


def student(size: int, batch: int, device: str) -> tuple[torch.nn.Module, Callable, Callable]:
    """CLARiTY, its answer, and the loss of equation (18) with random targets."""
    settings = ClaritySettings(image_size=size, weights="random")
    network = _training.start(settings, CLASSES, seed=0).to(device)
    network.fuse_attention(device != "cpu")
    labels = (torch.rand(batch, CLASSES, device=device) < 0.1).float()
    regions = (torch.rand(batch, CLASSES, 64, 64, device=device) < 0.3).float()
    targets = Targets(labels, labels, regions, 1 - regions)

    def answer(images: torch.Tensor) -> object:
        return network.predict(images, settings.attention_layers)

    return network, answer, lambda images: loss(network(images), targets, settings)


def teacher(size: int, batch: int, device: str) -> tuple[torch.nn.Module, Callable, Callable]:
    """ConvNeXtV2-B with Grad-CAM, and the loss of equation (3)."""
    settings = TeacherSettings(image_size=size, weights="random")
    network = _teacher.build(settings, CLASSES, seed=0).to(device)
    labels = (torch.rand(batch, CLASSES, device=device) < 0.1).float()

    def answer(images: torch.Tensor) -> object:
        with torch.inference_mode():
            features = network.forward_features(images)
        return _teacher.gradcam(network, features.clone())

    return network, answer, lambda images: weighted_cross_entropy(network(images), labels)


NETWORKS = {"clarity": student, "clarity_teacher": teacher}


def case(name: str, size: int, batch: int, device: str, training: bool) -> tuple[float, float]:
    """Median seconds, and peak memory in GiB: the process's on a CPU, torch's on a GPU."""
    network, answer, compute_loss = NETWORKS[name](size, batch, device)
    images = torch.rand(batch, 3, size, size, device=device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    network.train(training)

    def work() -> None:
        if training:
            compute_loss(images).backward()
            optimiser.step()
            optimiser.zero_grad()
        else:
            with torch.no_grad():
                answer(images)
        if device != "cpu":
            torch.cuda.synchronize()

    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device != "cpu":
        memory = torch.cuda.max_memory_allocated() / 2**30
    return statistics.median(times), memory


def main() -> None:
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    print("| network | input | device | images | forward | peak | training step | peak |")
    print("| :--- | ---: | :--- | ---: | ---: | ---: | ---: | ---: |")
    for device in devices:
        for name in NETWORKS:
            for size, batch in ((224, 1), (224, 8), (512, 1), (512, 2)):
                cells = []
                for training in (False, True):
                    with multiprocessing.get_context("spawn").Pool(1) as pool:
                        seconds, memory = pool.apply(case, (name, size, batch, device, training))
                    cells.append(f"{seconds:.2f} s | {memory:.2f} GiB")
                print(f"| {name} | {size} | {device} | {batch} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
