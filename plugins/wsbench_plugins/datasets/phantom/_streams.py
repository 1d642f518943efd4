"""Named streams of random numbers.

A stream is known by its name alone, such as ``(seed, index, "ribs")``, so a part of the phantom draws the
same numbers whatever was drawn before it, in any process. Draws are made here from the raw bits of a
counter-based generator: NumPy keeps those fixed, but may change its distributions.
"""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Name = tuple[int | str, ...]
Choice = TypeVar("Choice")

_TWO_TO_MINUS_53 = 2.0**-53


class Stream:
    """Random numbers that depend on ``name`` and on nothing else."""

    def __init__(self, name: Name) -> None:
        digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
        self._bits = np.random.Philox(key=int.from_bytes(digest[:16], "little"))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number evenly spread in [low, high)."""
        return low + (high - low) * ((self._bits.random_raw() >> 11) * _TWO_TO_MINUS_53)

    def around(self, centre: float, reach: float) -> float:
        """A bell-shaped number within centre +- reach, with standard deviation reach / 3."""
        return centre + reach * (self.uniform() + self.uniform() + self.uniform() - 1.5) / 1.5

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform() < probability

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.uniform() * (high - low + 1))

    def sign(self) -> int:
        """-1 or 1, equally often."""
        return 1 if self.chance(0.5) else -1

    def choose(self, weights: Mapping[Choice, float]) -> Choice:
        """One of the keys, with probability proportional to its weight."""
        keys = list(weights)
        bounds = list(accumulate(weights.values()))
        index = bisect(bounds, self.uniform() * bounds[-1])
        return keys[min(index, len(keys) - 1)]

    def uniforms(self, *shape: int, low: float = 0.0, high: float = 1.0) -> NDArray[np.float32]:
        """An array of numbers in [low, high)."""
        count = int(np.prod(shape))
        words = self._bits.random_raw((count + 1) // 2).astype("<u8", copy=False).view("<u4")[:count]
        unit = (words >> 8).astype(np.float32) * 2.0**-24
        return (unit * (high - low) + low).reshape(shape)

    def normals(self, *shape: int) -> NDArray[np.float32]:
        """An array of normal numbers of mean 0 and variance 1, none beyond 4.3."""
        count = int(np.prod(shape))
        words = self._bits.random_raw((count + 3) // 4).astype("<u8", copy=False)
        return _normal_levels().take(words.view("<u2")[:count]).reshape(shape)


@cache
def _normal_levels() -> NDArray[np.float32]:
    """The normal distribution cut into 65536 equally likely values."""
    levels: NDArray[np.float32] = ndtri((np.arange(65536) + 0.5) / 65536).astype(np.float32)
    return levels
