"""Writes any dataset as the official files of MS-CXR, with images in the folders of MIMIC-CXR-JPG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import wsbench

from ._ms_cxr_labels import CHEXPERT
from ._ms_cxr_tables import CLASSES, COLUMNS, FILES
from ._release_writing import read_whole, save_image, save_table, sorted_samples, tested_split

THEIRS = {"Effusion": "Pleural Effusion"}
"""Names that findings have in other datasets."""

LONE = "Pneumonia"
"""What the class of a dataset with a single one becomes."""

FIRST_PATIENT, FIRST_STUDY = 10_000_000, 50_000_000


@dataclass(frozen=True)
class Written:
    """An image as it is written.

    Attributes:
        sample: the image.
        labels: its classes in the release.
        boxes: its boxes with their classes in the release.
        identifier: its ``dicom_id``.
        patient, study: their numbers.
        split: its split.
    """

    sample: wsbench.Sample
    labels: tuple[str, ...]
    boxes: tuple[tuple[str, wsbench.Box], ...]
    identifier: str
    patient: int
    study: int
    split: str

    @property
    def path(self) -> str:
        """The path of its file."""
        return f"files/p{str(self.patient)[:2]}/p{self.patient}/s{self.study}/{self.identifier}.jpg"


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write the images that have a box of one of the eight findings, as JPEG files.

    Args:
        dataset: its only class becomes pneumonia; of several, those among the eight are kept. Its split test
            becomes test, or val where it has no test, and a fifth of the other patients become val. Names are
            lost. A sample without a patient is a patient of its own.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: the dataset has none of the eight findings, or there is no split test or val.
    """
    names = _names(dataset)
    images = list(_images(sorted_samples(dataset), names))
    if not images:
        raise wsbench.WsbenchError("MS-CXR's layout holds images with boxes, and there is none")
    with progress.task("writing images", len(images)) as advance:
        for image in images:
            save_image(read_whole(dataset, image.sample), folder / image.path)
            advance()
    table, coco = FILES[:2]
    rows = list(_rows(images))
    save_table(folder / table, (*COLUMNS[:3], "path", *COLUMNS[3:], "split"), rows)
    (folder / coco).write_text(json.dumps(_coco(images), indent=1), encoding="utf-8")
    save_table(folder / CHEXPERT, ("subject_id", "study_id", *CLASSES), _labels(images))


def _names(dataset: wsbench.Dataset) -> Mapping[str, str]:
    """By the dataset's class, the release's."""
    of_class = {name: THEIRS.get(name, name) for name in dataset.classes}
    names = {name: theirs for name, theirs in of_class.items() if theirs in CLASSES}
    if not names and len(dataset.classes) == 1:
        return {dataset.classes[0]: LONE}
    if not names:
        raise wsbench.WsbenchError(f"MS-CXR's layout has no classes {', '.join(dataset.classes)}")
    return names


def _images(ordered: Sequence[wsbench.Sample], names: Mapping[str, str]) -> Iterator[Written]:
    tested = tested_split(ordered)
    patients: dict[str, int] = {}
    for sample in ordered:
        boxes = tuple((names[box.label], box) for box in sample.boxes if box.label in names)
        if not boxes:
            continue
        patient = sample.patient or sample.name
        number = patients.setdefault(patient, FIRST_PATIENT + len(patients))
        validated = wsbench.seed_from("validation", patient) % 5 == 0
        digits = f"{wsbench.seed_from('dicom', sample.name):016x}"
        yield Written(
            sample=sample,
            labels=tuple(names[label] for label in sample.labels if label in names),
            boxes=boxes,
            identifier=f"{digits[:8]}-{digits[8:]}",
            patient=number,
            study=FIRST_STUDY + wsbench.seed_from("study", sample.name) % FIRST_STUDY,
            split="test" if sample.split == tested else "val" if validated else "train",
        )


def _phrase(label: str) -> str:
    return f"signs of {label.lower()}"


def _rows(images: Sequence[Written]) -> Iterator[tuple[object, ...]]:
    for image in images:
        size = (image.sample.width, image.sample.height)
        for label, box in image.boxes:
            xywh = wsbench.geometry.xyxy_to_xywh((box.x0, box.y0, box.x1, box.y1))
            yield image.identifier, label, _phrase(label), image.path, *xywh, *size, image.split


def _labels(images: Sequence[Written]) -> Iterator[tuple[object, ...]]:
    for image in images:
        yield image.patient, image.study, *("1.0" if label in image.labels else "" for label in CLASSES)


def _coco(images: Sequence[Written]) -> dict[str, list[dict[str, object]]]:
    entries: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, image in enumerate(images, start=1):
        width, height = image.sample.width, image.sample.height
        file = {
            "file_name": f"{image.identifier}.jpg",
            "path": image.path,
            "num_annotations": len(image.boxes),
        }
        entries.append({"id": number, "width": width, "height": height, **file})
        for label, box in image.boxes:
            xywh = wsbench.geometry.xyxy_to_xywh((box.x0, box.y0, box.x1, box.y1))
            category = CLASSES.index(label) + 1
            identity = {"id": len(annotations) + 1, "image_id": number, "category_id": category}
            further = {"label_text": _phrase(label), "split": image.split, "iscrowd": 0}
            annotations.append({**identity, "bbox": list(xywh), "area": xywh[2] * xywh[3], **further})
    categories: list[dict[str, object]] = [
        {"id": index + 1, "name": name, "supercategory": "disease"} for index, name in enumerate(CLASSES)
    ]
    return {"categories": categories, "images": entries, "annotations": annotations}
