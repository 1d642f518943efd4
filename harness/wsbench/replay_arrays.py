"""The file of predictions that a submission carries: named arrays, by ``protocol/column``, in an npz
archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wsbench import checksums
from wsbench.errors import WsbenchError
from wsbench.files import atomic

FILE = "replay.npz"
DIGEST = "record"
"""The array that holds the hash of the record which a file belongs to."""


def without_copies(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Protocol ``paper`` mostly has the scores of ``uniform``: then only one copy is kept."""
    return {
        name: values
        for name, values in arrays.items()
        if not (
            name.startswith("paper/")
            and name.partition("/")[2] in ("scores", "select", "heatmaps")
            and np.array_equal(values, arrays.get(f"uniform/{name.partition('/')[2]}"))
        )
    }


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As npz, the same bytes for the same arrays: an archive's times would differ."""
    with atomic(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, values in sorted(arrays.items()):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(values), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(member, buffer.getvalue(), zipfile.ZIP_LZMA)


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, by ``protocol/column``.

    Raises:
        WsbenchError: it cannot be read, is not one of wsbench, or not what a run left in its folder.
    """
    if path.name == FILE and path.exists():
        checksums.require(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise WsbenchError(
            f"{path} cannot be read ({error.strerror}); submit the run again with its predictions"
        ) from None
    except Exception as error:  # a damaged archive raises whatever zipfile and its decompressors raise
        raise WsbenchError(f"{path}: not predictions of a submission: {error}") from None
    shared = {
        f"paper/{name.partition('/')[2]}": values
        for name, values in arrays.items()
        if name in ("uniform/scores", "uniform/select", "uniform/heatmaps")
    }
    return {**shared, **arrays}
