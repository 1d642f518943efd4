"""PadChest in its official files: one table of labels, and images of 16 bits in numbered folders.

``PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv`` has a row for each image, with ``ImageID``,
``ImageDir``, ``PatientID``, ``Projection``, ``MethodLabel`` (Physician or RNN_model) and ``Labels``, such as
``['nodule', 'pleural effusion']``. There are no boxes: `padchest_gr` has some.

The reading of the table was checked on the copy of it that TorchXRayVision 1.5.7 carries: 160,861 rows of as
many images, of 67,625 patients. The images were not at hand. Some of them are known to be stored with black
and white exchanged: they are shown as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator

import wsbench

from ._release import OwnRangeDataset, ReleaseImage, require_parts
from .folders import Levels, rows

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
COLUMNS = (
    "ImageID", "ImageDir", "PatientID", "PatientSex_DICOM", "Projection", "MethodLabel", "Labels",
)  # fmt: skip
SUFFIXES = (".png", ".jpg", ".jpeg")
CLASSES = (
    "atelectasis", "cardiomegaly", "consolidation", "emphysema", "hiatal hernia", "infiltrates", "mass",
    "nodule", "pleural effusion", "pleural thickening", "pneumonia", "pneumothorax", "pulmonary edema",
    "pulmonary fibrosis", "tuberculosis",
)  # fmt: skip
"""Those of the table's 194 labels that have a counterpart in ChestX-ray14, and tuberculosis."""

EXCLUDED = "exclude"
"""A label that says that an image is not to be used."""

LIST = re.compile(r"\[(?:'[^']*'(?:, *)?)*\]")

CITATION = (
    "Bustos, Pertusa, Salinas, de la Iglesia-Vaya: PadChest: A large chest x-ray image dataset with "
    "multi-label annotated reports, Medical Image Analysis 2020"
)


class PadChestSettings(wsbench.Settings):
    """Which images are read, and what their labels are."""

    classes: tuple[str, ...] = Field(CLASSES, min_length=1, description="the labels that are classes")
    merge: dict[str, str] = Field(
        {}, description="by label, the class that it counts as, such as {laminar atelectasis: atelectasis}"
    )
    views: tuple[str, ...] = Field(
        ("PA",), min_length=1, description="the projections: PA, AP, AP_horizontal, L, COSTAL"
    )
    physicians: bool = Field(
        False, description="only images whose labels are a physician's, a quarter; the others are a network's"
    )
    grey_levels: Levels | None = Field(
        None,
        description="the values that are black and white, such as [0, 4095]; none: the range of each image",
    )

    @model_validator(mode="after")
    def _merged_into_classes(self) -> PadChestSettings:
        for label, name in self.merge.items():
            if name not in self.classes:
                raise ValueError(f"merge: '{label}' becomes '{name}', which is none of the classes")
        return self


@dataclass(frozen=True)
class Row:
    """The content of a row of the table."""

    folder: str
    patient: str
    sex: str
    view: str
    labelled_by: str
    labels: str


def load(settings: PadChestSettings, source: wsbench.Source) -> OwnRangeDataset:
    """Load the official files.

    Rows of images without a file are no problem: the release comes in some fifty archives, and fewer archives
    give a subset. A sample has the attributes ``view``, ``sex`` and ``labelled_by``.

    Raises:
        WsbenchError: the table is missing or damaged, no image has a file, or a class is no label of it.
    """
    root = source.root
    assert root is not None
    require_parts(root, "padchest", (TABLE,))
    problems: list[wsbench.Problem] = []
    table = _read_table(root / TABLE, settings, problems)
    present = {Path(file).stem for file in wsbench.images.image_files(root, SUFFIXES, deep=True)}
    absent = [name for name in table if Path(name).stem not in present]
    if len(absent) == len(table):
        raise wsbench.WsbenchError(
            f"padchest: {root} has none of the {len(table)} images of these settings; unpack archives in it"
        )
    if absent:
        what = f"names {len(absent)} images of these settings without a file, such as {absent[0]}"
        problems.append(wsbench.Problem(TABLE, what, "archive not unpacked", remedy="none"))
    rows_of_files = {name: row for name, row in table.items() if Path(name).stem in present}
    described = list(_described(rows_of_files, settings, problems))
    dataset = OwnRangeDataset(
        settings.classes, described, problems, {"all": root}, settings.grey_levels, source
    )
    # The files of other views are beside those that are read.
    dataset.problems = tuple(p for p in dataset.problems if p.kind != "file without an entry")
    return dataset


def _read_table(path: Path, settings: PadChestSettings, problems: list[wsbench.Problem]) -> dict[str, Row]:
    """The rows of the chosen images, by ImageID."""
    known: set[str] = set()
    chosen = []
    for _, cells in rows(path, COLUMNS, ","):
        name, *values = (cells[column] for column in COLUMNS)
        row = Row(*values)
        known.update(_words(row.labels) or ())
        if row.view in settings.views and (row.labelled_by == "Physician" or not settings.physicians):
            chosen.append((name, row))
    for word in {*settings.classes, *settings.merge} - set(CLASSES):
        wsbench.choose(word, dict.fromkeys(sorted(known)), "label of PadChest")
    table, different = wsbench.one_value_each(chosen)
    for name in different:
        what = f"{name} has rows that differ"
        problems.append(wsbench.Problem(path.name, what, "rows that contradict", (name,)))
    return table


def _words(cell: str) -> list[str] | None:
    """The labels in a cell; None where it is no list of labels."""
    if not LIST.fullmatch(cell):
        return None
    return [word.strip() for word in re.findall(r"'([^']*)'", cell) if word.strip()]


def _described(
    table: Mapping[str, Row], settings: PadChestSettings, problems: list[wsbench.Problem]
) -> Iterator[ReleaseImage]:
    class_of = {**{name: name for name in settings.classes}, **settings.merge}
    left_out = 0
    for name, row in table.items():
        words = _words(row.labels)
        if words is None and row.labels:
            what = f"{name}: its labels {row.labels[:60]} are no list"
            problems.append(wsbench.Problem(TABLE, what, "bad row", (name,)))
            continue
        if words is None or EXCLUDED in words:
            left_out += 1
            continue
        yield ReleaseImage(
            name=name,
            file=f"{row.folder}/{name}",
            split="all",
            labels=tuple(dict.fromkeys(class_of[word] for word in words if word in class_of)),
            boxes=(),
            where=TABLE,
            patient=row.patient or None,
            attributes={"view": row.view, "sex": row.sex, "labelled_by": row.labelled_by},
        )
    if left_out:
        what = f"{left_out} images without labels, or with the label {EXCLUDED}, are left out"
        problems.append(wsbench.Problem(TABLE, what, "unknown image", remedy="none"))


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files, with images of 16 bits.

    Args:
        dataset: a dataset of classes among those that are read by default, or of a single class of another
            name, which becomes tuberculosis. Boxes and splits are lost. Names lose their folders.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: the dataset has other classes, or two images would have the same name.
    """
    from . import _padchest_layout

    _padchest_layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="padchest",
            summary="PadChest: 160,861 images of 67,625 patients, labels of 194 kinds, no boxes",
            settings=PadChestSettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=("PadChest",),
        )
    ]
