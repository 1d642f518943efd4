"""What a fitted method costs on the machine at hand: size, operations, time and memory of inference."""

from __future__ import annotations

import io
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wsbench.contract.base import Method
from wsbench.data.views import ImageView

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.utils.hooks import RemovableHandle

    from wsbench.torch.flops import Dispatched

AT_ONCE = 16
"""Images of the batch by which images a second are measured."""

SECONDS = 1.0
FEWEST, MOST = 5, 50
"""Of each timing: it ends after so many seconds, but not before the fewest, nor after the most repeats."""

CPU = Path("/proc/cpuinfo")
MEGABYTE = 1024 * 1024


def measure(method: Method, images: ImageView) -> dict[str, Any]:
    """Measure `Method.predict`: scores and heatmaps, on its networks' device, in its own precision.

    Pixels are read from the image cache, which is part of every time. `predict` gives arrays of the CPU, so
    a time ends when the device has finished.

    Args:
        method: restored.
        images: the first is the one image; up to `AT_ONCE` of them are the batch.

    Returns:
        JSON values; those of networks are None where `Method.networks` has none:

        - ``device``, ``hardware``, ``threads``: the machine, as `machine` describes it,
        - ``parameters``: of all networks,
        - ``forward_macs``, ``macs``, ``flops``: of one image (`inference`),
        - ``model_bytes``: of a file with the weights of all networks (`model_bytes`),
        - ``inference_bytes``: the most memory at batch 1, weights included (`inference`),
        - ``latency_median_ms``, ``latency_p95_ms``, ``latency_repeats``: of batch 1, after a warm-up,
        - ``images_per_second``, ``images_at_once``: of a batch, by its median time.
    """
    networks, one, batch = method.networks(), images.take(0, 1), images.take(0, AT_ONCE)
    method.predict(one)  # makes the array of pixels where there is none
    counted = _of_networks(method, networks, one)
    single = repeated(lambda: method.predict(one), fewest=FEWEST)
    together = repeated(lambda: method.predict(batch), fewest=1)
    median, p95 = median_and_p95(single)
    return {
        **machine(networks),
        "parameters": parameters(networks),
        **counted,
        "latency_median_ms": median,
        "latency_p95_ms": p95,
        "latency_repeats": len(single),
        "images_per_second": round(1000 * len(batch) / median_and_p95(together)[0], 2),
        "images_at_once": len(batch),
    }


def training(cost: Mapping[str, Any], device: str, images: int) -> dict[str, Any]:
    """What a finished training cost, as JSON values; None where it is not known.

    Args:
        cost: of the stage ``fit``.
        device: that it ran on.
        images: of the fit role.

    Returns:
        ``trained_on``: the device. ``training_seconds``: of all epochs, with their validation and those
        before a kill, where `wsbench.torch.train` counted them, else of the stage. ``training_images``:
        epochs times images. ``training_bytes``: on a GPU the most that torch had allocated, elsewhere the
        growth of the process's resident memory.
    """
    epochs = cost.get("epochs")
    megabytes = cost.get("peak_gpu_megabytes" if device.startswith("cuda") else "grown_megabytes")
    return {
        "trained_on": device,
        "training_seconds": cost.get("epoch_seconds", cost["seconds"]),
        "training_images": None if epochs is None else epochs * images,
        "training_bytes": None if megabytes is None else megabytes * MEGABYTE,
    }


def parameters(networks: Mapping[str, nn.Module]) -> int:
    """Parameters of some networks; 0 if there are none."""
    return sum(parameter.numel() for network in networks.values() for parameter in network.parameters())


def inference(method: Method, networks: Mapping[str, nn.Module], image: ImageView) -> dict[str, int | None]:
    """Operations and memory of predicting one image.

    Args:
        method: restored.
        networks: what it names; at least one.
        image: one.

    Returns:
        ``macs``: multiply-accumulates of all that `predict` does (`Dispatched`), the heatmap included: a map
        that needs gradients costs several forward passes. ``flops``: twice that. ``forward_macs``: of one
        forward pass through each network, which is what papers print; None where `predict` calls parts of a
        network and never the whole. ``inference_bytes``: weights and buffers, and the most that comes on top
        of them: on a GPU what torch's allocator hands out, CUDA's own context not included; elsewhere tensors
        that are alive at once, not Python, libraries or arrays that are no tensors.
    """
    import torch

    from wsbench.torch.flops import Dispatched

    seen, device = Dispatched(), device_of(networks)
    on_gpu = device.type == "cuda"
    before = torch.cuda.memory_allocated(device) if on_gpu else 0
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    with _forward_flops(networks, seen) as forward, seen:
        method.predict(image)
    on_top = torch.cuda.max_memory_allocated(device) - before if on_gpu else seen.peak_bytes
    return {
        "forward_macs": sum(forward.values()) // 2 if len(forward) == len(networks) else None,
        "macs": seen.flops // 2,
        "flops": seen.flops,
        "inference_bytes": weight_bytes(networks) + on_top,
    }


@contextmanager
def _forward_flops(networks: Mapping[str, nn.Module], seen: Dispatched) -> Iterator[Mapping[str, int]]:
    """By name, the FLOPs of each network's first call; those that are never called are not in it."""
    begun: dict[str, int] = {}
    found: dict[str, int] = {}

    def watch(name: str, network: nn.Module) -> list[RemovableHandle]:
        def before(*_: Any) -> None:
            begun.setdefault(name, seen.flops)

        def after(*_: Any) -> None:
            found.setdefault(name, seen.flops - begun[name])

        return [network.register_forward_pre_hook(before), network.register_forward_hook(after)]

    hooks = [hook for name, network in networks.items() for hook in watch(name, network)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def model_bytes(networks: Mapping[str, nn.Module]) -> int:
    """Size of one file that `torch.save` writes of the networks' state dicts."""
    import torch

    file = io.BytesIO()
    torch.save({name: network.state_dict() for name, network in networks.items()}, file)
    return file.getbuffer().nbytes


def weight_bytes(networks: Mapping[str, nn.Module]) -> int:
    """Bytes of the parameters and buffers of some networks; what they share counts once."""
    storages = [
        tensor.untyped_storage()
        for network in networks.values()
        for tensor in (*network.parameters(), *network.buffers())
    ]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def repeated(work: Callable[[], object], *, fewest: int) -> list[float]:
    """Seconds of each of some repeats, the first left out as a warm-up unless it took all the time there is.

    Args:
        work: what is timed.
        fewest: repeats, however long they take.
    """
    times: list[float] = []
    while len(times) < fewest or (len(times) <= MOST and sum(times) < SECONDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return times[1:] or times


def median_and_p95(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile (between two repeats: linearly) in milliseconds, to the microsecond."""
    median, p95 = np.percentile(seconds, [50, 95]) * 1000
    return round(float(median), 3), round(float(p95), 3)


def machine(networks: Mapping[str, nn.Module]) -> dict[str, Any]:
    """Where a method computes: torch's name of the ``device``, the ``hardware``'s model, and the ``threads``
    of torch, None where it is not in use."""
    if not networks:
        return {"device": "cpu", "hardware": _processor(), "threads": None}
    import torch

    device = device_of(networks)
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"device": str(device), "hardware": hardware, "threads": torch.get_num_threads()}


def device_of(networks: Mapping[str, nn.Module]) -> torch.device:
    """The device of the first parameter."""
    import torch

    found = (parameter.device for network in networks.values() for parameter in network.parameters())
    return next(found, torch.device("cpu"))


def _of_networks(method: Method, networks: Mapping[str, nn.Module], one: ImageView) -> dict[str, int | None]:
    if not networks:
        return dict.fromkeys(("forward_macs", "macs", "flops", "model_bytes", "inference_bytes"))
    return {
        **inference(method, networks, one),
        "model_bytes": model_bytes(networks),
    }


def _processor() -> str:
    if sys.platform == "linux" and CPU.exists():
        for line in CPU.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
