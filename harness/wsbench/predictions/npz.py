"""Reads heatmaps from an npz file and fits them to a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, model_validator

from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError, choose, suggestion
from wsbench.files import archives
from wsbench.files.archives import array
from wsbench.geometry.coordinates import full_image
from wsbench.predictions.file_checks import listed_once, require, scores_in_unit
from wsbench.predictions.store import SCORED_ROLES
from wsbench.types import Prediction, Region, Role

MAX_SIDE = 4096
"""The largest number of rows or columns of a heatmap or box grid. Radiographs show no finer detail."""

MIN_REGION_PIXELS = 2
"""The smallest side of a region, in pixels of the image. A smaller region is probably in shares of the
image."""

MAX_REGION_SIDES = 4
"""The largest side of a region, as a multiple of the image's longer side. Regions of padded inputs reach
beyond the image."""


def _grid(values: np.ndarray) -> np.ndarray:
    sides = np.ravel(values)
    two_integers = sides.dtype.kind in "iu" and len(sides) == 2
    if not (two_integers and sides.min() >= 1 and sides.max() <= MAX_SIDE):
        raise ValueError(
            f"{sides[:3].tolist()} must be a number of rows and of columns, at most {MAX_SIDE} each"
        )
    return sides


class HeatmapFile(archives.Arrays):
    """The arrays of a file: N images and C classes, and M heatmaps of h rows and w columns.

    Attributes:
        names: ``(N,)`` the names of the images.
        classes: ``(C,)`` the names of the classes.
        scores: ``(N, C)`` numbers in [0, 1].
        heatmaps: ``(M, C, h, w)`` numbers in [0, 1].
        map_names: ``(M,)`` the names of the images with heatmaps; None if these are ``names``.
        regions: ``(M, 4)`` x0, y0, x1, y1 of the region that each heatmap covers, in pixels of the image.
        box_grid: rows and columns of the grid that boxes are cut from.
    """

    names: Annotated[np.ndarray, array("text", axes=1)]
    classes: Annotated[np.ndarray, array("text", axes=1)]
    scores: Annotated[np.ndarray, array("numbers", axes=2)]
    heatmaps: Annotated[np.ndarray, array("numbers", axes=4)]
    map_names: Annotated[np.ndarray, array("text", axes=1)] | None = None
    regions: Annotated[np.ndarray, array("numbers", axes=2)] | None = None
    box_grid: Annotated[np.ndarray, AfterValidator(_grid)] | None = None

    @model_validator(mode="after")
    def _shapes_agree(self) -> HeatmapFile:
        images, classes = len(self.names), len(self.classes)
        maps = images if self.map_names is None else len(self.map_names)
        expected = {"scores": (images, classes), "heatmaps": (maps, classes), "regions": (maps, 4)}
        for name, shape in expected.items():
            values = getattr(self, name)
            if values is not None and values.shape[:2] != shape:
                raise ValueError(f"{name} has shape {values.shape}, not {shape} ...")
        sides = self.heatmaps.shape[2:]
        if min(sides) < 1 or max(sides) > MAX_SIDE:
            raise ValueError(f"heatmaps has shape {self.heatmaps.shape}: 1 to {MAX_SIDE} rows and columns")
        return self


class HeatmapArrays:
    """The scores and heatmaps of a file, checked against a dataset."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path = path
        self._loaded = loaded
        self._size = {sample.name: (sample.width, sample.height) for sample in loaded.samples}
        self._file = archives.read_archive(HeatmapFile, path, "an npz file of plain arrays")
        map_names = self._file.map_names
        self._row = self._rows_of(self._file.names, "image")
        self._map_row = self._row if map_names is None else self._rows_of(map_names, "heatmap of")
        self._columns = self._classes()

    def parts(self) -> dict[Role, Prediction]:
        """Return the predictions of select, calibrate and test."""
        return {role: self._part(role) for role in SCORED_ROLES}

    def _part(self, role: Role) -> Prediction:
        names = self._loaded.roles.members[role]
        self._require(names, self._row, role, "score")
        scores = self._file.scores[[self._row[name] for name in names]][:, self._columns]
        for name, of_image in zip(names, scores, strict=True):
            scores_in_unit(self._path, of_image, f"the scores of {name}")
        if role == "select":
            return Prediction(scores, boxes=[[] for _ in names])
        self._require(names, self._map_row, role, "heatmap")
        rows = [self._map_row[name] for name in names]
        heatmaps = self._file.heatmaps[rows][:, self._columns]
        self._check_maps(names, heatmaps)
        grid = self._file.box_grid
        sides = None if grid is None else (int(grid[0]), int(grid[1]))
        return Prediction(scores, heatmaps, [self._region(name) for name in names], box_grid=sides)

    def _require(self, names: Sequence[str], rows: Mapping[str, int], role: Role, noun: str) -> None:
        """Raise WsbenchError if images of a role are missing.

        If the file has names that the dataset lacks, the message shows the first of them and the nearest name
        of the dataset.
        """
        missing = [name for name in names if name not in rows]
        unknown = next((name for name in rows if name not in self._size), None)
        if missing and unknown is not None:
            raise WsbenchError(
                f"{self._path}: image '{unknown}' is not in {self._loaded.spec.name}; "
                f"{suggestion(unknown, self._size)}"
            )
        require(self._path, missing, role, noun)

    def _rows_of(self, names: np.ndarray, noun: str) -> dict[str, int]:
        """Return the row of each name in an array of names.

        Raises:
            WsbenchError: a name occurs twice.
        """
        listed_once(self._path, names.tolist(), noun)
        return {name: row for row, name in enumerate(names.tolist())}

    def _classes(self) -> list[int]:
        """Return the column of each class of the dataset."""
        file_classes = list(self._rows_of(self._file.classes, "class"))
        dataset_classes = self._loaded.dataset.classes
        for name in file_classes:
            choose(name, dict.fromkeys(dataset_classes), f"class of {self._loaded.spec.name}")
        if missing := [name for name in dataset_classes if name not in file_classes]:
            raise WsbenchError(f"{self._path}: has no scores of class {', '.join(missing)}; add them")
        return [file_classes.index(name) for name in dataset_classes]

    def _check_maps(self, names: Sequence[str], heatmaps: np.ndarray) -> None:
        """Raise WsbenchError if a value of a heatmap is NaN or not in [0, 1]."""
        for name, of_image in zip(names, heatmaps, strict=True):
            beyond = of_image[~((of_image >= 0) & (of_image <= 1))]
            if len(beyond):
                raise WsbenchError(
                    f"{self._path}: the heatmaps of {name} must lie in [0, 1], found {beyond[0]:g}; "
                    "divide grey levels by 255, or each map by its maximum"
                )

    def _region(self, name: str) -> Region:
        width, height = self._size[name]
        if self._file.regions is not None:
            region = Region(*map(float, self._file.regions[self._map_row[name]]))
            self._check_region(name, region)
            return region
        rows, columns = self._file.heatmaps.shape[2:]
        if abs(columns - width * rows / height) > 1:
            raise WsbenchError(
                f"{self._path}: the heatmap of {name} is {columns}x{rows}, its image {width}x{height}: their "
                "aspects differ; add the array 'regions', the x0, y0, x1, y1 of the image that each covers"
            )
        return full_image(width, height)

    def _check_region(self, name: str, region: Region) -> None:
        width, height = self._size[name]
        limit = MAX_REGION_SIDES * max(width, height)
        overlaps = region.x0 < width and region.x1 > 0 and region.y0 < height and region.y1 > 0
        sides = (region.width, region.height)
        if not (overlaps and min(sides) >= MIN_REGION_PIXELS and max(sides) <= limit):
            raise WsbenchError(
                f"{self._path}: the region of {name} covers {sides[0]:g}x{sides[1]:g} of "
                f"{width}x{height} pixels from {region.x0:g}, {region.y0:g}; "
                "regions are x0, y0, x1, y1 in pixels of the image"
            )
