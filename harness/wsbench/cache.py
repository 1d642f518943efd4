"""What is made of a dataset's images (pixels, organ masks) as one memory-mapped array per size."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from filelock import FileLock

from wsbench.files import write_text
from wsbench.progress import Progress
from wsbench.specs import Dataset
from wsbench.types import Sample
from wsbench.workers import in_order

VARIABLE = "WSBENCH_CACHE"
CHUNK = 32


def cache_folder() -> Path:
    """``$WSBENCH_CACHE``, or ``wsbench`` in the user's cache folder."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wsbench"


class Reader(Protocol):
    """Makes one row of an array from one sample. It must pickle where it holds the lock.

    Attributes:
        shape: of a row.
        holds_lock: True if it is Python work that threads cannot share.
        what: in words, for the progress bar.
    """

    shape: tuple[int, ...]
    holds_lock: bool
    what: str

    def __call__(self, sample: Sample) -> np.ndarray:
        """``shape`` uint8."""
        ...


@dataclass(frozen=True)
class Images:
    """Reads whole images, resized.

    Attributes:
        dataset: reads the pixels.
        shape: height and width, in pixels.
    """

    dataset: Dataset
    shape: tuple[int, int]

    @property
    def holds_lock(self) -> bool:
        """Of the dataset."""
        return self.dataset.read_holds_lock

    @property
    def what(self) -> str:
        """For the progress bar."""
        return f"reading images at {self.shape[1]}x{self.shape[0]}"

    def __call__(self, sample: Sample) -> np.ndarray:
        """``(height, width)`` uint8."""
        return self.dataset.read(sample, *self.shape)


def array_of(reader: Reader, samples: Sequence[Sample], path: Path, progress: Progress) -> np.ndarray:
    """One row for every sample as a read-only memory map ``(M, *reader.shape)`` uint8, made on first use.

    A build that is killed goes on where it was; a second process waits for the first.

    Args:
        reader: makes the rows.
        samples: in the order of the rows.
        path: of the array; its folder is of these samples alone.
        progress: shown while rows are made.

    Raises:
        WsbenchError: a row cannot be made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                _build(reader, samples, path, progress)
    return np.load(path, mmap_mode="r")


def _build(reader: Reader, samples: Sequence[Sample], path: Path, progress: Progress) -> None:
    part, count = path.with_suffix(".part.npy"), path.with_suffix(".count")
    done = int(count.read_text()) if count.exists() and part.exists() else 0
    whole = (len(samples), *reader.shape)
    mode = "r+" if done else "w+"
    array = np.lib.format.open_memmap(part, mode=mode, dtype=np.uint8, shape=None if done else whole)
    chunks = [samples[start : start + CHUNK] for start in range(done, len(samples), CHUNK)]
    with progress.task(reader.what, len(samples)) as advance:
        advance(done)
        read = functools.partial(_read_chunk, reader)
        for rows in in_order(read, chunks, processes=reader.holds_lock):
            array[done : done + len(rows)] = rows
            array.flush()
            done += len(rows)
            write_text(count, str(done))
            advance(len(rows))
    del array
    part.replace(path)
    count.unlink(missing_ok=True)


def _read_chunk(reader: Reader, samples: Sequence[Sample]) -> np.ndarray:
    return np.stack([reader(sample) for sample in samples])
