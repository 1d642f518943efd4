"""How many threads numerical libraries use in this process."""

from __future__ import annotations

import os
import sys

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The environment variables that libraries read when they are first imported."""


def use_threads(count: int) -> None:
    """Let numerical libraries use a number of threads, whatever they were told before.

    A sum over several threads is rounded in another order, so their number changes results a little.

    Args:
        count: at least 1.
    """
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(count)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(count)


def torch_threads() -> int | None:
    """The number of threads that torch uses; None where torch is not loaded."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else None
