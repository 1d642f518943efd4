"""Caches what is made of a dataset's images (pixels, organ masks) in one memory-mapped array for each
size."""

from __future__ import annotations

import functools
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from wsbench.data.readers import Reader, UncachedArray
from wsbench.errors import WsbenchError
from wsbench.files.checksums import is_intact, sealed
from wsbench.files.locks import PATIENCE, Busy, held
from wsbench.files.user_files import expanded
from wsbench.files.writing import CACHE_VARIABLE, is_full, no_space, read_json, write_json
from wsbench.types import Sample
from wsbench.utils.progress import Progress
from wsbench.utils.workers import in_order

CHUNK = 32
"""Images that share a checksum. A chunk is the smallest piece that is made again after damage."""


UNFINISHED = ".part.npy"
"""The end of the name of an array file that is not finished."""


def cache_folder() -> Path:
    """Return the folder of the cache: ``$WSBENCH_CACHE``, or ``wsbench`` in the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return expanded(chosen)
    return user_cache_path("wsbench")


def array_of(
    reader: Reader, samples: Sequence[Sample], path: Path, progress: Progress
) -> np.ndarray | UncachedArray:
    """Return one row for every sample, from a file that is made at the first use.

    If the process is killed while it makes the file, the next one continues. A second process waits for the
    first. Each process compares the file with its checksums at its first use, and makes damaged chunks again.
    If the folder cannot be written, rows are made whenever they are indexed.

    Args:
        reader: makes the rows.
        samples: the M samples, in the order of the rows.
        path: the file of the array, in a folder for these samples alone.
        progress: shown while rows are made.

    Returns:
        ``(M, *reader.shape)`` uint8, a read-only memory map.

    Raises:
        WsbenchError: a row cannot be made, no space is left, or another process that makes the array hangs.
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
                return _uncached(reader, samples, path.parent, error, progress)
            _build(reader, samples, path, sums, progress)
    except OSError as error:
        if not is_full(error):
            raise
        raise WsbenchError(f"{no_space(path.parent)}, or name another folder with --cache") from None
    array = _checked(path, shape)
    if array is None:
        raise WsbenchError(f"{path}: its content is not what was written; name another --cache")
    return array


@contextmanager
def _held(path: Path, progress: Progress) -> Iterator[None]:
    """Be the only process that makes an array. Wait for another process as long as it makes rows."""
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


_reported: set[Path] = set()
"""Folders that this process has reported as not writable."""


def _uncached(
    reader: Reader, samples: Sequence[Sample], folder: Path, error: OSError, progress: Progress
) -> UncachedArray:
    if folder not in _reported:
        _reported.add(folder)
        progress.say(
            f"{folder} cannot be written ({error.strerror}), so images are read whenever they are needed, "
            "which is slow; name another folder with --cache"
        )
    return UncachedArray(reader, samples)


_sound: set[tuple[Path, int, int, int]] = set()
"""Path, size, time of change and inode of the files that this process has compared with their checksums."""


def _checked(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the array in a file, or None if a chunk differs from its checksum. A process compares once."""
    array = _mapped(path, shape)
    if array is None:
        return None
    status = path.stat()
    version = (path.resolve(), status.st_size, status.st_mtime_ns, status.st_ino)
    if version not in _sound:
        if _damaged(array, _sums(path)):
            return None
        _sound.add(version)
    return array


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the array in a file, or None if there is no array of this shape."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError, SyntaxError):  # NumPy raises all of these for a damaged header
        return None
    sound = isinstance(array, np.memmap) and array.shape == shape and array.dtype == np.uint8
    return array if sound else None


def _damaged(array: np.ndarray, sums: Sequence[int]) -> list[int]:
    """Return the numbers of the chunks that differ from their checksums, or have none."""
    count = -(-len(array) // CHUNK)
    known = min(count, len(sums))
    with ThreadPoolExecutor() as pool:
        now = pool.map(lambda chunk: _sum(array[chunk * CHUNK : (chunk + 1) * CHUNK]), range(known))
        wrong = [chunk for chunk, value in enumerate(now) if value != sums[chunk]]
    return [*wrong, *range(known, count)]


def _sum(rows: np.ndarray) -> int:
    # Three times as fast as a cryptographic hash, which only a forger would make necessary.
    return zlib.crc32(np.ascontiguousarray(rows).data)


def _sums_file(path: Path) -> Path:
    return path.with_suffix(".sums.json")


def _sums(path: Path) -> list[int]:
    """Read the checksums of an array's chunks; none if their file is absent or damaged."""
    try:
        values = read_json(_sums_file(path))
        return list(values["chunks"]) if is_intact(values) and values["images"] == CHUNK else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _prepared(path: Path, shape: tuple[int, ...], progress: Progress) -> list[int]:
    """Prepare the unfinished file beside ``path``, with space for every row. An existing one is kept.

    Returns:
        The checksums of its first chunks; the others have none. The checksum of a chunk that has not been
        made differs from that of its content.
    """
    unfinished, sums = path.with_suffix(UNFINISHED), _sums(path)
    if path.exists():
        array = _mapped(path, shape)
        if array is not None and not _sums_file(path).exists():  # of a version without checksums
            sums = [_sum(array[start : start + CHUNK]) for start in range(0, len(array), CHUNK)]
            _write_sums(path, sums)
        else:
            progress.say(f"{path} is not what was left there; what differs is made again")
        path.replace(unfinished)
    if _mapped(unfinished, shape) is None:
        _reserve(unfinished, shape)
        return []
    return sums


def _reserve(path: Path, shape: tuple[int, ...]) -> None:
    """Write an array file whose rows have no values yet.

    Its space is reserved at once. In a sparse file, a full disk would be noticed late, by a signal that ends
    the process.
    """
    try:
        with path.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            length = file.tell() + math.prod(shape)
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, length)
            except OSError as error:
                if is_full(error):
                    raise
            file.truncate(length)  # for file systems that cannot reserve space
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _build(
    reader: Reader, samples: Sequence[Sample], path: Path, sums: Sequence[int], progress: Progress
) -> None:
    """Make the chunks of the unfinished file that differ from their checksums, and rename it to ``path``."""
    unfinished, shape = path.with_suffix(UNFINISHED), (len(samples), *reader.shape)
    array = np.load(unfinished, mmap_mode="r")
    missing, known = _damaged(array, sums), [*sums, *[-1] * (-(-len(samples) // CHUNK) - len(sums))]
    del array
    chunks = [samples[chunk * CHUNK : (chunk + 1) * CHUNK] for chunk in missing]
    start = unfinished.stat().st_size - math.prod(shape)  # after the header
    work = functools.partial(_read_chunk, reader)
    before = len(samples) - sum(map(len, chunks))
    with (
        progress.task(reader.task, len(samples), unit="images", before=before) as advance,
        unfinished.open("r+b") as file,
        # Without `closing`, the traceback of an interruption would keep idle workers alive.
        closing(in_order(work, chunks, processes=reader.holds_lock)) as rows_of,
    ):
        for chunk, rows in zip(missing, rows_of, strict=True):
            file.seek(start + chunk * CHUNK * math.prod(reader.shape))
            # Written to the file: for a memory map, a full disk would be a signal instead of an error.
            file.write(np.ascontiguousarray(rows).data)
            file.flush()
            known[chunk] = _sum(rows)
            _write_sums(path, known)
            advance(len(rows))
        os.fsync(file.fileno())
    unfinished.replace(path)


def _write_sums(path: Path, sums: Sequence[int]) -> None:
    write_json(_sums_file(path), sealed({"images": CHUNK, "chunks": list(sums)}))


def _read_chunk(reader: Reader, samples: Sequence[Sample]) -> np.ndarray:
    return np.stack([reader(sample) for sample in samples])
