"""Measures the peak memory of a stage of a run, on the CPU and on the GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
"""Files of Linux (proc(5)): the memory of this process, and a file to which writing 5 resets its peak."""


def watch() -> int | None:
    """Begin a stage: reset the peaks.

    Returns:
        The resident memory of the process in MiB; None where the system cannot reset its peak.
    """
    for cuda, device in _gpus():
        cuda.reset_peak_memory_stats(device)
    try:
        FORGET.write_text("5")
        return _status("VmRSS")
    except OSError:
        return None


def peaks(before: int | None) -> dict[str, int]:
    """End a stage: read its peaks, in MiB.

    Args:
        before: what `watch` returned.

    Returns:
        ``peak_megabytes`` is the peak of the process's resident memory, including Python and libraries. Where
        ``before`` is None, it is the peak since the process began, and absent on Windows.
        ``grown_megabytes`` is its growth over ``before``, where that is known. ``peak_gpu_megabytes`` is the
        peak of torch's memory on a GPU, where a GPU is used.
    """
    largest = {}
    if before is not None:
        peak = _status("VmHWM")
        largest = {"peak_megabytes": peak, "grown_megabytes": max(0, peak - before)}
    elif sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        largest["peak_megabytes"] = peak // (1024 * 1024 if sys.platform == "darwin" else 1024)
    on_gpus = [cuda.max_memory_allocated(device) for cuda, device in _gpus()]
    return {**largest, **({"peak_gpu_megabytes": max(on_gpus) // (1024 * 1024)} if on_gpus else {})}


def _status(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) // 1024


def _gpus() -> list[tuple[Any, int]]:
    """Return torch's CUDA module with the number of each GPU, if this process uses GPUs."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    return [(torch.cuda, device) for device in range(torch.cuda.device_count())]
