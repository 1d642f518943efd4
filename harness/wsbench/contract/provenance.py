"""Where a record comes from: versions, the state of the source, and the machine, without its name."""

from __future__ import annotations

import functools
import platform
import subprocess  # nosec B404 # git alone is called
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from wsbench.utils.allocator import keeps_freed_memory
from wsbench.utils.threads import torch_threads

PACKAGES = ("wsbench", "torch", "torchvision", "lightning", "captum", "numpy", "scipy", "scikit-image",
            "scikit-learn", "opencv-python-headless", "pycocotools", "pandas", "pillow", "pydantic",
            "pluggy")  # fmt: skip


def software_and_machine(device: str) -> dict[str, Any]:
    """Versions, source state and machine, without anything that names the machine or its user."""
    return {
        "device": device,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": torch_threads(),
        **({"freed_memory": "kept"} if keeps_freed_memory() else {}),
        "versions": {name: installed for name in PACKAGES if (installed := _version(name))},
        "git": source_state(),
    }


@functools.cache  # every record has 15 of them, and one is read from a file in half a millisecond
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def source_state() -> dict[str, Any] | None:
    """Commit of the checkout that wsbench runs from, and whether it differs; None outside a checkout."""
    folder = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        # The words are this module's own, no shell reads them, and git lies where the user has it.
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # nosec B603
        return done.stdout.strip()

    try:
        if git("ls-files", "--error-unmatch", __file__) == "":
            return None
        return {"commit": git("rev-parse", "HEAD"), "changed": git("status", "--porcelain") != ""}
    except (OSError, subprocess.CalledProcessError):
        return None
