"""Writes any dataset of a single class as the files of RSNA's challenge, with DICOM images."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import wsbench

from ._release_writing import names_in_release, read_whole, save_dicom, save_table, sorted_samples
from .rsna import CLASS, DETAILS, IMAGES, LABELS, MAPPING, NORMAL, NOT_NORMAL, OPACITY


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the challenge's files and RSNA's mapping to ChestX-ray14.

    Args:
        dataset: a dataset of one class, which becomes pneumonia. An image without it is normal where its
            attribute ``group`` is health or missing. Names and splits are lost.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: the dataset has several classes, or pydicom is not installed.
    """
    names_in_release(dataset, (CLASS,), "RSNA", CLASS)
    ordered = sorted_samples(dataset)
    id_of = {sample.name: str(uuid.uuid5(uuid.NAMESPACE_OID, sample.name)) for sample in ordered}
    with progress.task("writing images", len(ordered)) as advance:
        for number, sample in enumerate(ordered):
            path = folder / IMAGES / f"{id_of[sample.name]}.dcm"
            save_dicom(read_whole(dataset, sample), path, number)
            advance()
    header = ("patientId", "x", "y", "width", "height", "Target")
    save_table(folder / LABELS, header, _label_rows(ordered, id_of))
    save_table(folder / DETAILS, ("patientId", "class"), _detail_rows(ordered, id_of))
    mapping = json.dumps(list(_mapped(ordered, id_of)), indent=1)
    (folder / MAPPING).write_text(mapping, encoding="utf-8")


def _label_rows(ordered: Sequence[wsbench.Sample], id_of: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    for sample in ordered:
        target = int(bool(sample.labels))
        for box in sample.boxes:
            corners = (box.x0, box.y0, box.x1, box.y1)
            yield (id_of[sample.name], *wsbench.geometry.xyxy_to_xywh(corners), target)
        if not sample.boxes:
            yield id_of[sample.name], "", "", "", "", target


def _detail_rows(ordered: Sequence[wsbench.Sample], id_of: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for sample in ordered:
        normal = sample.attributes.get("group", "health") == "health"
        yield id_of[sample.name], OPACITY if sample.labels else NORMAL if normal else NOT_NORMAL


def _mapped(ordered: Sequence[wsbench.Sample], id_of: Mapping[str, str]) -> Iterator[dict[str, str]]:
    number: dict[str, int] = {}
    visits: Counter[int] = Counter()
    for sample in ordered:
        patient = number.setdefault(sample.patient or sample.name, len(number) + 1)
        yield {"subset_img_id": id_of[sample.name], "img_id": f"{patient:08d}_{visits[patient]:03d}.png"}
        visits[patient] += 1
