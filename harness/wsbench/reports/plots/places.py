"""Where in the image lesions are, and where they are hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.geometry.box_table import BoxTable
from wsbench.reports.plots.groups import NO_BOXES
from wsbench.reports.plots.points import MOST_SERIES, Absent
from wsbench.reports.plots.run_data import RunData, series_of
from wsbench.scoring.strata import lesion_hits

GRID = 8
"""Cells along each side of the image."""


@dataclass(frozen=True)
class Places:
    """The lesions of one dataset, and the hits of one method, on a grid over the image.

    Attributes:
        label: the method with its settings.
        lesions: ``(8, 8)`` how many truth boxes have their centre in each cell; row 0 is the top.
        hits: ``(8, 8)`` how many of these a box of their class hits, as the mean over seeds.
    """

    label: str
    lesions: np.ndarray
    hits: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The method."""
        return [self.label]


def places(runs: Sequence[RunData]) -> tuple[Places, ...] | Absent:
    """The places of lesions and of hits, for each method."""
    result = []
    problem = "no run was named"
    for series in series_of(runs)[:MOST_SERIES]:
        try:
            tables = [run.table for run in series.runs]
        except WsbenchError as error:
            problem = str(error)
            continue
        if len(tables[0].truth) == 0:
            problem = NO_BOXES
            continue
        hit = np.mean([lesion_hits(table) for table in tables], axis=0)
        truth, sizes = tables[0].truth, tables[0].sizes
        result.append(Places(series.label, counted(truth, sizes), counted(truth, sizes, hit)))
    return tuple(result) or Absent(problem)


def counted(boxes: BoxTable, sizes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Sum weights of boxes over the cells that hold their centres.

    Args:
        boxes: T boxes on N images.
        sizes: ``(N, 2)`` width and height of the images, in pixels.
        weights: ``(T,)``; None counts boxes.

    Returns:
        ``(8, 8)`` floats.
    """
    centre = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / 2 / sizes[boxes.image]
    column, row = np.clip((centre * GRID).astype(np.intp), 0, GRID - 1).T
    sums = np.bincount(row * GRID + column, weights, minlength=GRID * GRID)
    return sums.astype(np.float64).reshape(GRID, GRID)
