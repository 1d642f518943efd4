"""Writes any dataset of findings as the release's official files, with made readers of the training split."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

import wsbench

from ._made_readers import made_readings
from ._names import (
    ANNOTATIONS,
    CORNERS,
    DISEASES,
    FINDINGS,
    IMAGE,
    LABEL,
    LABELS,
    NOTHING,
    READER,
    TEST,
    TRAIN,
)

SPLITS = {"train": TRAIN, "train_val": TRAIN, "val": TEST, "test": TEST}
"""By the split of the dataset that is written, the split of the release."""

OTHER_NAMES = {
    "tb": "Lung Opacity", "Effusion": "Pleural effusion", "Fibrosis": "Pulmonary fibrosis",
    "Hernia": "Other lesion", "Mass": "Nodule/Mass", "Nodule": "Nodule/Mass",
    "Pleural_Thickening": "Pleural thickening", "Pneumonia": "Lung Opacity",
}  # fmt: skip
"""Classes of the phantoms that the release names otherwise. Readers box what they see, no disease."""

DISEASE_OF = {"tb": "Tuberculosis", "Pneumonia": "Pneumonia"}
"""Classes that are a disease of the whole image, too."""

HEADINGS = (*FINDINGS, *DISEASES, NOTHING)


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files, with PNG in place of DICOM files.

    Every training image is read by three of five made readers, who disagree a little; see `_made_readers`.

    Args:
        dataset: its classes are the findings, or those of `OTHER_NAMES`. Its splits are those of `SPLITS`.
            Names lose their folders.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: the dataset has other classes or splits, or two samples would have the same id.
    """
    ordered = sorted(dataset.samples, key=lambda sample: sample.name)
    id_of = {sample.name: Path(sample.name).stem for sample in ordered}
    _refuse_misfits(dataset, list(id_of.values()))
    for split in (TRAIN, TEST):
        (folder / split).mkdir(parents=True, exist_ok=True)
    with progress.task("writing images", len(ordered)) as advance:
        for sample in ordered:
            grey = dataset.read(sample, sample.height, sample.width)
            Image.fromarray(grey).save(folder / SPLITS[sample.split] / f"{id_of[sample.name]}.png")
            advance()
    readings = [reading for sample in ordered for reading in _of_sample(sample, id_of[sample.name])]
    for split in (TRAIN, TEST):
        of_split = [reading for reading in readings if bool(reading.reader) == (split == TRAIN)]
        _write(folder / ANNOTATIONS[split][0], _box_rows(of_split), named=split == TRAIN)
        _write(folder / LABELS[split][0], _label_rows(of_split), named=split == TRAIN)


def _refuse_misfits(dataset: wsbench.Dataset, ids: Sequence[str]) -> None:
    unknown = sorted(set(dataset.classes) - {*FINDINGS, *OTHER_NAMES})
    splits = sorted({sample.split for sample in dataset.samples} - set(SPLITS))
    if unknown or splits:
        names = f"classes {', '.join(unknown)}" if unknown else f"splits {', '.join(splits)}"
        raise wsbench.WsbenchError(f"VinDr-CXR's layout has no {names}")
    if len(set(ids)) < len(ids):
        raise wsbench.WsbenchError("two images would have the same id")


def _of_sample(sample: wsbench.Sample, image: str) -> Iterable[wsbench.types.Reading]:
    """What the tables say of an image: three readings, or the truth by no named reader."""
    boxes = tuple(
        wsbench.Box(OTHER_NAMES.get(box.label, box.label), box.x0, box.y0, box.x1, box.y1)
        for box in sample.boxes
    )
    findings = dict.fromkeys(OTHER_NAMES.get(label, label) for label in sample.labels)
    diseases = [DISEASE_OF[label] for label in sample.labels if label in DISEASE_OF]
    truth = wsbench.types.Reading("", image, (*findings, *diseases), boxes)
    return made_readings(truth, sample.width, sample.height) if SPLITS[sample.split] == TRAIN else [truth]


def _box_rows(readings: Sequence[wsbench.types.Reading]) -> Iterator[dict[str, object]]:
    for reading in readings:
        key = {IMAGE: reading.image, READER: reading.reader}
        for box in reading.boxes:
            corners = dict(zip(CORNERS, (box.x0, box.y0, box.x1, box.y1), strict=True))
            yield {**key, LABEL: box.label, **corners}
        boxed = {box.label for box in reading.boxes}
        unboxed = [label for label in reading.labels if label in FINDINGS and label not in boxed]
        for label in unboxed or ([] if boxed else [NOTHING]):
            yield {**key, LABEL: label, **dict.fromkeys(CORNERS, "")}


def _label_rows(readings: Sequence[wsbench.types.Reading]) -> Iterator[dict[str, object]]:
    for reading in readings:
        flags: Mapping[str, int] = {name: int(name in reading.labels) for name in HEADINGS}
        yield {
            IMAGE: reading.image,
            READER: reading.reader,
            **flags,
            NOTHING: int(not reading.labels),
        }


def _write(path: Path, rows: Iterable[Mapping[str, object]], *, named: bool) -> None:
    """Write rows with their keys as the header; without the readers' column unless they are named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        header = [name for name in (ordered[0] if ordered else ()) if named or name != READER]
        writer = csv.DictWriter(file, header, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)
