"""``wsbench data readers`` of a dataset whose readers drew masks or set points."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.cli import tables

if TYPE_CHECKING:
    from wsbench.contract.specs import MetricSpec
    from wsbench.data.dataset import Loaded
    from wsbench.reports.marks import MarksStudy
    from wsbench.runs.reader_study import Images

WRITTEN = "{} is written; `wsbench leaderboard` puts it on the page"

NO_METHOD = (
    "People are no method and have no rank. They had no part in the truth. A finding that they did not draw "
    "is a blank mask, and one without a point is missed."
)


def compare(
    loaded: Loaded,
    metrics: Mapping[str, MetricSpec],
    images: Images | None,
    json: Path | None,
    leaderboards: Path | None,
) -> None:
    """Score readers against the truth masks, and print and write what they reach.

    Args:
        loaded: the dataset.
        metrics: all metrics by name.
        images: the images that count; None chooses.
        json: a file for all numbers.
        leaderboards: the folder of leaderboards that is to show them.

    Raises:
        WsbenchError: no image that was read has a truth mask, a reading does not fit the dataset, or the
            dataset is a subset, which enters no leaderboard.
    """
    from wsbench.files.writing import write_json
    from wsbench.reports import marks as reports
    from wsbench.runs.marks_study import study

    result = reports.checked(study(loaded, metrics, images))
    if json is not None:
        write_json(json, result.model_dump(mode="json"))
    path = None if leaderboards is None else reports.add(result, leaderboards)
    _print(result, metrics)
    if path is not None:
        print(WRITTEN.format(path))


def _print(study: MarksStudy, metrics: Mapping[str, MetricSpec]) -> None:
    from wsbench.reports.marks import by_class, by_measure
    from wsbench.reports.readers import ROW

    title = f"{study.dataset.name}: masks and points of readers against the truth masks"
    header = ["measure of masks and points", ROW, "95 %"]
    tables.show(title, header, by_measure(study, metrics), text=1)
    print()
    header, rows = by_class(study, metrics, intervals=False)
    tables.show(f"{study.dataset.name}: class by class", header, rows, text=1)
    for line in (f"read: {study.which}", NO_METHOD):
        print(textwrap.fill(line, 79))
