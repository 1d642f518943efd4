"""A run's boxes as a list of COCO results with the dataset's official ids, as challenges take them."""

from __future__ import annotations

import json
from pathlib import Path

from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.data.image_names import ImageNames
from wsbench.errors import WsbenchError
from wsbench.files.writing import write_text
from wsbench.geometry.coordinates import xyxy_to_xywh
from wsbench.predictions.coco_ids import OfficialIds


def results(record: Record, loaded: Loaded, path: Path, protocol: str = "uniform") -> int:
    """Write the boxes of the test role as a list of COCO results.

    Every result has ``image_id``, ``category_id``, ``bbox`` (x, y, width, height in pixels) and ``score``.
    The form holds no class scores: an image's score is that of its best box when it is read again.

    Args:
        record: of a finished run.
        loaded: its dataset.
        path: of the JSON file.
        protocol: whose boxes.

    Returns:
        The number of boxes.

    Raises:
        WsbenchError: the run does not have the protocol, or the dataset has no official ids of its test
            images and classes.
    """
    predicted = record.boxes(protocol)
    official = OfficialIds(path, loaded, ImageNames(sample.name for sample in loaded.samples))
    numbers, categories = official.image_numbers(), official.categories()
    for noun, known, names in (
        ("image", numbers, loaded.roles.members["test"]),
        ("class", categories, loaded.dataset.classes),
    ):
        if missing := [name for name in names if name not in known]:
            raise WsbenchError(
                f"{loaded.spec.name} has no official id of {noun} {missing[0]}; "
                "write names with --format coco"
            )
    values = [
        {
            "image_id": numbers[row["image"]],
            "category_id": categories[row["class"]],
            "bbox": list(xyxy_to_xywh((row["x0"], row["y0"], row["x1"], row["y1"]))),
            "score": row["score"],
        }
        for _, row in predicted.iterrows()
    ]
    write_text(path, json.dumps(values, allow_nan=False) + "\n")
    return len(values)
