"""The tables of labels, and the names of images in the JSON files of masks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import wsbench

CLASSES = (
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Lesion", "Lung Opacity", "Edema", "Consolidation",
    "Atelectasis", "Pneumothorax", "Pleural Effusion", "Support Devices",
)  # fmt: skip
OTHER_NAMES = {"Airspace Opacity": "Lung Opacity"}
"""Names that the JSON files have in place of those of the tables."""

SPLITS: Mapping[str, tuple[str, ...]] = {
    "val": ("val_labels.csv", "valid.csv"),
    "test": ("test_labels.csv", "test.csv"),
}
"""For each split, the names of its table of labels. It lies in the root or in a folder of it."""

_ID = re.compile(r"(?:^|/)(patient\d+)[/_](study\d+)[/_](view\d+_(frontal|lateral))(?:\.\w+)?$")


@dataclass(frozen=True)
class Labels:
    """A row of a table.

    Attributes:
        split: ``val`` or ``test``.
        table: name of the table.
        labels: the classes that are present.
        attributes: ``view`` and, where the table has them, ``sex`` and ``age``.
    """

    split: str
    table: str
    labels: tuple[str, ...]
    attributes: Mapping[str, str]

    def __str__(self) -> str:
        return ", ".join(self.labels) or "no finding"


def id_of(path: str) -> str:
    """Return the name that the JSON files give to an image; empty for other files.

    Args:
        path: such as ``CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg``.
    """
    match = _ID.search(path.replace("\\", "/"))
    return "_".join(match.groups()[:3]) if match else ""


def find(root: Path, names: tuple[str, ...]) -> Path | None:
    """Return the first of some files that lies in the root or in a folder of it; None if there is none."""
    for name in names:
        for path in (root / name, *sorted(root.glob(f"*/{name}"))):
            if path.is_file():
                return path
    return None


def read_labels(root: Path, split: str, problems: list[wsbench.Problem]) -> dict[str, Labels]:
    """Read the table of a split.

    Args:
        root: the dataset's folder.
        split: ``val`` or ``test``.
        problems: to which images are added whose rows contradict each other.

    Returns:
        The rows by the names of images. Rows that are repeated count once.

    Raises:
        WsbenchError: there is no table, or it is not this one.
    """
    path = find(root, SPLITS[split])
    if path is None:
        raise wsbench.WsbenchError(
            f"chexlocalize: {root} has no {' or '.join(SPLITS[split])}; give --root the folder that holds "
            "the tables, the images and gt_segmentations_*.json"
        )
    rows, several = wsbench.one_value_each(_rows(path, split))
    for name, different in several.items():
        what = f"{name} has rows that differ: {' and '.join(map(str, different))}"
        problems.append(wsbench.Problem(path.name, what, "rows that contradict", (name,)))
    return rows


def _rows(path: Path, split: str) -> Iterator[tuple[str, Labels]]:
    reader = csv.DictReader(wsbench.images.read_text(path).splitlines())
    missing = [name for name in ("Path", *CLASSES) if name not in (reader.fieldnames or ())]
    if missing:
        raise wsbench.WsbenchError(f"chexlocalize: {path} has no column {', '.join(missing[:3])}")
    try:
        for row in reader:
            where = f"chexlocalize: {path}, line {reader.line_num}"
            if not (name := id_of(row["Path"])):
                raise wsbench.WsbenchError(
                    f"{where}: '{row['Path'][:40]}' is no path of an image of CheXpert"
                )
            values = {label: (row[label] or "").strip() for label in CLASSES}
            if wrong := [value for value in values.values() if value not in ("", "0", "1", "0.0", "1.0")]:
                raise wsbench.WsbenchError(f"{where}: a label is '{wrong[0][:20]}', neither 0 nor 1")
            labels = tuple(label for label, value in values.items() if value.startswith("1"))
            about = {"sex": row.get("Sex"), "age": row.get("Age"), "view": name.rpartition("_")[2]}
            yield name, Labels(split, path.name, labels, {k: v for k, v in about.items() if v})
    except csv.Error as error:
        raise wsbench.WsbenchError(f"chexlocalize: {path} cannot be read: {error}") from None
