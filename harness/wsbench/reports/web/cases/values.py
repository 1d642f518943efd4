"""What a page knows of its cases, as JSON values: an index of all, and the details of one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wsbench.errors import printable
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import full_image
from wsbench.reports.cases import OUTCOMES
from wsbench.reports.web.cases.maps import map_values
from wsbench.reports.web.cases.table import CaseTable, MethodCases
from wsbench.scoring.strata import HIT_IOU

SIZES = ("small", "middle", "large")
"""The thirds of all lesions of the test images by their share of the image."""

SCORE_BINS = 10
"""Bins of equal width of class scores, by which images can be filtered."""

LETTERS = "ABCDEFGH"
"""How methods are called on films, in their order."""


def index_values(table: CaseTable, rows: Sequence[int]) -> dict[str, Any]:
    """What every case is listed, sorted and filtered by.

    Args:
        table: the test images.
        rows: the rows of the images that are listed.
    """
    codes = {outcome: str(code) for code, outcome in enumerate(OUTCOMES)}
    worst = np.rint(table.badness * 100).astype(int)
    return {
        "classes": [printable(name) for name in table.truth.classes],
        "outcomes": list(OUTCOMES),
        "hit": HIT_IOU,
        "images": len(table.samples),
        "methods": [_method_values(method, number) for number, method in enumerate(table.methods)],
        "cases": [
            {
                "id": row,
                "picture": True,
                **_truth_values(table, row),
                "outcomes": ["".join(codes[name] for name in m.outcomes[row]) for m in table.methods],
                "bins": ["".join(map(str, _bins(m.stored.scores[row]))) for m in table.methods],
                "worst": worst[:, row].tolist(),
            }
            for row in rows
        ],
    }


def _method_values(method: MethodCases, number: int) -> dict[str, Any]:
    return {
        "name": method.label,
        "floor": not method.reads_image,
        "letter": LETTERS[number],
        "seed": method.seed,
        "points": [_short(point) for point in method.operating_points],
        "rules": [[rule.threshold, rule.minimum_area] for rule in method.rules],
        "maps": method.stored.has_maps,
    }


def _truth_values(table: CaseTable, row: int) -> dict[str, Any]:
    sample, truth = table.samples[row], table.truth
    boxes = np.flatnonzero(truth.truth.image == row)
    unknown = truth.labels[row] & ~truth.known[row]
    return {
        "name": printable(sample.name),
        "size": [sample.width, sample.height],
        "labels": np.flatnonzero(truth.labels[row]).tolist(),
        "unknown": np.flatnonzero(unknown).tolist(),
        "truth": [
            [int(truth.truth.label[box]), *map(_pixel, truth.truth.xyxy[box]), int(table.thirds[box])]
            for box in boxes
        ],
    }


def _bins(scores: np.ndarray) -> list[int]:
    bins: list[int] = np.clip(np.floor(scores * SCORE_BINS), 0, SCORE_BINS - 1).astype(int).tolist()
    return bins


def relevant_columns(table: CaseTable, row: int) -> list[int]:
    """The classes that an image has, or that a method predicts, and the one that methods are worst about;
    all of at most two."""
    classes = len(table.truth.classes)
    if classes <= 2:
        return list(range(classes))
    relevant = table.truth.labels[row].copy()
    for method in table.methods:
        relevant |= np.isin(method.outcomes[row], ["tp", "fp"])
    relevant[int(table.badness[:, row].max(axis=0).argmax())] = True
    return np.flatnonzero(relevant).tolist()


def detail_values(table: CaseTable, row: int, columns: Sequence[int], *, maps: bool) -> dict[str, Any]:
    """What methods predict of one image.

    Args:
        table: the test images.
        row: the image.
        columns: the indices of the classes whose boxes and heatmaps are included.
        maps: whether heatmaps are, from which boxes can be cut at other thresholds.
    """
    return {
        "columns": list(columns),
        "methods": [_predicted(table, method, row, columns, maps=maps) for method in table.methods],
    }


def _predicted(
    table: CaseTable, method: MethodCases, row: int, columns: Sequence[int], *, maps: bool
) -> dict[str, Any]:
    values: dict[str, Any] = {
        "scores": [_short(score) for score in method.stored.scores[row]],
        "overlaps": [None if math.isnan(iou) else _short(iou) for iou in method.overlaps[row]],
        "boxes": boxes_by_column(method.boxes, row, columns),
        "maps": {},
        "own": {},
    }
    if method.own_boxes is not None:
        values["own"] = _own_boxes(method, row, columns)
    elif maps:
        sample = table.samples[row]
        prediction = method.stored.prediction(sample.name)
        full = full_image(sample.width, sample.height)
        for column in columns:
            score = float(method.stored.scores[row, column])
            values["maps"][column] = {"score": score, **map_values(prediction, column, full)}
    return values


def boxes_by_column(boxes: BoxTable, row: int, columns: Sequence[int]) -> dict[int, list[list[float]]]:
    """The boxes of an image by the index of their class: corners in pixels, and score."""
    of_image = np.flatnonzero(boxes.image == row)
    return {
        column: [
            [*map(_pixel, boxes.xyxy[box]), _short(boxes.score[box])]
            for box in of_image[boxes.label[of_image] == column]
        ]
        for column in columns
    }


def _own_boxes(method: MethodCases, row: int, columns: Sequence[int]) -> dict[int, list[list[float]]]:
    """The boxes that a method gave, in full, with the share by which a rule selects."""
    own = method.own_boxes
    assert own is not None
    of_image = np.flatnonzero(own.image == row)
    return {
        column: [
            [*own.xyxy[box].tolist(), float(own.score[box]), float(method.shares[box])]
            for box in of_image[own.label[of_image] == column]
        ]
        for column in columns
    }


def json_for_html(values: Mapping[str, Any]) -> str:
    """JSON that may stand inside ``<script type="application/json">``: it has no sign that ends one."""
    text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _short(value: float) -> float:
    """A score as a page shows it."""
    return float(f"{value:.4g}")


def _pixel(value: float) -> float:
    return round(float(value), 2)
