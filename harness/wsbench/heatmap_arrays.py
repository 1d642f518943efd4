"""Heatmaps in an npz file, fitted to a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wsbench.catalog import Role
from wsbench.errors import WsbenchError, choose
from wsbench.frames import Region, full_image
from wsbench.loading import Loaded
from wsbench.predictions import SCORED_ROLES, listed_once, require, scores_in_unit
from wsbench.types import Prediction


class HeatmapArrays:
    """The scores and heatmaps of a file, checked against a dataset."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path = path
        self._loaded = loaded
        self._size = {sample.name: (sample.width, sample.height) for sample in loaded.samples}
        try:
            with np.load(path, allow_pickle=False) as arrays:
                self._arrays = {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, EOFError) as error:
            raise WsbenchError(f"{path}: not an npz file of plain arrays: {error}") from None
        for name in ("names", "classes", "scores", "heatmaps"):
            if name not in self._arrays:
                raise WsbenchError(f"{path}: has no array '{name}' (it has {', '.join(self._arrays)})")
        self._row = self._rows_of("names", "image")
        self._map_row = self._rows_of("map_names", "heatmap of") if "map_names" in self._arrays else self._row
        self._columns = self._classes()
        self._check_shapes(len(self._map_row))

    def parts(self) -> dict[Role, Prediction]:
        """Predictions of all three roles: box rules are chosen on calibrate, operating points on select."""
        return {role: self._part(role) for role in SCORED_ROLES}

    def _part(self, role: Role) -> Prediction:
        names = self._loaded.roles.members[role]
        require(self._path, [name for name in names if name not in self._row], role, "score")
        scores = self._arrays["scores"][[self._row[name] for name in names]][:, self._columns]
        for name, of_image in zip(names, scores, strict=True):
            scores_in_unit(self._path, of_image, f"the scores of {name}")
        if role == "select":
            return Prediction(scores, boxes=[[] for _ in names])
        require(self._path, [name for name in names if name not in self._map_row], role, "heatmap")
        rows = [self._map_row[name] for name in names]
        heatmaps = self._arrays["heatmaps"][rows][:, self._columns]
        return Prediction(scores, heatmaps, [self._region(name) for name in names], box_grid=self._grid())

    def _rows_of(self, array: str, what: str) -> dict[str, int]:
        """The row of each name in an array of names.

        Raises:
            WsbenchError: a name occurs twice.
        """
        names = [str(name) for name in self._arrays[array].tolist()]
        listed_once(self._path, names, what)
        return {name: row for row, name in enumerate(names)}

    def _grid(self) -> tuple[int, int] | None:
        if "box_grid" not in self._arrays:
            return None
        grid = np.ravel(self._arrays["box_grid"])
        if len(grid) != 2 or not np.issubdtype(grid.dtype, np.integer) or grid.min() < 1:
            raise WsbenchError(
                f"{self._path}: box_grid {grid.tolist()} must be a number of rows and of columns"
            )
        return int(grid[0]), int(grid[1])

    def _classes(self) -> list[int]:
        """The column of each of the dataset's classes."""
        given = list(self._rows_of("classes", "class"))
        wanted = self._loaded.dataset.classes
        for name in given:
            choose(name, dict.fromkeys(wanted), f"class of {self._loaded.spec.name}")
        if missing := [name for name in wanted if name not in given]:
            raise WsbenchError(f"{self._path}: has no scores of class {', '.join(missing)}")
        return [given.index(name) for name in wanted]

    def _check_shapes(self, maps: int) -> None:
        classes = len(self._arrays["classes"])
        expected = {"scores": (len(self._row), classes), "heatmaps": (maps, classes)}
        if "regions" in self._arrays:
            expected["regions"] = (maps, 4)
        for name, shape in expected.items():
            if self._arrays[name].shape[:2] != shape:
                raise WsbenchError(
                    f"{self._path}: {name} has shape {self._arrays[name].shape}, not {shape} ..."
                )
        if self._arrays["heatmaps"].ndim != 4:
            raise WsbenchError(f"{self._path}: heatmaps must be (images, classes, height, width)")

    def _region(self, name: str) -> Region:
        width, height = self._size[name]
        if "regions" in self._arrays:
            return Region(*map(float, self._arrays["regions"][self._map_row[name]]))
        rows, columns = self._arrays["heatmaps"].shape[2:]
        if abs(columns - width * rows / height) > 1:
            raise WsbenchError(
                f"{self._path}: the heatmap of {name} is {columns}x{rows}, its image {width}x{height}: their "
                "aspects differ; add the array 'regions', the x0, y0, x1, y1 of the image that each covers"
            )
        return full_image(width, height)
