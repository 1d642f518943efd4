"""Readers, which make a row of an array from a sample, and arrays that are made when they are indexed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from wsbench.contract.base import Dataset
from wsbench.types import Sample


class Reader(Protocol):
    """Makes one row of an array from one sample. If it holds the lock, it must be picklable."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""

    @property
    def holds_lock(self) -> bool:
        """Whether it is Python work that threads cannot share."""

    @property
    def task(self) -> str:
        """The name of the work for the progress bar."""

    def __call__(self, sample: Sample) -> np.ndarray:
        """Make the row of a sample, ``shape`` uint8."""
        ...


@dataclass(frozen=True)
class Images:
    """Reads full images, resized.

    Attributes:
        dataset: the dataset, which reads the pixels.
        shape: height and width of the resized images, in pixels.
    """

    dataset: Dataset
    shape: tuple[int, int]

    @property
    def holds_lock(self) -> bool:
        """Whether threads cannot share the reading, as the dataset says."""
        return self.dataset.read_holds_lock

    @property
    def task(self) -> str:
        """The name of the work for the progress bar."""
        return f"reading images at {self.shape[1]}x{self.shape[0]}"

    def __call__(self, sample: Sample) -> np.ndarray:
        """Read the pixels of a sample as ``(height, width)`` uint8."""
        return self.dataset.read(sample, *self.shape)


@dataclass(frozen=True)
class UncachedArray:
    """Rows that are made whenever they are indexed, because the cache cannot be written.

    Attributes:
        reader: makes the rows.
        samples: the samples, in the order of the rows.
    """

    reader: Reader
    samples: Sequence[Sample]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all rows together."""
        return len(self.samples), *self.reader.shape

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Make the rows at an index of the first axis, uint8."""
        chosen = np.arange(len(self.samples))[rows]
        made = [self.reader(self.samples[row]) for row in chosen.reshape(-1)]
        return np.array(made, dtype=np.uint8).reshape(*chosen.shape, *self.reader.shape)
