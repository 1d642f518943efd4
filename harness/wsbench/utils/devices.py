"""Finds the device that a ``--device`` word names, and checks that this machine has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wsbench.errors import WsbenchError, words_of

if TYPE_CHECKING:
    import torch

FORM = re.compile(r"auto|(cpu|cuda|mps|xpu)(:\d+)?")


def torch_device(word: str) -> torch.device:
    """Return the device that a word names.

    Args:
        word: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps`` ...

    Raises:
        WsbenchError: the word names no device, or this machine does not have it.
    """
    import torch

    check_form(word)
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(word)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = words_of(str(error).splitlines()[0]).partition(". ")[0]
        raise WsbenchError(f"device '{word}' cannot be used: {reason}; try --device cpu") from None
    return device


def check_form(word: str) -> None:
    """Raise WsbenchError if a word cannot name a device."""
    if not FORM.fullmatch(word):
        raise WsbenchError(f"device '{word}' is none; write auto, cpu, cuda, cuda:1 ... or mps")


def check_device(word: str, *, used: bool) -> None:
    """Check, before long work, that this machine has a device.

    Args:
        word: a ``--device`` word.
        used: whether torch will compute on the device. If not, only the form of the word is checked, and
            torch is not imported.

    Raises:
        WsbenchError: the word names no device, or this machine does not have it.
    """
    check_form(word)
    if used and word not in ("auto", "cpu"):
        torch_device(word)
