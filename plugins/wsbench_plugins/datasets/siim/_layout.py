"""Writes any dataset with masks in the layout of the release, with PNG files in place of DICOM files."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image

import wsbench

from ._table import CLASS, COLUMNS, NOTHING, TABLES, encoded


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as ``train-rle.csv`` and ``images-train``.

    Args:
        dataset: has the class ``Pneumothorax``, or one class alone, which is taken for it. Other classes are
            lost, and so are splits. Its images with the class have masks.
        folder: must not exist, or be empty.
        progress: shown while images are written.

    Raises:
        WsbenchError: it has several other classes, an image lacks its mask, or two images would have one
            name.
    """
    if CLASS not in dataset.classes and len(dataset.classes) > 1:
        raise wsbench.WsbenchError(f"SIIM's layout has one class, {CLASS}, not {', '.join(dataset.classes)}")
    label = CLASS if CLASS in dataset.classes else dataset.classes[0]
    ordered = sorted(dataset.samples, key=lambda sample: sample.name)
    if len({Path(sample.name).stem for sample in ordered}) < len(ordered):
        raise wsbench.WsbenchError("two images would have the same ImageId")
    rows = [(Path(sample.name).stem, _words(sample, label)) for sample in ordered]
    images = folder / "images-train"
    images.mkdir(parents=True)
    with progress.task("writing images", len(ordered)) as advance:
        for sample, (name, _) in zip(ordered, rows, strict=True):
            grey = dataset.read(sample, sample.height, sample.width)
            Image.fromarray(grey).save(images / f"{name}.png")
            advance()
    with (folder / TABLES[0]).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def _words(sample: wsbench.Sample, label: str) -> str:
    if label not in sample.labels:
        return NOTHING
    for mask in sample.masks:
        if mask.label == label:
            return encoded(mask)
    raise wsbench.WsbenchError(f"{sample.name} has {label} and no mask; of a phantom, add -D masks=true")
