"""How often every image counts: once, or as drawn again and again, patient by patient.

A metric is computed for all draws at once: what it needs is sums over images, and the sums of all draws
are one matrix product.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from wsbench.utils.read_only import make_fields_read_only

DRAWS = 1000
"""Of a bootstrap."""


@dataclass(frozen=True)
class Resamples:
    """B draws of N images. Images of one unit (a patient) are drawn together.

    Attributes:
        counts: ``(B, U)`` how often each unit counts in each draw.
        unit: ``(N,)`` the unit of each image, 0 ... U - 1.
    """

    counts: np.ndarray
    unit: np.ndarray

    def __post_init__(self) -> None:
        make_fields_read_only(self)

    def __len__(self) -> int:
        return len(self.counts)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """``(N, ...)`` values of images -> ``(B, ...)`` their sums over each draw."""
        values = np.asarray(values, dtype=np.float64)
        flat = values.reshape(len(values), -1)
        sums: np.ndarray = self.counts @ self.by_unit(flat)
        return sums.reshape(len(self), *values.shape[1:])

    def by_unit(self, values: np.ndarray) -> np.ndarray:
        """``(N, K)`` values of images -> ``(U, K)`` their sums over each unit."""
        sums: np.ndarray = self._membership @ values
        return sums

    def up_to(self, images: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """How many of the first images of a list each draw holds: what curves over a ranking are made of.

        Args:
            images: ``(D,)`` rows of images in some order; a row may occur more than once.
            stops: ``(K,)`` ascending; after so many of them the count is read.

        Returns:
            ``(B, K)`` counts.
        """
        if self.counts.shape[1] == 1 or len(stops) == 0:
            of_all: np.ndarray = self.counts[:, :1] * stops
            return of_all
        steps = np.diff(stops, prepend=0)
        units = self.unit[images[: stops[-1]]]
        table = csr_array(
            (
                np.ones(len(units), dtype=self._columns.dtype),
                (np.repeat(np.arange(len(stops)), steps), units),
            ),
            shape=(len(stops), len(self._columns)),
        )
        counts: np.ndarray = table @ self._columns
        return np.cumsum(counts, axis=0, out=counts).T.astype(np.float64)

    def of(self, images: np.ndarray) -> np.ndarray:
        """``(B, K)`` how often each of some images counts."""
        counts: np.ndarray = self._columns[self.unit[images]].T
        return counts

    def take(self, draws: np.ndarray) -> Resamples:
        """Some of the draws.

        Args:
            draws: their places, or ``(B,)`` bool.
        """
        return Resamples(self.counts[draws], self.unit)

    @property
    def units(self) -> int:
        """How many patients (images where patients are unknown) are drawn from."""
        units: int = self.counts.shape[1]
        return units

    def images(self) -> np.ndarray:
        """``(B, N)`` how often each image counts: sample weights for metrics that are no sums."""
        return self.counts[:, self.unit]

    @cached_property
    def _columns(self) -> np.ndarray:
        """``(U, B)`` counts; in float32, sums of counts are exact up to 16 million."""
        return np.ascontiguousarray(self.counts.T, dtype=np.float32)

    @cached_property
    def _membership(self) -> csr_array:
        images = np.arange(len(self.unit))
        shape = (self.counts.shape[1], len(self.unit))
        return csr_array((np.ones(len(self.unit)), (self.unit, images)), shape=shape)

    @classmethod
    def once(cls, images: int) -> Self:
        """One draw in which every image counts once: the sample itself."""
        return cls(np.ones((1, 1)), np.zeros(images, dtype=np.intp))

    @classmethod
    def draw(cls, units: Sequence[Hashable], draws: int, seed: int) -> Self:
        """Bootstrap: as many units as there are, with replacement.

        Args:
            units: of each image.
            draws: B.
            seed: equal seeds and units give equal draws, so that two methods can be compared in pairs.
        """
        index = {name: position for position, name in enumerate(dict.fromkeys(units))}
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(len(index), np.full(len(index), 1 / len(index)), size=draws)
        return cls(counts.astype(np.float64), np.array([index[name] for name in units], dtype=np.intp))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where the whole is 0: there the quantity does not exist."""
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=np.float64), whole)
    result: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
    return result


def interval(draws: np.ndarray, level: float = 0.95) -> tuple[float, float] | None:
    """The percentile interval of ``(B,)`` values of draws; None if no draw has a value.

    Draws in which the quantity does not exist (NaN) are left out.
    """
    there = draws[~np.isnan(draws)]
    if len(there) == 0:
        return None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
