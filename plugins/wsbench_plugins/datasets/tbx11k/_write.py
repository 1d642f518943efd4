"""Writes a dataset as an official TBX11K folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import wsbench

from ._release import CATEGORIES, GROUPS, KINDS, SPLITS, json_name


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as an official TBX11K folder.

    Args:
        dataset: a dataset whose samples have the attribute ``group`` (tb, sick, health), a split train or
            val, and names ``group/file.png``.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.
    """
    from PIL import Image

    samples = sorted(dataset.samples, key=lambda sample: sample.name)
    for group in GROUPS:
        (folder / "imgs" / group).mkdir(parents=True, exist_ok=True)
    with progress.task("writing images", len(samples)) as advance:
        for sample in samples:
            grey = dataset.read(sample, sample.height, sample.width)
            Image.fromarray(grey).convert("RGB").save(folder / "imgs" / sample.name)
            advance()
    (folder / "lists").mkdir(exist_ok=True)
    (folder / "annotations" / "json").mkdir(parents=True, exist_ok=True)
    for split, members in {
        **{split: [sample for sample in samples if sample.split == split] for split in SPLITS},
        "trainval": [sample for sample in samples if sample.split in SPLITS],
    }.items():
        names = "".join(f"{sample.name}\n" for sample in members)
        (folder / "lists" / f"TBX11K_{split}.txt").write_text(names, encoding="utf-8")
        text = json.dumps(_coco(members), indent=1)
        (folder / json_name(split)).write_text(text, encoding="utf-8")


def _coco(samples: list[wsbench.Sample]) -> dict[str, Any]:
    number = {kind: category for category, kind in KINDS.items()}
    boxes = [(row + 1, box) for row, sample in enumerate(samples) for box in sample.boxes]
    return {
        "categories": [
            {"id": category, "name": name, "supercategory": "Tuberculosis"}
            for category, name in CATEGORIES.items()
        ],
        "images": [
            {"id": row + 1, "file_name": sample.name, "width": sample.width, "height": sample.height}
            for row, sample in enumerate(samples)
        ],
        "annotations": [
            {
                "id": position + 1,
                "image_id": image,
                "category_id": number[box.kind],
                "iscrowd": 0,
                "area": (box.x1 - box.x0) * (box.y1 - box.y0),
                "bbox": list(wsbench.geometry.xyxy_to_xywh((box.x0, box.y0, box.x1, box.y1))),
            }
            for position, (image, box) in enumerate(boxes)
        ],
    }
