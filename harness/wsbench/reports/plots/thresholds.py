"""The thresholds that were chosen, and the objective's values at all others, on the role of the choice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.reports.plots.points import Absent, ClassCurves, Panel, panels_of
from wsbench.reports.plots.run_data import PROTOCOL, RunData

UNCHOSEN = "no box threshold was chosen: the calibrate role has no box, or was not predicted"


def thresholds(runs: Sequence[RunData]) -> tuple[Panel, ...] | Absent:
    """The objective on the calibrate role at every threshold, each with its best minimum area. Marks are the
    chosen thresholds. The ``value`` of a line is the objective there."""
    return panels_of(runs, lambda seeds: [_curves(run) for run in seeds], UNCHOSEN)


def _curves(run: RunData) -> ClassCurves:
    boxes = run.record.protocols[PROTOCOL].get("calibration", {}).get("boxes", {})
    curves = {name: boxes[name]["curve"] for name in run.classes if boxes.get(name, {}).get("curve")}
    if not curves:
        raise WsbenchError(UNCHOSEN)
    places = np.array(next(iter(curves.values())), dtype=np.float64)[:, 0]
    values, marks = np.full(len(run.classes), np.nan), np.full((len(run.classes), 2), np.nan)
    heights = np.full((len(run.classes), len(places)), np.nan)
    for column, name in enumerate(run.classes):
        if name in curves and len(curves[name]) == len(places):
            heights[column] = np.array(curves[name], dtype=np.float64)[:, 2]
            values[column] = boxes[name]["value"]
            marks[column] = boxes[name]["threshold"], boxes[name]["value"]
    return ClassCurves(places, heights, None, places, values, marks)
