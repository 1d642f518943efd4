"""Stored predictions of single images, for what shows a few of many: only the shards of these are read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.predictions.store import from_arrays, sliced
from wsbench.types import Prediction

KEPT_SHARDS = 4
"""Shards that are kept in memory. One of 128 images with a map of 64 x 64 cells takes a megabyte a class."""


class StoredImages:
    """The predictions of a role, read image by image. Several threads may read at once.

    Attributes:
        names: the names of the images.
        scores: ``(N, C)`` float64, rounded to single precision.
        has_maps: whether heatmaps are stored; otherwise the method gave boxes alone.
    """

    def __init__(self, folder: Path, role: str, classes: Sequence[str]) -> None:
        """Read names and scores.

        Args:
            folder: the folder of the shards.
            role: the role.
            classes: the names of the classes.

        Raises:
            WsbenchError: nothing is stored for the role.
        """
        self._classes = tuple(classes)
        self._places: dict[str, tuple[Path, int]] = {}
        self._read: OrderedDict[Path, Prediction] = OrderedDict()
        self._lock = threading.Lock()
        self.has_maps = False
        scores = []
        for path in sorted(folder.glob(f"{role}-*.npz")):
            with np.load(path, allow_pickle=False) as arrays:
                self._places |= {name: (path, row) for row, name in enumerate(arrays["names"].tolist())}
                scores.append(arrays["scores"].astype(np.float32).astype(np.float64))
                self.has_maps = "heatmaps" in arrays
        if not scores:
            raise WsbenchError(f"{folder}: has no predictions of {role}; rerun the command that made it")
        self.names = tuple(self._places)
        self.scores = np.concatenate(scores)

    def prediction(self, name: str) -> Prediction:
        """Read the predictions of one image.

        Args:
            name: one of `names`.
        """
        path, row = self._places[name]
        with self._lock:
            if path not in self._read:
                with np.load(path, allow_pickle=False) as arrays:
                    self._read[path] = from_arrays(arrays, self._classes)
            self._read.move_to_end(path)
            if len(self._read) > KEPT_SHARDS:
                self._read.popitem(last=False)
            return sliced(self._read[path], row, row + 1)
