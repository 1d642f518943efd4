"""Bootstrap draws: how often every image counts, patient by patient.

A metric is computed for all draws at once. It needs sums over images, and the sums of all draws are a single
matrix product.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from wsbench.utils.deprecation import warn_renamed
from wsbench.utils.read_only import make_fields_read_only

DRAWS = 1000
"""The number of draws of a bootstrap."""


@dataclass(frozen=True)
class Resamples:
    """B draws of N images. Images of one unit (a patient) are drawn together.

    Attributes:
        counts: ``(B, U)`` floats, how often each unit counts in each draw.
        unit: ``(N,)`` integers, the unit of each image, from 0 to U - 1.
    """

    counts: np.ndarray
    unit: np.ndarray

    def __post_init__(self) -> None:
        make_fields_read_only(self)

    def __len__(self) -> int:
        return len(self.counts)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum values of images over each draw.

        Args:
            values: ``(N, ...)`` a value, or an array of values, of each image.

        Returns:
            ``(B, ...)`` float64 sums.
        """
        values = np.asarray(values, dtype=np.float64)
        flat = values.reshape(len(values), -1)
        sums: np.ndarray = self.counts @ self.by_unit(flat)
        return sums.reshape(len(self), *values.shape[1:])

    def by_unit(self, values: np.ndarray) -> np.ndarray:
        """Sum values of images over each unit.

        Args:
            values: ``(N, K)``.

        Returns:
            ``(U, K)`` sums.
        """
        if self._are_alone:
            # The product with the identity: -0.0 becomes 0.0 there, too.
            sums: np.ndarray = np.add(values, 0.0, dtype=np.float64, order="C")
            return sums
        sums = self._membership @ values
        return sums

    def cumulative_counts(self, images: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """Count, in each draw, the first images of a ranked list. Curves over a ranking are made of these.

        Args:
            images: ``(D,)`` rows of images in the order of the list; a row may occur more than once.
            stops: ``(K,)`` ascending numbers of list entries, each at most D.

        Returns:
            ``(B, K)`` float64, how often the first ``stops[k]`` entries of the list count in each draw.
        """
        if self.counts.shape[1] == 1 or len(stops) == 0:
            scaled: np.ndarray = self.counts[:, :1] * stops
            return scaled
        # Row k of the table holds the entries between two stops; the running sum over rows is the result.
        units = self.unit[images[: stops[-1]]]
        table = csr_array(
            (np.ones(len(units), dtype=self._columns.dtype), units, np.concatenate([[0], stops])),
            shape=(len(stops), len(self._columns)),
        )
        counts: np.ndarray = table @ self._columns
        return np.cumsum(counts, axis=0, out=counts).T.astype(np.float64)

    def counts_at(self, images: np.ndarray) -> np.ndarray:
        """Return how often each of some images counts in each draw.

        Args:
            images: ``(K,)`` rows of images.

        Returns:
            ``(B, K)`` float32 counts.
        """
        counts: np.ndarray = self._columns[self.unit[images]].T
        return counts

    def take(self, draws: np.ndarray) -> Resamples:
        """Select draws.

        Args:
            draws: integer positions of draws, or ``(B,)`` bool.
        """
        taken = Resamples(self.counts[draws], self.unit)
        taken.__dict__.update(self._of_units())
        return taken

    def _of_units(self) -> dict[str, Any]:
        """The cached properties that follow from the units alone, which other draws of them can share."""
        return {"_membership": self._membership, "_are_alone": self._are_alone}

    @property
    def units(self) -> int:
        """The number U of patients (of images where patients are unknown)."""
        units: int = self.counts.shape[1]
        return units

    def images(self) -> np.ndarray:
        """Return how often each image counts: sample weights for metrics that are not made of sums.

        Returns:
            ``(B, N)`` floats.
        """
        return self.counts[:, self.unit]

    @cached_property
    def _columns(self) -> np.ndarray:
        """``(U, B)`` counts. In float32, sums of counts are exact up to 16 million."""
        return np.ascontiguousarray(self.counts.T, dtype=np.float32)

    @cached_property
    def _are_alone(self) -> bool:
        """Whether every image is a unit of its own, in their order."""
        return bool(np.array_equal(self.unit, np.arange(self.units)))

    @cached_property
    def _membership(self) -> csr_array:
        images = np.arange(len(self.unit))
        shape = (self.counts.shape[1], len(self.unit))
        return csr_array((np.ones(len(self.unit)), (self.unit, images)), shape=shape)

    @classmethod
    def once(cls, images: int) -> Self:
        """Make the draw in which every image counts once: the sample itself.

        Args:
            images: the number N of images.
        """
        counts, unit, kept = _once(images)
        sample = cls(counts, unit)
        sample.__dict__.update(kept)
        return sample

    @classmethod
    def draw(cls, units: Sequence[Hashable], draws: int, seed: int) -> Self:
        """Draw units with replacement, in each draw as many as there are.

        Args:
            units: the unit of each image.
            draws: the number B of draws.
            seed: equal seeds and units give equal draws, so that two methods can be compared in pairs.
        """
        index = {name: position for position, name in enumerate(dict.fromkeys(units))}
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(len(index), np.full(len(index), 1 / len(index)), size=draws)
        return cls(counts.astype(np.float64), np.array([index[name] for name in units], dtype=np.intp))

    def up_to(self, images: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """The old name of `cumulative_counts`."""
        warn_renamed("metrics.Resamples.up_to", "metrics.Resamples.cumulative_counts")
        return self.cumulative_counts(images, stops)

    def of(self, images: np.ndarray) -> np.ndarray:
        """The old name of `counts_at`."""
        warn_renamed("metrics.Resamples.of", "metrics.Resamples.counts_at")
        return self.counts_at(images)


@functools.lru_cache(maxsize=8)  # every metric asks for it
def _once(images: int) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Counts and units of the sample itself, and what follows from the units alone."""
    sample = Resamples(np.ones((1, 1)), np.zeros(images, dtype=np.intp))
    return sample.counts, sample.unit, sample._of_units()


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide two arrays that broadcast against each other.

    Returns:
        Float64 quotients; NaN where the denominator is 0, because the quantity does not exist there.
    """
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, dtype=np.float64), denominator)
    result: np.ndarray = np.divide(
        numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0
    )
    return result


def interval(draws: np.ndarray, level: float = 0.95) -> tuple[float, float] | None:
    """Compute the percentile interval of the values of draws.

    Args:
        draws: ``(B,)`` values. Draws in which the quantity does not exist (NaN) are left out.
        level: the share of draws within the interval.

    Returns:
        The ends of the interval, or None if no draw has a value.
    """
    usable = draws[~np.isnan(draws)]
    if len(usable) == 0:
        return None
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
