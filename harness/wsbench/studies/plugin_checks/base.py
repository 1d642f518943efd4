"""A check of a plugin, the error of a plugin that fails one, and helpers that several checks share."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np


class ContractError(AssertionError):
    """A plugin breaks the contract. Its message is one line that says how."""


@dataclass(frozen=True)
class Check:
    """One promise that plugins keep.

    Attributes:
        promise: what is checked, as the end of a sentence that begins with the plugin's name.
        verify: raises `ContractError`, or whatever the plugin raises, if the promise is broken.
    """

    promise: str
    verify: Callable[[], None]


def verify_all(checks: Iterable[Check]) -> None:
    """Make some checks in their order.

    Raises:
        ContractError: the first promise that is broken.
    """
    for check in checks:
        check.verify()


def require(kept: object, reason: str) -> None:
    """Raise `ContractError` with a reason unless a promise is kept."""
    if not kept:
        raise ContractError(reason)


@contextmanager
def global_random_numbers(seed: int) -> Iterator[None]:
    """A block in which the global generators of random, numpy and torch start from a seed.

    Their state is restored afterwards. A plugin that draws from them without seeding them gives another
    result in a block with another seed.
    """
    torch = sys.modules.get("torch")
    of_python, of_numpy = random.getstate(), np.random.get_state()
    of_torch = torch.get_rng_state() if torch else None
    random.seed(seed)
    np.random.seed(seed)
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        if torch:
            torch.set_rng_state(of_torch)
