"""Ties a record of a leaderboard to the predictions that it was submitted with, by a hash in their file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from wsbench.contract import record_files
from wsbench.contract.records import FILE as RECORD
from wsbench.runs.replay_arrays import DIGEST, FILE, load, save


def seal(source: Path, target: Path, record: Path) -> None:
    """Copy a run's file to a leaderboard, with the hash of the record that it stands beside."""
    save(target, {**load(source), DIGEST: np.array(digest_of(record))})


def digest_of(record: Path) -> str:
    """Hash of the text in a record's file, however that is compressed."""
    return hashlib.sha256(record_files.read_bytes(record)).hexdigest()


def differences_of_seal(path: Path) -> Iterator[str]:
    """Whether a record is the one that was submitted with the predictions beside it: nothing, if it is.

    Args:
        path: of the record's file.

    Raises:
        WsbenchError: there are no predictions, or they are none of wsbench.
    """
    yield from unsealed(path, load(predictions_of(path)))


def unsealed(path: Path, arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
    """The same, where the predictions are read already."""
    if str(arrays.get(DIGEST, "")) != digest_of(path):
        yield "the record is not the one that was submitted with its predictions"


def predictions_of(path: Path) -> Path:
    """The file that lies beside a record's, in a run's folder or in a leaderboard."""
    return path.with_name(FILE) if path.name == RECORD else record_files.predictions_beside(path)
