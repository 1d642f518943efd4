"""Decoded, resized images as one memory-mapped array per dataset and size."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import joblib
import numpy as np
from filelock import FileLock

from wsbench.files import write_text
from wsbench.progress import Progress
from wsbench.specs import Dataset
from wsbench.types import Sample

VARIABLE = "WSBENCH_CACHE"
CHUNK = 32


def cache_folder() -> Path:
    """``$WSBENCH_CACHE``, or ``wsbench`` in the user's cache folder."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wsbench"


def image_array(
    dataset: Dataset, samples: Sequence[Sample], height: int, width: int, folder: Path, progress: Progress
) -> np.ndarray:
    """All ``samples`` as a read-only memory map ``(M, height, width)`` uint8, made on first use.

    A build that is killed goes on where it was; a second process waits for the first.

    Args:
        dataset: reads the pixels.
        samples: in the order of the array's rows.
        height, width: in pixels.
        folder: of this dataset and these samples alone.
        progress: shown while images are read.

    Raises:
        WsbenchError: an image cannot be read.
    """
    path = folder / f"{height}x{width}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                _build(dataset, samples, (height, width), path, progress)
    return np.load(path, mmap_mode="r")


def _build(
    dataset: Dataset, samples: Sequence[Sample], shape: tuple[int, int], path: Path, progress: Progress
) -> None:
    part, count = path.with_suffix(".part.npy"), path.with_suffix(".count")
    done = int(count.read_text()) if count.exists() and part.exists() else 0
    whole = (len(samples), *shape)
    mode = "r+" if done else "w+"
    array = np.lib.format.open_memmap(part, mode=mode, dtype=np.uint8, shape=None if done else whole)
    chunks = [samples[start : start + CHUNK] for start in range(done, len(samples), CHUNK)]
    with progress.task(f"reading images at {shape[1]}x{shape[0]}", len(samples)) as advance:
        advance(done)
        for images in _in_order(dataset, chunks, shape):
            array[done : done + len(images)] = images
            array.flush()
            done += len(images)
            write_text(count, str(done))
            advance(len(images))
    del array
    part.replace(path)
    count.unlink(missing_ok=True)


def _in_order(
    dataset: Dataset, chunks: list[Sequence[Sample]], shape: tuple[int, int]
) -> Iterator[np.ndarray]:
    backend = "loky" if dataset.read_holds_lock else "threading"
    parallel = joblib.Parallel(
        n_jobs=min(joblib.cpu_count(), len(chunks)), backend=backend, return_as="generator"
    )
    return parallel(joblib.delayed(_read_chunk)(dataset, chunk, shape) for chunk in chunks)


def _read_chunk(dataset: Dataset, samples: Sequence[Sample], shape: tuple[int, int]) -> np.ndarray:
    return np.stack([dataset.read(sample, *shape) for sample in samples])
