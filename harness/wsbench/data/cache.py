"""What is made of a dataset's images (pixels, organ masks) as one memory-mapped array per size."""

from __future__ import annotations

import functools
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from platformdirs import user_cache_path

from wsbench.contract.base import Dataset
from wsbench.errors import WsbenchError
from wsbench.files.checksums import is_whole, sealed
from wsbench.files.locks import PATIENCE, Busy, held
from wsbench.files.user_files import expanded
from wsbench.files.writing import CACHE_VARIABLE, is_full, no_space, read_json, write_json
from wsbench.types import Sample
from wsbench.utils.progress import Progress
from wsbench.utils.workers import in_order

CHUNK = 32
"""Images that share a checksum; what is damaged is made again in such pieces."""


def cache_folder() -> Path:
    """``$WSBENCH_CACHE``, or ``wsbench`` in the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return expanded(chosen)
    return user_cache_path("wsbench")


class Reader(Protocol):
    """Makes one row of an array from one sample. It must pickle where it holds the lock."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row."""

    @property
    def holds_lock(self) -> bool:
        """True if it is Python work that threads cannot share."""

    @property
    def what(self) -> str:
        """In words, for the progress bar."""

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


@dataclass(frozen=True)
class Unkept:
    """Rows that are made when they are asked for, because they cannot be kept.

    Attributes:
        reader: makes the rows.
        samples: in the order of the rows.
    """

    reader: Reader
    samples: Sequence[Sample]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all rows together."""
        return len(self.samples), *self.reader.shape

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The rows of an index of the first axis, uint8."""
        chosen = np.arange(len(self.samples))[rows]
        made = [self.reader(self.samples[row]) for row in chosen.reshape(-1)]
        return np.array(made, dtype=np.uint8).reshape(*chosen.shape, *self.reader.shape)


def array_of(
    reader: Reader, samples: Sequence[Sample], path: Path, progress: Progress
) -> np.ndarray | Unkept:
    """One row for every sample as a read-only memory map ``(M, *reader.shape)`` uint8, made on first use.

    A build that is killed goes on where it was; a second process waits for the first. A process compares the
    file with its checksums when it first asks for it, and makes again what differs. Where the folder cannot
    be written, rows are made whenever they are asked for.

    Args:
        reader: makes the rows.
        samples: in the order of the rows.
        path: of the array; its folder is of these samples alone.
        progress: shown while rows are made.

    Raises:
        WsbenchError: a row cannot be made, no space is left, or a process that makes the array hangs.
    """
    shape = (len(samples), *reader.shape)
    if (array := _checked(path, shape)) is not None:
        return array
    try:
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_held(path, progress))
                sums = _prepared(path, shape, progress)
            except OSError as error:
                if is_full(error):
                    raise
                return _unkept(reader, samples, path.parent, error, progress)
            _build(reader, samples, path, sums, progress)
    except OSError as error:
        if not is_full(error):
            raise
        raise WsbenchError(f"{no_space(path.parent)}, or name another folder with --cache") from None
    array = _checked(path, shape)
    if array is None:
        raise WsbenchError(f"{path}: what was written there reads back otherwise; name another --cache")
    return array


@contextmanager
def _held(path: Path, progress: Progress) -> Iterator[None]:
    """Be the only process that makes an array; another one is waited for as long as it makes rows."""
    lock = path.with_suffix(".lock")

    def rows_made() -> Any:
        file = _sums_file(path)
        return file.stat().st_mtime_ns if file.exists() else None

    try:
        with held(lock, progress.say, patience=PATIENCE, sign_of_life=rows_made):
            yield
    except Busy as busy:
        raise WsbenchError(
            f"{path.parent} is held by {busy.holder}, which makes no rows; stop it, or name another --cache"
        ) from None


_said: set[Path] = set()
"""Folders that this process has called unusable."""


def _unkept(
    reader: Reader, samples: Sequence[Sample], folder: Path, error: OSError, progress: Progress
) -> Unkept:
    if folder not in _said:
        _said.add(folder)
        progress.say(
            f"{folder} cannot be written ({error.strerror}), so images are read whenever they are needed, "
            "which is slow; name another folder with --cache"
        )
    return Unkept(reader, samples)


_sound: dict[tuple[Path, int, int, int], None] = {}
"""Files that this process has compared with their checksums, with size, time of change and inode."""


def _checked(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array in a file, if all of it is what its checksums say; a process compares them once."""
    array = _mapped(path, shape)
    if array is None:
        return None
    status = path.stat()
    version = (path.resolve(), status.st_size, status.st_mtime_ns, status.st_ino)
    if version not in _sound:
        if _damaged(array, _sums(path)):
            return None
        _sound[version] = None
    return array


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array in a file; None where there is none of this shape."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError, SyntaxError):  # of a damaged header, numpy raises all of these
        return None
    sound = isinstance(array, np.memmap) and array.shape == shape and array.dtype == np.uint8
    return array if sound else None


def _damaged(array: np.ndarray, sums: Sequence[int]) -> list[int]:
    """The numbers of the chunks that are not what their checksums say, or have none."""
    count = -(-len(array) // CHUNK)
    known = min(count, len(sums))
    with ThreadPoolExecutor() as pool:
        now = pool.map(lambda chunk: _sum(array[chunk * CHUNK : (chunk + 1) * CHUNK]), range(known))
        wrong = [chunk for chunk, value in enumerate(now) if value != sums[chunk]]
    return [*wrong, *range(known, count)]


def _sum(rows: np.ndarray) -> int:
    # Three times as fast as a cryptographic hash: chance is to be noticed, not a forger.
    return zlib.crc32(np.ascontiguousarray(rows).data)


def _sums_file(path: Path) -> Path:
    return path.with_suffix(".sums.json")


def _sums(path: Path) -> list[int]:
    """The checksums of an array's chunks; none where they are not there or damaged."""
    try:
        values = read_json(_sums_file(path))
        return list(values["chunks"]) if is_whole(values) and values["images"] == CHUNK else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _prepared(path: Path, shape: tuple[int, ...], progress: Progress) -> list[int]:
    """Make a file of this shape beside ``path`` that has space for every row, or keep the one that is there.

    Returns:
        The checksums of its chunks; fewer than chunks where there are no more. Those of a chunk that is not
        made differ from what the file holds.
    """
    part, sums = path.with_suffix(".part.npy"), _sums(path)
    if path.exists():
        array = _mapped(path, shape)
        if array is not None and not _sums_file(path).exists():  # from before there were checksums
            sums = [_sum(array[start : start + CHUNK]) for start in range(0, len(array), CHUNK)]
            _write_sums(path, sums)
        else:
            progress.say(f"{path} is not what was left there; what differs is made again")
        path.replace(part)
    if _mapped(part, shape) is None:
        _reserve(part, shape)
        return []
    return sums


def _reserve(part: Path, shape: tuple[int, ...]) -> None:
    """Write an array file whose rows have no values yet. Its space is asked for at once: in a file with
    holes, a full disk would be found late, and by a signal that ends the process."""
    try:
        with part.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            length = file.tell() + math.prod(shape)
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, length)
            except OSError as error:
                if is_full(error):
                    raise
            file.truncate(length)  # where space cannot be asked for
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _build(
    reader: Reader, samples: Sequence[Sample], path: Path, sums: Sequence[int], progress: Progress
) -> None:
    """Make the chunks that differ from their checksums in the file beside ``path``, which takes its place."""
    part, shape = path.with_suffix(".part.npy"), (len(samples), *reader.shape)
    array = np.load(part, mmap_mode="r")
    missing, known = _damaged(array, sums), [*sums, *[-1] * (-(-len(samples) // CHUNK) - len(sums))]
    del array
    chunks = [samples[chunk * CHUNK : (chunk + 1) * CHUNK] for chunk in missing]
    start = part.stat().st_size - math.prod(shape)
    work = functools.partial(_read_chunk, reader)
    with (
        progress.task(reader.what, len(samples)) as advance,
        part.open("r+b") as file,
        # Else the traceback of an interruption would keep workers alive that have nothing to do.
        closing(in_order(work, chunks, processes=reader.holds_lock)) as rows_of,
    ):
        advance(len(samples) - sum(map(len, chunks)))
        for chunk, rows in zip(missing, rows_of, strict=True):
            file.seek(start + chunk * CHUNK * math.prod(reader.shape))
            file.write(np.ascontiguousarray(rows).data)  # a full disk is an error here, a signal in a map
            file.flush()
            known[chunk] = _sum(rows)
            _write_sums(path, known)
            advance(len(rows))
        os.fsync(file.fileno())
    part.replace(path)


def _write_sums(path: Path, sums: Sequence[int]) -> None:
    write_json(_sums_file(path), sealed({"images": CHUNK, "chunks": list(sums)}))


def _read_chunk(reader: Reader, samples: Sequence[Sample]) -> np.ndarray:
    return np.stack([reader(sample) for sample in samples])
