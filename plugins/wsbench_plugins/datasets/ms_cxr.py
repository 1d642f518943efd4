"""MS-CXR: boxes that radiologists drew for phrases of eight findings on images of MIMIC-CXR.

``MS_CXR_Local_Alignment_v1.1.0.csv`` has a row for each box: ``dicom_id``, ``category_name``, ``label_text``
(the phrase), ``path``, ``x``, ``y``, ``w``, ``h`` (pixels from the upper left corner), ``image_width``,
``image_height``, ``split``. The JSON file of the same name says the same as COCO does. The images are those
of MIMIC-CXR-JPG, ``files/p10/p10000032/s50414267/DICOM_ID.jpg``.

Source: Boecking et al. (ECCV 2022), the page of the release on PhysioNet, and public code that reads it. The
layout was not checked against the release itself. Tables without the columns ``path`` and ``split`` are read
as well, since public code of the first version does without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field

import wsbench

from ._ms_cxr_files import IMAGES, StudyFiles
from ._ms_cxr_labels import CHEXPERT, positive_labels
from ._ms_cxr_tables import CLASSES, Row, read
from ._release import ReleaseDataset, ReleaseImage
from .folders import ImageFiles

CITATION = (
    "Boecking, Usuyama, Bannur, Castro, Schwaighofer, Hyland et al.: Making the Most of Text Semantics to "
    "Improve Biomedical Vision-Language Processing, ECCV 2022"
)

UNSPLIT = "all"
"""The split of all images where the table has no splits."""

SPLITS = {"train": "train", "val": "val", "validate": "val", "validation": "val", "test": "test", "": UNSPLIT}

_PATIENT = re.compile(r"(?:^|/)p(\d{8})/s(\d{8})(?:/|$)")


class MSCXRSettings(wsbench.Settings):
    """Which findings count as present."""

    labels: Literal["phrases", "chexpert"] = Field(
        "phrases",
        description="phrases: the findings that have a box; chexpert: also those that CheXpert's labeller "
        f"read in the report, whose place is unknown, as {CHEXPERT} in the folder says",
    )


class MSCXR(ReleaseDataset):
    """The images that the table names. MIMIC-CXR has many more images, which are no problem.

    Args:
        described: the images.
        problems: problems of the table.
        source: the folder, the cache, and where to show progress.
    """

    def __init__(
        self, described: Sequence[ReleaseImage], problems: Sequence[wsbench.Problem], source: wsbench.Source
    ) -> None:
        assert source.root is not None
        self._studies = {image.file.rpartition("/")[0] for image in described}
        folders = {split: source.root for split in {image.split for image in described}}
        super().__init__(CLASSES, described, problems, folders, None, source)
        self.problems = tuple(problem for problem in self.problems if problem.kind != "file without an entry")
        self.samples = tuple(map(self._with_patient, self.samples))

    def _image_files(self, folder: Path) -> ImageFiles:
        # A complete MIMIC-CXR-JPG has 377,110 images in as many folders: only those of the table are listed.
        named = "" not in self._studies and (folder / IMAGES).is_dir()
        return StudyFiles(folder, self._studies) if named else ImageFiles(folder)

    def _with_patient(self, sample: wsbench.Sample) -> wsbench.Sample:
        """Where the table has no path, the folder of the file tells the patient."""
        patient = sample.patient or _patient_of(self._paths[sample.name].as_posix())[0]
        return replace(sample, patient=patient or None)


def load(settings: MSCXRSettings, source: wsbench.Source) -> MSCXR:
    """Load the official files. A sample's name is its ``dicom_id``.

    Raises:
        WsbenchError: a file is missing or is not what its name says.
    """
    assert source.root is not None
    problems: list[wsbench.Problem] = []
    by_image: dict[str, list[Row]] = {}
    for row in read(source.root, problems):
        by_image.setdefault(row.image, []).append(row)
    studies = {_patient_of(rows[0].path) for rows in by_image.values()}
    positive = positive_labels(source.root, studies) if settings.labels == "chexpert" else {}
    described = list(_described(by_image, positive, problems))
    return MSCXR(described, problems, source)


def _described(
    by_image: Mapping[str, Sequence[Row]],
    positive: Mapping[tuple[str, str], Sequence[str]],
    problems: list[wsbench.Problem],
) -> Iterator[ReleaseImage]:
    for name, rows in by_image.items():
        if fault := _fault(rows):
            problems.append(wsbench.Problem(rows[0].where, f"{name} {fault}", "bad annotation", (name,)))
            continue
        first = rows[0]
        patient = _patient_of(first.path)
        boxes = dict.fromkeys(wsbench.Box(row.category, *row.corners) for row in rows)
        present = {*(row.category for row in rows), *positive.get(patient, ())}
        yield ReleaseImage(
            name=name,
            file=first.path or name,
            split=SPLITS[first.split],
            labels=tuple(label for label in CLASSES if label in present),
            boxes=tuple(boxes),
            where=first.where,
            patient=patient[0] or None,
            annotated_size=first.size,
            attributes={"phrases": _phrases(rows)},
        )


def _phrases(rows: Sequence[Row]) -> str:
    """The phrases of an image with their classes, each once, in the order of the table."""
    return "; ".join(dict.fromkeys(f"{row.category}: {row.phrase}" for row in rows if row.phrase))


def _fault(rows: Sequence[Row]) -> str:
    """What is wrong with the rows of an image, or nothing."""
    for row in rows:
        if row.category not in CLASSES:
            return f"has the class '{row.category[:40]}', which is none of the eight"
        if row.split not in SPLITS:
            return f"has the split '{row.split[:40]}', which is none of train, val and test"
        if PurePosixPath(row.path).is_absolute() or ".." in PurePosixPath(row.path).parts:
            return f"has the path '{row.path[:80]}', which leads out of the folder"
    facts = {"splits": "split", "paths": "path", "sizes": "size"}
    for several, name in facts.items():
        if len({getattr(row, name) for row in rows}) > 1:
            return f"has rows with different {several}"
    return ""


def _patient_of(path: str) -> tuple[str, str]:
    """The numbers of patient and study that a path of MIMIC-CXR names; empty where it names none."""
    match = _PATIENT.search(path.replace("\\", "/"))
    return (match[1], match[2]) if match else ("", "")


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files; see `_ms_cxr_layout.write`."""
    from . import _ms_cxr_layout

    _ms_cxr_layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="ms_cxr",
            summary="MS-CXR: boxes for 1,162 phrases of 8 findings on images of MIMIC-CXR",
            settings=MSCXRSettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=("MS-CXR", "MIMIC-CXR"),
        )
    ]
