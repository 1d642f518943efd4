"""NIH ChestX-ray14 in its official files: images, ``Data_Entry_2017*.csv``, ``BBox_List_2017.csv``, lists.

Boxes were drawn on 880 images of the official test list, for 8 of the 14 classes, and not for all findings of
these images: 931 of them have none. So a class that is present without a box is unknown, not unboxed.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np

CLASSES = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis",
    "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
NOTHING = "No Finding"
BOX_NAMES = {"Infiltrate": "Infiltration"}
"""Classes that the box list calls otherwise than the table of labels."""

MODES = ("L", "RGBA", "RGB")
"""The release has some hundred RGBA files among its 8-bit grey ones."""

ENTRIES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
BOXES = "BBox_List_2017.csv"
LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}
BOXED = "test_boxed"
"""The images of the test list whose patients have a box: half of them are calibrate's, by patient."""

CITATION = (
    "Wang, Peng, Lu, Lu, Bagheri, Summers: ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks "
    "on Weakly-Supervised Classification and Localization of Common Thorax Diseases, CVPR 2017"
)


class NIHSettings(wsbench.Settings):
    """Nothing to choose."""


@dataclass(frozen=True)
class Entry:
    """A row of the table of labels."""

    labels: tuple[str, ...]
    patient: str
    attributes: Mapping[str, str]


class NIH(wsbench.Dataset):
    """The images that are there, with 14 classes.

    Listed images without a file are no problem: the release comes in twelve archives, and a part of it is a
    subset. Attributes of a sample: ``age``, ``sex`` and ``view``.
    """

    classes = CLASSES
    boxes_complete = False

    def __init__(self, root: Path, source: wsbench.Source) -> None:
        self._files = _image_files(root)
        split_of = {name: split for split, file in LISTS.items() for name in _list(root / file)}
        entries, problems = read_entries(_entries_file(root))
        boxes, more = read_boxes(root / BOXES, entries)
        names = sorted(self._files)
        memory = source.cache / f"files-{wsbench.seed_from(str(root.resolve())):x}.json"
        facts = wsbench.inspect_files([self._files[name] for name in names], memory, source.progress)
        sound = {}
        for name in names:
            fact = facts[self._files[name]]
            what = _wrong(name, fact, split_of, entries) or _outside(boxes.get(name, ()), fact)
            if what:
                problems.append(wsbench.Problem(str(self._files[name].relative_to(root)), what))
            else:
                sound[name] = fact
        self.samples = tuple(samples(sound, split_of, entries, boxes))
        self.problems = (*problems, *more)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.read_radiograph(self._files[sample.name], height, width)


def load(settings: NIHSettings, source: wsbench.Source) -> NIH:
    """Load the official files.

    Raises:
        WsbenchError: the folder is not the release's, or one of its tables is damaged.
    """
    assert source.root is not None
    return NIH(source.root, source)


def samples(
    facts: Mapping[str, wsbench.FileFacts],
    split_of: Mapping[str, str],
    entries: Mapping[str, Entry],
    boxes: Mapping[str, Sequence[wsbench.Box]],
) -> Iterator[wsbench.Sample]:
    """The samples of sound images.

    Args:
        facts: of their files, by name.
        split_of: the list that names an image.
        entries: the table of labels.
        boxes: by image.
    """
    boxed = {entries[name].patient for name in boxes}
    for name, fact in facts.items():
        entry, split = entries[name], split_of[name]
        yield wsbench.Sample(
            name=name,
            width=fact.width,
            height=fact.height,
            split=BOXED if split == "test" and entry.patient in boxed else split,
            labels=entry.labels,
            boxes=tuple(boxes.get(name, ())),
            content=fact.content,
            patient=entry.patient,
            attributes=entry.attributes,
        )


def read_entries(path: Path) -> tuple[dict[str, Entry], list[wsbench.Problem]]:
    """The table of labels by image, and the labels in it that are none of the 14.

    Raises:
        WsbenchError: the file is not that table.
    """
    entries: dict[str, Entry] = {}
    unknown: dict[str, int] = defaultdict(int)
    rows = _rows(path, ("Image Index", "Finding Labels", "Follow-up #", "Patient ID"))
    for name, words, _, patient, age, sex, view, *_ in rows:
        labels = [word for word in words.split("|") if word != NOTHING]
        for word in labels:
            if word not in CLASSES:
                unknown[word] += 1
        known = tuple(word for word in labels if word in CLASSES)
        entries[name] = Entry(known, patient, {"age": age, "sex": sex, "view": view})
    return entries, [
        wsbench.Problem(path.name, f"{count} images have the label '{word}', which is none of the 14")
        for word, count in unknown.items()
    ]


def read_boxes(
    path: Path, entries: Mapping[str, Entry]
) -> tuple[dict[str, list[wsbench.Box]], list[wsbench.Problem]]:
    """The boxes by image, and those that do not fit the table of labels.

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
        elif label not in entries[name].labels:
            what = f"has a box of '{word}' on {name}, which has no such label"
            problems.append(wsbench.Problem(path.name, what))
        else:
            corners = wsbench.xywh_to_xyxy((x, y, width, height))
            boxes[name].append(wsbench.Box(label, *corners))
    return dict(boxes), problems


def _image_files(root: Path) -> dict[str, Path]:
    """Files by name, from ``images/`` and ``images_001/images`` ... ``images_012/images``."""
    folders = [root / "images", *sorted(root.glob("images_*/images"))]
    files = {path.name: path for folder in folders if folder.is_dir() for path in folder.glob("*.png")}
    if not files:
        raise wsbench.WsbenchError(
            f"nih: {root} has no PNG file in images/ or images_001/images ...; give --root the folder that "
            "holds them, the CSV files and the two lists"
        )
    return files


def _entries_file(root: Path) -> Path:
    for name in ENTRIES:
        if (root / name).is_file():
            return root / name
    raise wsbench.WsbenchError(f"nih: {root} has no {' or '.join(ENTRIES)}")


def _list(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise wsbench.WsbenchError(f"nih: {path} cannot be read: {error}") from None


def _rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a CSV file whose first columns have these names."""
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
                if len(row) < len(columns) + 3:
                    raise wsbench.WsbenchError(f"nih: {path}, line {reader.line_num}: has {len(row)} columns")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise wsbench.WsbenchError(f"nih: {path} cannot be read: {error}") from None


def _wrong(
    name: str, fact: wsbench.FileFacts, split_of: Mapping[str, str], entries: Mapping[str, Entry]
) -> str:
    """What is wrong with an image, or nothing."""
    if fact.broken:
        return fact.broken
    if fact.mode not in MODES:
        return f"is a {fact.mode} image; the release's are 8-bit {', '.join(MODES)}"
    if name not in entries:
        return "has no labels in Data_Entry"
    if name not in split_of:
        return f"is in neither {' nor '.join(LISTS.values())}"
    return ""


def _outside(boxes: Sequence[wsbench.Box], fact: wsbench.FileFacts) -> str:
    for box in boxes:
        if not (0 <= box.x0 < box.x1 <= fact.width and 0 <= box.y0 < box.y1 <= fact.height):
            return f"its box of {box.label} has no area or leaves the image: {box.x0:.1f}, {box.y0:.1f} ..."
    return ""


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="nih",
            summary="NIH ChestX-ray14: 14 findings, boxes on 8 of them in 880 test images",
            settings=NIHSettings,
            load=load,
            citation=CITATION,
        )
    ]
