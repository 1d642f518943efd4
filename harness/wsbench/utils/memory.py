"""The most memory that a stage of a run held: of the process, and of the GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
"""Of Linux: what a process holds, and where a 5 makes it forget its peak so far (proc(5))."""


def watch() -> int | None:
    """Begin a stage: the peaks so far are forgotten.

    Returns:
        The process's resident memory now, in MiB; None where the system cannot forget a peak.
    """
    for cuda, device in _gpus():
        cuda.reset_peak_memory_stats(device)
    try:
        FORGET.write_text("5")
        return _status("VmRSS")
    except OSError:
        return None


def peaks(before: int | None) -> dict[str, int]:
    """End a stage: its peaks, in MiB.

    Args:
        before: what `watch` returned.

    Returns:
        ``peak_megabytes``: the most resident memory of the process, Python and libraries included; where
        ``before`` is None, since the process began, and nothing on Windows. ``grown_megabytes``: how much
        of it came on top of ``before``, where that is known. ``peak_gpu_megabytes``: the most that torch
        had allocated on a GPU, where one is in use.
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
    """torch's module of GPUs with the number of each, if this process uses any."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    return [(torch.cuda, device) for device in range(torch.cuda.device_count())]
