"""The tables and lists of the release: labels, boxes and splits."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import wsbench

CLASSES = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis",
    "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
NOTHING = "No Finding"
BOX_NAMES = {"Infiltrate": "Infiltration"}
"""Classes that have another name in the box list than in the table of labels."""

ENTRIES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
BOXES = "BBox_List_2017.csv"
ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}
BOXED = "test_boxed"
"""The split of images of the test list whose patients have a box. Half of these patients are used to
calibrate."""


@dataclass(frozen=True)
class Entry:
    """A row of the table of labels.

    Attributes:
        labels: its labels that are among the 14 classes.
        patient: number of the patient.
        attributes: ``age``, ``sex`` and ``view``.
        original_size: width and height of the image before the release resized it.
    """

    labels: tuple[str, ...]
    patient: str
    attributes: Mapping[str, str]
    original_size: tuple[str, ...] = ()

    def __str__(self) -> str:
        about = ", ".join(self.attributes.values())
        return f"{'|'.join(self.labels) or NOTHING} (patient {self.patient}, {about})"


def read_entries(path: Path) -> tuple[dict[str, Entry], list[wsbench.Problem]]:
    """Read the table of labels.

    Returns:
        The entries by image, and problems: unknown labels, and rows that contradict each other.

    Raises:
        WsbenchError: the file is not this table.
    """
    rows: list[tuple[str, Entry]] = []
    unknown: dict[str, int] = defaultdict(int)
    problems: list[wsbench.Problem] = []
    columns = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID")
    for name, words, _, patient, age, sex, view, *more in _rows(path, columns):
        labels = [word for word in words.split("|") if word != NOTHING]
        for word in labels:
            if word not in CLASSES:
                unknown[word] += 1
        if labels and NOTHING in words.split("|"):
            problems.append(_contradiction(path, name, f"has the labels {words}"))
        known = tuple(word for word in labels if word in CLASSES)
        rows.append((name, Entry(known, patient, {"age": age, "sex": sex, "view": view}, tuple(more[:2]))))
    entries, several = wsbench.one_value_each(rows)
    for name, different in several.items():
        problems.append(
            _contradiction(path, name, f"has rows that differ: {' and '.join(map(str, different))}")
        )
    return entries, problems + [
        wsbench.Problem(path.name, f"{count} images have the label '{word}', which is none of the 14")
        for word, count in unknown.items()
    ]


def _contradiction(path: Path, name: str, problem: str) -> wsbench.Problem:
    return wsbench.Problem(path.name, f"{name} {problem}", "rows that contradict", (name,))


def read_boxes(
    path: Path, entries: Mapping[str, Entry]
) -> tuple[dict[str, list[wsbench.Box]], list[wsbench.Problem]]:
    """Read the list of boxes.

    Returns:
        The boxes by image, and problems: boxes of images that the table of labels does not have.

    Raises:
        WsbenchError: the file is not the box list.
    """
    boxes: dict[str, list[wsbench.Box]] = defaultdict(list)
    problems = []
    for name, word, *numbers in _rows(path, ("Image Index", "Finding Label", "Bbox [x")):
        label = BOX_NAMES.get(word, word)
        try:
            x, y, width, height = map(float, numbers[:4])
        except ValueError:
            raise wsbench.WsbenchError(f"nih: {path}: a box of {name} is not four numbers") from None
        if name not in entries:
            problems.append(wsbench.Problem(path.name, f"has a box on {name}, which has no labels"))
        else:
            corners = wsbench.geometry.xywh_to_xyxy((x, y, width, height))
            boxes[name].append(wsbench.Box(label, *corners))
    return dict(boxes), problems


def entries_file(root: Path) -> Path:
    """The path of the table of labels, which has one of two names.

    Raises:
        WsbenchError: there is no such file.
    """
    for name in ENTRIES:
        if (root / name).is_file():
            return root / name
    raise wsbench.WsbenchError(f"nih: {root} has no {' or '.join(ENTRIES)}")


def read_list(path: Path) -> list[str]:
    """Read the image names of a list.

    Raises:
        WsbenchError: the file cannot be read.
    """
    return wsbench.images.read_text(path).split()


def _rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a CSV file whose first columns have these names. Empty rows are left out: editors leave an
    empty line at the end, and spreadsheets a line of commas."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            if tuple(header[: len(columns)]) != tuple(columns):
                raise wsbench.WsbenchError(
                    f"nih: {path} does not begin with the columns {', '.join(columns)} but with "
                    f"{', '.join(header[: len(columns)])}"
                )
            for row in reader:
                if not any(map(str.strip, row)):
                    continue
                if len(row) < len(columns) + 3:
                    raise wsbench.WsbenchError(f"nih: {path}, line {reader.line_num}: has {len(row)} columns")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise wsbench.WsbenchError(f"nih: {path} cannot be read: {error}") from None
