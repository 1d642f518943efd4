"""The cost of a fitted method on this machine: size, operations, time and memory of inference."""

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

    from wsbench.torch.flops import FlopCounter

BATCH_IMAGES = 16
"""Most images in the batch that images per second are measured with."""

TIMING_SECONDS = 1.0
LEAST_REPEATS, MOST_REPEATS = 5, 50
"""A timing ends after `TIMING_SECONDS`, but not before the least nor after the most number of repeats."""

CPU = Path("/proc/cpuinfo")
MEGABYTE = 1024 * 1024


def measure_efficiency(method: Method, images: ImageView) -> dict[str, Any]:
    """Measure the cost of `Method.predict` on the device of its networks, in the method's own precision.

    Pixels are read from the image cache, and every time includes that. `predict` returns arrays of the CPU,
    so a time ends when the device has finished.

    Args:
        method: the method, after `Method.restore`.
        images: the first image measures a batch of one; up to `BATCH_IMAGES` images are the larger batch.

    Returns:
        JSON values. Those of networks are None where `Method.networks` names no network.

        - ``device``, ``hardware``, ``threads``: the machine, as `machine` describes it,
        - ``parameters``: number of parameters of all networks,
        - ``forward_macs``, ``macs``, ``flops``: operations for one image (`inference`),
        - ``model_bytes``: size of a file with the weights of all networks (`model_bytes`),
        - ``inference_bytes``: peak memory for one image, weights included (`inference`),
        - ``latency_median_ms``, ``latency_p95_ms``, ``latency_repeats``: time for one image, after a warm-up,
        - ``images_per_second``, ``images_at_once``: throughput of the larger batch, by its median time.
    """
    networks, image, batch = method.networks(), images.take(0, 1), images.take(0, BATCH_IMAGES)
    method.predict(image)  # makes the array of pixels where there is none
    counted = _of_networks(method, networks, image)
    single = repeated(lambda: method.predict(image), fewest=LEAST_REPEATS)
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
    """The cost of a finished training, as JSON values; None where a value is not known.

    Args:
        cost: the cost that stage ``fit`` noted.
        device: the device that the training ran on.
        images: number of images of the fit role.

    Returns:
        - ``trained_on``: the device,
        - ``training_seconds``: time of all epochs, with their validation and with those before a kill, where
          `wsbench.torch.train` counted them; else time of the stage,
        - ``training_images``: number of epochs times number of images,
        - ``training_bytes``: on a GPU the peak memory that torch had allocated, elsewhere the growth of the
          process's resident memory.
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
    """The number of parameters of some networks."""
    return sum(parameter.numel() for network in networks.values() for parameter in network.parameters())


def inference(method: Method, networks: Mapping[str, nn.Module], image: ImageView) -> dict[str, int | None]:
    """Count the operations and the memory of predicting one image.

    Args:
        method: the method, after `Method.restore`.
        networks: its networks by name; at least one.
        image: a view of one image.

    Returns:
        - ``macs``: multiply-accumulates of `predict` (`FlopCounter`), the heatmap included; a map that needs
          gradients costs several forward passes,
        - ``flops``: twice ``macs``,
        - ``forward_macs``: multiply-accumulates of one forward pass through each network, the number that
          papers print; None where `predict` calls only parts of a network,
        - ``inference_bytes``: weights and buffers, plus the peak of further memory. On a GPU that is what
          torch's allocator hands out, without CUDA's own context; elsewhere it is the tensors that are alive
          at the same time, without Python, libraries and arrays that are no tensors.
    """
    import torch

    from wsbench.torch.flops import FlopCounter

    seen, device = FlopCounter(), device_of(networks)
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
def _forward_flops(networks: Mapping[str, nn.Module], seen: FlopCounter) -> Iterator[Mapping[str, int]]:
    """The FLOPs of each network's first call, by its name. A network that is never called has no entry."""
    from wsbench.torch.hooks import removed_at_end

    begun: dict[str, int] = {}
    counted: dict[str, int] = {}

    def watch(name: str, network: nn.Module) -> list[RemovableHandle]:
        def before(*_: Any) -> None:
            begun.setdefault(name, seen.flops)

        def after(*_: Any) -> None:
            counted.setdefault(name, seen.flops - begun[name])

        return [network.register_forward_pre_hook(before), network.register_forward_hook(after)]

    hooks = [hook for name, network in networks.items() for hook in watch(name, network)]
    with removed_at_end(hooks):
        yield counted


def model_bytes(networks: Mapping[str, nn.Module]) -> int:
    """The size of the file that `torch.save` writes of the networks' state dicts, in bytes."""
    import torch

    file = io.BytesIO()
    torch.save({name: network.state_dict() for name, network in networks.items()}, file)
    return file.getbuffer().nbytes


def weight_bytes(networks: Mapping[str, nn.Module]) -> int:
    """The size of the parameters and buffers of some networks, in bytes. Shared storage counts once."""
    storages = [
        tensor.untyped_storage()
        for network in networks.values()
        for tensor in (*network.parameters(), *network.buffers())
    ]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def repeated(work: Callable[[], object], *, fewest: int) -> list[float]:
    """Time some work repeatedly.

    Args:
        work: the function that is timed.
        fewest: least number of repeats, however long they take.

    Returns:
        Seconds of each repeat. The first one is left out as a warm-up, unless there was time for no other.
    """
    times: list[float] = []
    while len(times) < fewest or (len(times) <= MOST_REPEATS and sum(times) < TIMING_SECONDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return times[1:] or times


def median_and_p95(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile of some times, in milliseconds, rounded to microseconds. The percentile is
    interpolated linearly between two times."""
    median, p95 = np.percentile(seconds, [50, 95]) * 1000
    return round(float(median), 3), round(float(p95), 3)


def machine(networks: Mapping[str, nn.Module]) -> dict[str, Any]:
    """The machine that a method computes on: torch's name of the ``device``, the model of the ``hardware``,
    and the number of torch's ``threads`` (None where the method has no network)."""
    if not networks:
        return {"device": "cpu", "hardware": _processor(), "threads": None}
    import torch

    device = device_of(networks)
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"device": str(device), "hardware": hardware, "threads": torch.get_num_threads()}


def device_of(networks: Mapping[str, nn.Module]) -> torch.device:
    """The device of the first parameter; the CPU where there is none."""
    import torch

    devices = (parameter.device for network in networks.values() for parameter in network.parameters())
    return next(devices, torch.device("cpu"))


def _of_networks(
    method: Method, networks: Mapping[str, nn.Module], image: ImageView
) -> dict[str, int | None]:
    if not networks:
        return dict.fromkeys(("forward_macs", "macs", "flops", "model_bytes", "inference_bytes"))
    return {
        **inference(method, networks, image),
        "model_bytes": model_bytes(networks),
    }


def _processor() -> str:
    if sys.platform == "linux" and CPU.exists():
        for line in CPU.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
