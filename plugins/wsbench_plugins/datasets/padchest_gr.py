"""PadChest-GR in its official files: sentences of reports, each with boxes that radiologists drew for it.

``grounded_reports_20240819.json`` is a list of studies: ``StudyID``, ``ImageID``, ``findings``. Each finding
has ``sentence_en``, ``abnormal`` (whether the sentence says that something is there), ``labels`` and
``boxes`` (x0, y0, x1, y1 in shares of the image's width and height). ``master_table.csv`` has the split, the
patient, and the ``label_group`` of each label. The archives unpack to ``Padchest_GR_files/PadChest_GR``.

Source: de Castro, Bustos et al., arXiv 2411.05085, and public code that reads the release. The layout was not
checked against the release itself. ``extra_boxes``, those of a second reader, are not read. Some images of
PadChest are known to be stored with black and white exchanged, which the files do not say: they are shown as
they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, RootModel

import wsbench

from ._release import OwnRangeDataset, ReleaseImage, first_folder, require_parts
from .folders import Levels, rows

REPORTS, TABLE = "grounded_reports_20240819.json", "master_table.csv"
FOLDERS = ("Padchest_GR_files", "PadChest_GR", "images")
COLUMNS = ("StudyID", "PatientID", "label", "label_group", "split")
NORMAL = ("", "normal")
"""In lower case, labels that name no finding."""

CITATION = (
    "de Castro, Bustos, Bannur, Hyland et al.: PadChest-GR: A Bilingual Chest X-ray Dataset for Grounded "
    "Radiology Report Generation, NEJM AI 2025"
)


class PadChestGRSettings(wsbench.Settings):
    """What the classes are, and how 16-bit images are shown."""

    classes: Literal["groups", "labels"] = Field(
        "groups", description="groups: the label groups of the table; labels: all its labels"
    )
    grey_levels: Levels | None = Field(
        None,
        description="the values that are black and white, such as [0, 4095]; none: the range of each image",
    )


class Finding(BaseModel):
    """A sentence of a report. Its other keys are not read."""

    sentence_en: str | None = ""
    abnormal: bool
    labels: list[str] | None = None
    boxes: list[tuple[float, float, float, float]] | None = None


class Study(BaseModel):
    """A study, which has a single image. Its other keys are not read."""

    StudyID: str
    ImageID: str
    findings: list[Finding]


class Studies(RootModel[list[Study]]):
    """The file of reports."""


@dataclass(frozen=True)
class Table:
    """The content of the table.

    Attributes:
        split_of, patient_of: by StudyID.
        class_of: by label in lower case.
    """

    split_of: Mapping[str, str]
    patient_of: Mapping[str, str]
    class_of: Mapping[str, str]

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes, in the order of the alphabet."""
        return tuple(sorted(set(self.class_of.values())))


def load(settings: PadChestGRSettings, source: wsbench.Source) -> OwnRangeDataset:
    """Load the official files.

    Raises:
        WsbenchError: a file or folder is missing, or a file is not what its name says.
    """
    root = source.root
    assert root is not None
    require_parts(root, "padchest_gr", (REPORTS, TABLE))
    folder = first_folder(root, "padchest_gr", FOLDERS)
    problems: list[wsbench.Problem] = []
    table = _read_table(root / TABLE, settings, problems)
    described = list(_described(root, table, problems))
    folders = {split: folder for split in {image.split for image in described}}
    return OwnRangeDataset(table.classes, described, problems, folders, settings.grey_levels, source)


def _read_table(path: Path, settings: PadChestGRSettings, problems: list[wsbench.Problem]) -> Table:
    table = [cells for _, cells in rows(path, COLUMNS, ",")]
    known = [cells for cells in table if cells["label"].lower() not in NORMAL]
    # A label without a group is a group of its own.
    grouped = settings.classes == "groups"
    labels = ((cells["label"].lower(), cells["label_group"]) for cells in known)
    pairs = ((label, group if grouped and group else label) for label, group in labels)
    class_of, several_classes = wsbench.one_value_each(pairs)
    for label, several in several_classes.items():
        what = f"puts the label '{label}' into {' and '.join(several)}; -D classes=labels needs no groups"
        problems.append(wsbench.Problem(TABLE, what, "label of several groups", remedy="fix"))
    values = {}
    for column in ("split", "PatientID"):
        values[column], different = wsbench.one_value_each((c["StudyID"], c[column]) for c in table)
        for study in different:
            what = f"has rows of study {study} with different {column}"
            problems.append(wsbench.Problem(TABLE, what, "rows that contradict", remedy="fix"))
    return Table(values["split"], values["PatientID"], class_of)


def _described(root: Path, table: Table, problems: list[wsbench.Problem]) -> Iterator[ReleaseImage]:
    studies = wsbench.images.read_json(root / REPORTS, Studies, "PadChest-GR's list of studies").root
    first, different = wsbench.one_value_each((study.ImageID, study) for study in studies)
    for name in different:
        what = f"{name} has different entries"
        problems.append(wsbench.Problem(REPORTS, what, "entries that contradict", (name,)))
    for name, study in first.items():
        if fault := _fault(study, table):
            problems.append(wsbench.Problem(REPORTS, f"{name} {fault}", "bad annotation", (name,)))
            continue
        labels, boxes = _truth(study.findings, table.class_of)
        sentences = [finding.sentence_en or "" for finding in study.findings]
        yield ReleaseImage(
            name=name,
            file=name,
            split=table.split_of[study.StudyID],
            labels=labels,
            boxes=boxes,
            where=REPORTS,
            patient=table.patient_of[study.StudyID] or None,
            attributes={"report": " ".join(" ".join(sentences).split())},
            in_shares=True,
        )


def _fault(study: Study, table: Table) -> str:
    """What is wrong with a study, or nothing."""
    if not table.split_of.get(study.StudyID):
        return f"is of study {study.StudyID}, of which {TABLE} has no split"
    for finding in study.findings:
        for label in _labels(finding):
            if label not in table.class_of:
                return f"has the label '{label}', which is in no row of {TABLE}"
        for box in finding.boxes or ():
            if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
                return f"has the box {', '.join(f'{value:g}' for value in box)}, which is no part of 0 to 1"
    return ""


def _labels(finding: Finding) -> list[str]:
    """The labels of what a sentence says is there, in lower case."""
    words = (label.strip().lower() for label in finding.labels or ())
    return [word for word in words if word not in NORMAL] if finding.abnormal else []


def _truth(
    findings: Sequence[Finding], class_of: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[wsbench.Box, ...]]:
    """The classes of an image and their boxes, in shares. The boxes of a sentence are boxes of each class
    that it names. A box that two sentences have for one class is a single box."""
    labels: dict[str, None] = {}
    kinds: dict[tuple[str, tuple[float, float, float, float]], dict[str, None]] = {}
    for finding in findings:
        for label in _labels(finding):
            labels[class_of[label]] = None
            for corners in finding.boxes or ():
                kinds.setdefault((class_of[label], corners), {})[label] = None
    boxes = (
        wsbench.Box(name, *corners, "+".join(word for word in words if word != name.lower()))
        for (name, corners), words in kinds.items()
    )
    return tuple(labels), tuple(boxes)


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files, with images of 16 bits.

    Args:
        dataset: its classes become labels, each of its own group. Its split test becomes test, or val where
            it has no test; a fifth of the others become validation. Names lose their folders.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: two images would have the same name, or there is no split test or val.
    """
    from . import _padchest_gr_layout

    _padchest_gr_layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="padchest_gr",
            summary="PadChest-GR: 4,555 images, boxes for the sentences of their reports",
            settings=PadChestGRSettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=("PadChest-GR", "PadChest"),
        )
    ]
