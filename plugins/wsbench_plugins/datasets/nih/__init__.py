"""NIH ChestX-ray14 in its official files: images, ``Data_Entry_2017*.csv``, ``BBox_List_2017.csv``, lists.

Boxes were drawn on 880 images of the official test list, for 8 of the 14 classes, and not for all findings of
these images: 931 of them have none. So a class that is present without a box is unknown, not unboxed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

from ._tables import BOXED, BOXES, CLASSES, LISTS, Entry, entries_file, read_boxes, read_entries, read_list

if TYPE_CHECKING:
    import numpy as np

MODES = ("L", "RGBA", "RGB")
"""The release has some hundred RGBA files among its 8-bit grey ones."""

CITATION = (
    "Wang, Peng, Lu, Lu, Bagheri, Summers: ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks "
    "on Weakly-Supervised Classification and Localization of Common Thorax Diseases, CVPR 2017"
)


class NIHSettings(wsbench.Settings):
    """Nothing to choose."""


class NIH(wsbench.Dataset):
    """The images that are there, with 14 classes.

    Listed images without a file are no problem: the release comes in twelve archives, and a part of it is a
    subset. Attributes of a sample: ``age``, ``sex`` and ``view``.
    """

    classes = CLASSES
    boxes_complete = False

    def __init__(self, root: Path, source: wsbench.Source) -> None:
        self._files = _image_files(root)
        split_of = {name: split for split, file in LISTS.items() for name in read_list(root / file)}
        entries, problems = read_entries(entries_file(root))
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


def _image_files(root: Path) -> dict[str, Path]:
    """Files by name, from ``images/`` and ``images_001/images`` ... ``images_012/images``."""
    folders = [root / "images", *sorted(root.glob("images_*/images"))]
    files = {
        name: path for folder in folders for name, path in wsbench.image_files(folder, (".png",)).items()
    }
    if not files:
        raise wsbench.WsbenchError(
            f"nih: {root} has no PNG file in images/ or images_001/images ...; give --root the folder that "
            "holds them, the CSV files and the two lists"
        )
    return files


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


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Lay a dataset out as the official files; see `_layout.write`."""
    from . import _layout

    _layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="nih",
            summary="NIH ChestX-ray14: 14 findings, boxes on 8 of them in 880 test images",
            settings=NIHSettings,
            load=load,
            citation=CITATION,
            write=write,
        )
    ]
