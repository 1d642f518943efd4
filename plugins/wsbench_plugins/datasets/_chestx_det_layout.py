"""Writes any dataset of classes of ChestX-Det as its official files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wsbench

from ._release_writing import (
    file_names,
    names_in_release,
    read_whole,
    save_image,
    sorted_samples,
    tested_split,
)
from .chestx_det import CLASSES, FILES, FOLDERS


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files; see `chestx_det.write`."""
    names = names_in_release(dataset, CLASSES, "ChestX-Det", "Consolidation")
    ordered = sorted_samples(dataset)
    file_of = file_names(ordered, ".png")
    tested = tested_split(ordered)
    split_of = {sample.name: "test" if sample.split == tested else "train" for sample in ordered}
    with progress.task("writing images", len(ordered)) as advance:
        for sample in ordered:
            path = folder / FOLDERS[split_of[sample.name]][0] / file_of[sample.name]
            save_image(read_whole(dataset, sample), path)
            advance()
    for split, file in FILES.items():
        (folder / FOLDERS[split][0]).mkdir(parents=True, exist_ok=True)
        entries = [
            _entry(sample, file_of[sample.name], names)
            for sample in ordered
            if split_of[sample.name] == split
        ]
        (folder / file).write_text(json.dumps(entries), encoding="utf-8")


def _entry(sample: wsbench.Sample, file: str, names: Mapping[str, str]) -> dict[str, Any]:
    boxes = [[box.x0, box.y0, box.x1, box.y1] for box in sample.boxes]
    return {
        "file_name": file,
        "syms": [names[box.label] for box in sample.boxes],
        "boxes": boxes,
        "polygons": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, y0, x1, y1 in boxes],
        "width": sample.width,
        "height": sample.height,
    }
