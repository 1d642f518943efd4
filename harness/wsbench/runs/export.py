"""A run's predictions as files that other programs read, and that score to the run's own numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.files.writing import atomic, write_text
from wsbench.geometry.coordinates import full_image, xyxy_to_xywh
from wsbench.predictions import store
from wsbench.runs.stages import finished


def coco(record: Record, loaded: Loaded, path: Path, protocol: str = "uniform") -> int:
    """Write the boxes of the test role as a COCO file, with the class scores of test and select.

    Args:
        record: of a finished run.
        loaded: its dataset.
        path: of the JSON file.
        protocol: whose boxes.

    Returns:
        The number of boxes.

    Raises:
        WsbenchError: the run does not have the protocol.
    """
    predicted = record.boxes(protocol)
    classes = loaded.dataset.classes
    images = _images(record, loaded, protocol)
    number = {image["file_name"]: image["id"] for image in images}
    category = {name: position + 1 for position, name in enumerate(classes)}
    annotations = [
        {
            "id": number_of_box,
            "image_id": number[row.image],
            "category_id": category[str(row["class"])],
            "bbox": list(xyxy_to_xywh((row.x0, row.y0, row.x1, row.y1))),
            # A corner that is added up from COCO's width can be off in its last bit.
            "corners": [row.x0, row.y0, row.x1, row.y1],
            "score": row.score,
        }
        for number_of_box, (_, row) in enumerate(predicted.iterrows(), start=1)
    ]
    description = f"{record.method['name']} on {loaded.spec.name}, seed {record.seed}, protocol {protocol}"
    values = {
        "info": {"description": description},
        "images": images,
        "categories": [{"id": number, "name": name} for name, number in category.items()],
        "annotations": annotations,
    }
    write_text(path, json.dumps(values, allow_nan=False) + "\n")
    return len(annotations)


def arrays(record: Record, loaded: Loaded, path: Path) -> int:
    """Write scores of select, calibrate and test, and heatmaps of the latter two, as an npz file.

    Returns:
        The number of heatmaps.

    Raises:
        WsbenchError: the run has no heatmaps.
    """
    read = {role: _read(record, loaded, role) for role in ("select", "calibrate", "test")}
    if read["test"][1].heatmaps is None:
        raise WsbenchError(f"{record.folder} has boxes and no heatmaps; export it as coco")
    size = {sample.name: (sample.width, sample.height) for sample in loaded.samples}
    mapped = [read["calibrate"], read["test"]]
    regions = [
        region
        for names, prediction in mapped
        for region in prediction.regions or [full_image(*size[name]) for name in names]
    ]
    columns = {
        "names": np.array([name for names, _ in read.values() for name in names]),
        "classes": np.array(loaded.dataset.classes),
        "scores": np.concatenate([prediction.scores for _, prediction in read.values()]),
        "map_names": np.array([name for names, _ in mapped for name in names]),
        "heatmaps": np.concatenate([prediction.heatmaps for _, prediction in mapped]),
        "regions": np.array([(r.x0, r.y0, r.x1, r.y1) for r in regions]),
    }
    if (grid := read["test"][1].box_grid) is not None:
        columns["box_grid"] = np.array(grid)
    with atomic(path) as file:
        np.savez_compressed(file, **columns)  # type: ignore[arg-type] # one might be named allow_pickle
    return len(columns["map_names"])


def _images(record: Record, loaded: Loaded, protocol: str) -> list[dict[str, Any]]:
    size = {sample.name: (sample.width, sample.height) for sample in loaded.samples}
    rows: list[dict[str, Any]] = []
    for role in ("select", "test"):
        names, prediction = _read(record, loaded, role, protocol)
        for name, scores in zip(names, prediction.scores.tolist(), strict=True):
            width, height = size[name]
            by_class = dict(zip(loaded.dataset.classes, scores, strict=True))
            rows.append(
                {"id": len(rows) + 1, "file_name": name, "width": width, "height": height, "scores": by_class}
            )
    return rows


def _read(record: Record, loaded: Loaded, role: str, protocol: str = "uniform") -> tuple[Sequence[str], Any]:
    assert record.folder is not None
    folder = store.of_protocol(record.folder / "predict", protocol)
    freed = (record.folder / "predict").is_dir() and finished(record.folder, "predict", freed=True).freed
    if not store.has_role(folder, role) and not freed:
        raise WsbenchError(f"{record.folder}: no predictions of role {role} lie there; is it a run's folder?")
    finished(record.folder, "predict")
    return store.read_role(folder, role, loaded.dataset.classes)
