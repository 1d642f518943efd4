"""Writes any dataset with masks of these findings in the layout of the release."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from PIL import Image

import wsbench

from ._benchmark import SPLIT
from ._made_people import encoded, write_benchmark
from ._tables import CLASSES, OTHER_NAMES

THEIRS = {"Effusion": "Pleural Effusion"}
"""Names that findings have in other datasets."""


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as ``CheXpert`` and ``CheXlocalize``. Split ``test`` is test, all others are val. Made
    people draw the human benchmark.

    Args:
        dataset: its masks are written, and those of its classes that are among the ten; others are lost. A
            sample without a patient is a patient of its own.
        folder: must not exist, or be empty.
        progress: shown while images are written.

    Raises:
        WsbenchError: the dataset has none of the ten findings, or no mask.
    """
    ordered = sorted(dataset.samples, key=lambda sample: sample.name)
    if not {THEIRS.get(name, name) for name in dataset.classes} & set(CLASSES):
        raise wsbench.WsbenchError(f"CheXlocalize's layout has no classes {', '.join(dataset.classes)}")
    if not any(sample.masks for sample in ordered):
        raise wsbench.WsbenchError("CheXlocalize's layout needs masks; of a phantom, add -D masks=true")
    patients: dict[str, int] = {}
    with progress.task("writing images", len(ordered)) as advance:
        rows: dict[str, list[list[str]]] = {"val": [], "test": []}
        masks: dict[str, dict[str, dict[str, object]]] = {"val": {}, "test": {}}
        for sample in ordered:
            split = "test" if sample.split == "test" else "val"
            number = patients.setdefault(sample.patient or sample.name, len(patients))
            study = sum(row[0].startswith(f"CheXpert/{split}/patient{number:05d}/") for row in rows[split])
            path = f"CheXpert/{split}/patient{number:05d}/study{study + 1}/view1_frontal.jpg"
            labels = {THEIRS.get(label, label) for label in sample.labels}
            (folder / path).parent.mkdir(parents=True)
            grey = dataset.read(sample, sample.height, sample.width)
            Image.fromarray(grey).save(folder / path, quality=95)
            rows[split].append([path, *(str(float(label in labels)) for label in CLASSES)])
            if of_image := _encoded(sample):
                masks[split]["_".join(Path(path).with_suffix("").parts[-3:])] = of_image
            advance()
    (folder / "CheXlocalize").mkdir()
    write_benchmark(folder / "CheXlocalize", masks[SPLIT])
    for split, of_split in rows.items():
        with (folder / "CheXpert" / f"{split}_labels.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([["Path", *CLASSES], *of_split])
        text = json.dumps(masks[split])
        (folder / "CheXlocalize" / f"gt_segmentations_{split}.json").write_text(text, encoding="utf-8")


def _encoded(sample: wsbench.Sample) -> dict[str, object]:
    """The masks of an image as run lengths of COCO, under the names that the JSON files have."""
    json_names = {ours: theirs for theirs, ours in OTHER_NAMES.items()}
    result: dict[str, object] = {}
    for mask in sample.masks:
        if (label := THEIRS.get(mask.label, mask.label)) in CLASSES:
            result[json_names.get(label, label)] = encoded(mask.pixels())
    return result
