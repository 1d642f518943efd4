"""Writes any dataset as the official files of PadChest-GR."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import wsbench

from ._release_writing import file_names, read_whole, save_image, save_table, sorted_samples, tested_split
from .padchest_gr import COLUMNS, FOLDERS, REPORTS, TABLE


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files; see `padchest_gr.write`."""
    ordered = sorted_samples(dataset)
    file_of = file_names(ordered, ".png")
    tested = tested_split(ordered)
    images = folder / FOLDERS[0] / FOLDERS[1]
    with progress.task("writing images", len(ordered)) as advance:
        for sample in ordered:
            sixteen_bits = read_whole(dataset, sample).astype(np.uint16) * 257
            save_image(sixteen_bits, images / file_of[sample.name])
            advance()
    studies = [_study(sample, file_of[sample.name]) for sample in ordered]
    (folder / REPORTS).write_text(json.dumps(studies, indent=1), encoding="utf-8")
    save_table(folder / TABLE, ("ImageID", *COLUMNS), _rows(ordered, file_of, tested))


def _study(sample: wsbench.Sample, file: str) -> dict[str, Any]:
    findings: list[dict[str, Any]] = [_finding(sample, label) for label in sample.labels]
    normal = {"sentence_en": "No findings.", "sentence_es": "Sin hallazgos.", "abnormal": False}
    return {"StudyID": Path(file).stem, "ImageID": file, "findings": findings or [normal]}


def _finding(sample: wsbench.Sample, label: str) -> dict[str, Any]:
    width, height = sample.width, sample.height
    boxes = [
        [box.x0 / width, box.y0 / height, box.x1 / width, box.y1 / height]
        for box in sample.boxes
        if box.label == label
    ]
    return {
        "sentence_en": f"Signs of {label}.",
        "sentence_es": f"Signos de {label}.",
        "abnormal": True,
        "boxes": boxes,
        "extra_boxes": [],
        "labels": [label],
        "locations": [],
        "progression": None,
    }


def _rows(
    ordered: Sequence[wsbench.Sample], file_of: Mapping[str, str], tested: str
) -> Iterator[tuple[str, ...]]:
    for sample in ordered:
        file = file_of[sample.name]
        patient = sample.patient or Path(file).stem
        validation = wsbench.seed_from("validation", patient) % 5 == 0
        split = "test" if sample.split == tested else "validation" if validation else "train"
        for label in sample.labels or ("Normal",):
            group = label if sample.labels else ""
            yield file, Path(file).stem, patient, label, group, split
