"""RSNA Pneumonia Detection Challenge (2018) in the files of its second stage, as Kaggle offers them.

``stage_2_train_labels.csv`` (patientId, x, y, width, height, Target; pixels of the DICOM files) has a row
for each box, or one without a box. ``stage_2_detailed_class_info.csv`` (patientId, class) tells normal images
from images with another finding. A patientId is the name of a single image in ``stage_2_train_images``. The
test images of the challenge have no public labels and are not read.

The table of labels was checked against the copy of it that TorchXRayVision 1.5.7 carries: 30,227 rows of
26,684 images, all of 1024 x 1024 pixels. The names of the detailed classes and the keys of the mapping to
ChestX-ray14 are those that public code reads, and were not checked against the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, RootModel

import wsbench

from ._release import require_parts
from .folders import Columns, CsvSettings, rows

if TYPE_CHECKING:
    from .folders import FolderDataset

CLASS = "Pneumonia"
IMAGES, LABELS, DETAILS = (
    "stage_2_train_images",
    "stage_2_train_labels.csv",
    "stage_2_detailed_class_info.csv",
)
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
"""RSNA's own file, which is not in Kaggle's archive."""

OPACITY, NOT_NORMAL, NORMAL = "Lung Opacity", "No Lung Opacity / Not Normal", "Normal"
"""The detailed classes. The first one is that of images with boxes."""

SIDE = 1024
"""Side of every image of the release, in pixels. DICOM files say their size themselves."""

CONVERTED = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""Suffixes of images that somebody made of the DICOM files, perhaps in another size."""

CITATION = (
    "Shih, Wu, Halabi et al.: Augmenting the National Institutes of Health Chest Radiograph Dataset with "
    "Expert Annotations of Possible Pneumonia, Radiology: Artificial Intelligence 2019"
)


class RSNASettings(wsbench.Settings):
    """Who counts as a patient."""

    patients: Literal["images", "nih"] = Field(
        "images",
        description="images: each image is a patient of its own, as the challenge's tables say; nih: the "
        f"patients of ChestX-ray14, from which all images are, as {MAPPING} in the folder says",
    )


class MappedImage(BaseModel):
    """An entry of the mapping to ChestX-ray14. Its other keys are not read."""

    img_id: str
    subset_img_id: str


class Mapping2018(RootModel[list[MappedImage]]):
    """The mapping to ChestX-ray14."""


def load(settings: RSNASettings, source: wsbench.Source) -> FolderDataset:
    """Load the files of the training set.

    A sample's name is its patientId. It has the attribute ``group``, its detailed class.

    Raises:
        WsbenchError: a file is missing or is not what its name says.
    """
    from .folders import load_csv

    root = source.root
    assert root is not None
    require_parts(root, "rsna", (LABELS, DETAILS, IMAGES))
    dataset = load_csv(_table(), source)
    groups, different = wsbench.one_value_each(
        (cells["patientId"], cells["class"]) for _, cells in rows(root / DETAILS, ("patientId", "class"), ",")
    )
    patients = _patients(root) if settings.patients == "nih" else {}
    converted = {Path(file).stem for file in wsbench.images.image_files(root / IMAGES, CONVERTED, deep=True)}
    samples = []
    for sample in dataset.samples:
        frame = (SIDE, SIDE) if Path(sample.name).stem in converted else None
        samples.append(_with_facts(sample, groups.get(sample.name, ""), patients, frame))
    dataset.samples = tuple(samples)
    dataset.problems = (*dataset.problems, *_problems(samples, groups, different, patients))
    return dataset


def _table() -> CsvSettings:
    return CsvSettings(
        table=LABELS,
        images=IMAGES,
        columns=Columns(image="patientId", label="Target", x="x", y="y", width="width", height="height"),
        classes={"1": CLASS},
        normal=("0",),
    )


def _patients(root: Path) -> dict[str, str]:
    """The patient in ChestX-ray14 of every image, by patientId."""
    require_parts(root, "rsna", (MAPPING,))
    mapping = wsbench.images.read_json(root / MAPPING, Mapping2018, "RSNA's mapping to ChestX-ray14")
    return {image.subset_img_id: image.img_id.partition("_")[0] for image in mapping.root}


def _with_facts(
    sample: wsbench.Sample, group: str, patients: Mapping[str, str], frame: tuple[int, int] | None
) -> wsbench.Sample:
    return replace(
        sample,
        split="train",
        stratum=group,
        patient=patients.get(sample.name, sample.name),
        boxes=tuple(replace(box, kind="") for box in sample.boxes),  # else the word of the table, 1
        attributes={**({"group": group} if group else {}), **sample.attributes},
        annotated_size=frame,
    )


def _problems(
    samples: Sequence[wsbench.Sample],
    groups: Mapping[str, str],
    different: Mapping[str, Sequence[str]],
    patients: Mapping[str, str],
) -> Iterator[wsbench.Problem]:
    """Images of which the files say different things, or one file says nothing."""
    for name, several in different.items():
        what = f"{name} has rows of {' and '.join(several)}"
        yield wsbench.Problem(DETAILS, what, "rows that contradict", (name,))
    for sample in samples:
        name, group = sample.name, groups.get(sample.name, "")
        if not group:
            yield wsbench.Problem(DETAILS, f"has no row of {name}", "row missing", (name,))
        elif (group == OPACITY) != bool(sample.labels):
            what = f"calls {name} '{group}', and {LABELS} says Target {int(bool(sample.labels))}"
            yield wsbench.Problem(DETAILS, what, "tables that contradict", (name,))
        if patients and name not in patients:
            yield wsbench.Problem(MAPPING, f"has no entry of {name}", "entry missing", (name,))


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the challenge's files; see `_rsna_layout.write`."""
    from . import _rsna_layout

    _rsna_layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="rsna",
            summary="RSNA pneumonia challenge: 26,684 images of ChestX-ray14, boxes on lung opacities",
            settings=RSNASettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=("RSNA Pneumonia", "ChestX-ray14"),
        )
    ]
