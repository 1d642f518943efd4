"""The HTML of the explorer of cases: pictures, and the values that its script works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsbench.data.dataset import Loaded
from wsbench.reports.cases import OUTCOMES
from wsbench.reports.web.cases.choice import worst_then_spread
from wsbench.reports.web.cases.pictures import EMBEDDED_QUALITY, EMBEDDED_SIDE, jpeg
from wsbench.reports.web.cases.table import CaseTable, MethodCases
from wsbench.reports.web.cases.values import (
    LETTERS,
    SIZES,
    detail_values,
    index_values,
    json_for_html,
    relevant_columns,
)
from wsbench.reports.web.document import Section, data_uri, rendered

ANCHOR = "cases"

MAX_LISTED = 200
"""Images that are listed without a picture beside those that have one, so that a page stays small."""

STYLES = ("cases.css",)
SCRIPTS = ("cases_boxes.js", "cases_film.js", "cases_choice.js", "cases_scores.js", "cases.js")


@dataclass(frozen=True)
class Line:
    """A line of a table of scores: a class on an image, as one method predicts it.

    Attributes:
        label: the class.
        truth: whether it is there, in words.
        letter: of the method.
        score, point: of the class, and its operating point, in [0, 1].
        predicted: whether it is predicted.
        outcome: one of `OUTCOMES`.
        place: what its best box overlaps, in words.
    """

    label: str
    truth: str
    letter: str
    score: float
    point: float
    predicted: bool
    outcome: str
    place: str


def section_of(table: CaseTable, loaded: Loaded, images: int, *, pixels: bool) -> Section:
    """Make the section of a page that holds its pictures itself.

    Args:
        table: the test images.
        loaded: their dataset.
        images: how many get a picture.
        pixels: whether images and heatmaps are embedded.
    """
    count = min(images, len(table.samples))
    rows = worst_then_spread(table, count, min(len(table.samples), max(count, MAX_LISTED)))
    index = index_values(table, rows)
    for number, case in enumerate(index["cases"]):
        case["picture"] = pixels and number < count
        columns = relevant_columns(table, case["id"])
        case["details"] = detail_values(table, case["id"], columns, maps=case["picture"])
    pages = []
    for row in rows[:count]:
        picture = ""
        if pixels:
            picture = data_uri(
                jpeg(loaded, table.samples[row], EMBEDDED_SIDE, EMBEDDED_QUALITY), "image/jpeg"
            )
        pages.append(_static_page(table, row, picture))
    return _section(table, {**index, "pictures": "", "details": ""}, pages, pixels=pixels)


def served_section(table: CaseTable, folder: str) -> Section:
    """Make the section of a page whose pictures and heatmaps are read when they are looked at.

    Args:
        table: the test images.
        folder: the address below which the server has ``pictures/ID`` and ``details/ID``.
    """
    index = index_values(table, range(len(table.samples)))
    values = {**index, "pictures": f"{folder}/pictures/", "details": f"{folder}/details/"}
    return _section(table, values, [], pixels=True)


def _section(
    table: CaseTable, values: dict[str, Any], pages: Sequence[dict[str, Any]], *, pixels: bool
) -> Section:
    from markupsafe import Markup

    body = rendered(
        "cases.html",
        methods=[
            {"letter": LETTERS[number], "label": method.label, "seed": method.seed}
            for number, method in enumerate(table.methods)
        ],
        classes=table.truth.classes,
        outcomes=OUTCOMES,
        sizes=SIZES if len(table.truth.truth) else (),
        pages=pages,
        left_out=table.left_out,
        images=len(table.samples),
        listed=len(values["cases"]),
        pictures=len(pages) if pixels else 0,
        served=bool(values["details"]),
        pixels=pixels,
        data=Markup(json_for_html(values)),  # nosec B704 # it has no sign that HTML reads
    )
    return Section(ANCHOR, "Cases", body, STYLES, SCRIPTS)


def _static_page(table: CaseTable, row: int, picture: str) -> dict[str, Any]:
    """What the template draws of one image, for readers without the script."""
    sample, truth = table.samples[row], table.truth
    columns = relevant_columns(table, row)
    boxes = np.flatnonzero(truth.truth.image == row)
    return {
        "id": row,
        "name": sample.name,
        "width": sample.width,
        "height": sample.height,
        "picture": picture,
        "text": max(sample.width, sample.height) / 30,
        "truth": [_drawn(truth.truth.xyxy[box], truth.classes[truth.truth.label[box]]) for box in boxes],
        "methods": [
            [
                _drawn(method.boxes.xyxy[box], truth.classes[method.boxes.label[box]])
                for box in np.flatnonzero(method.boxes.image == row)
                if method.boxes.label[box] in columns
            ]
            for method in table.methods
        ],
        "lines": [
            _line(table, method, number, row, column)
            for column in columns
            for number, method in enumerate(table.methods)
        ],
    }


def _drawn(corners: np.ndarray, label: str) -> dict[str, Any]:
    x0, y0, x1, y1 = (round(float(corner), 1) for corner in corners)
    return {"x": x0, "y": y0, "width": round(x1 - x0, 1), "height": round(y1 - y0, 1), "label": label}


def _line(table: CaseTable, method: MethodCases, number: int, row: int, column: int) -> Line:
    truth, score = table.truth, float(method.stored.scores[row, column])
    point = float(method.operating_points[column])
    present = bool(truth.labels[row, column])
    overlap = float(method.overlaps[row, column])
    place = "" if not np.isfinite(overlap) else f"its best box overlaps the truth by an IoU of {overlap:.2f}"
    if present and not truth.known[row, column]:
        place = "nobody marked where it is"
    return Line(
        label=truth.classes[column],
        truth="present" if present else "absent",
        letter=LETTERS[number],
        score=score,
        point=point,
        predicted=score >= point,
        outcome=str(method.outcomes[row, column]),
        place=place,
    )
