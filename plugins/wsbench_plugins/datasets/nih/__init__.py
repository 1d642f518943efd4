"""NIH ChestX-ray14 in its official files: images, ``Data_Entry_2017*.csv``, ``BBox_List_2017.csv``, lists.

Boxes were drawn on 880 images of the official test list, for 8 of the 14 classes, and not for all findings of
these images: 931 of them have none. The location of a class that is present without a box is therefore
unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

from ._tables import BOXED, BOXES, CLASSES, LISTS, Entry, entries_file, read_boxes, read_entries, read_list

if TYPE_CHECKING:
    import numpy as np

SIDE = 1024
"""Side of every image of the release, in pixels. Boxes are in this frame."""

MODES = ("L", "RGBA", "RGB")
"""Pillow's names of the formats in the release: 8-bit grey, and several hundred RGBA files."""

CITATION = (
    "Wang, Peng, Lu, Lu, Bagheri, Summers: ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks "
    "on Weakly-Supervised Classification and Localization of Common Thorax Diseases, CVPR 2017"
)


class NIHSettings(wsbench.Settings):
    """Nothing to choose."""


class NIH(wsbench.Dataset):
    """The images of the folder, with 14 classes.

    Listed images without a file are no problem: the release comes in twelve archives, and fewer archives
        give a
    subset. A sample has the attributes ``age``, ``sex`` and ``view``.
    """

    classes = CLASSES
    boxes_complete = False

    def __init__(self, root: Path, source: wsbench.Source) -> None:
        paths = _image_files(root)
        self._files = {name: copies[-1] for name, copies in paths.items()}
        listed = ((name, split) for split, file in LISTS.items() for name in read_list(root / file))
        split_of, in_both = wsbench.one_value_each(listed)
        entries, contradicting = read_entries(entries_file(root))
        boxes, problems = read_boxes(root / BOXES, entries)
        memory = source.cache / f"files-{wsbench.seed_from(str(root.resolve())):x}.json"
        everything = [path for copies in paths.values() for path in copies]
        facts = wsbench.images.inspect_files(everything, memory, source.progress)
        of_images = [*contradicting, *_in_both(in_both), *_copies(root, paths, facts)]
        # Problems of images without a file are dropped: the tables of a subset list all images.
        problems += [p for p in of_images if not p.images or set(p.images) & set(self._files)]
        sound = {}
        for name in sorted(self._files):
            fact = facts[self._files[name]]
            if problem := _wrong(name, fact, split_of, entries):
                file = str(self._files[name].relative_to(root))
                problems.append(wsbench.Problem(file, problem, images=(name,)))
            else:
                sound[name] = fact
        self.samples = tuple(samples(sound, split_of, entries, boxes))
        self.problems = tuple(problems)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(self._files[sample.name], height, width)


def load(settings: NIHSettings, source: wsbench.Source) -> NIH:
    """Load the official files.

    Raises:
        WsbenchError: the folder is not the release's, or one of its tables is damaged.
    """
    assert source.root is not None
    return NIH(source.root, source)


def samples(
    facts: Mapping[str, wsbench.images.FileFacts],
    split_of: Mapping[str, str],
    entries: Mapping[str, Entry],
    boxes: Mapping[str, Sequence[wsbench.Box]],
) -> Iterator[wsbench.Sample]:
    """The samples of sound images.

    Args:
        facts: facts about the image files, by image name.
        split_of: the list that names each image.
        entries: the table of labels, by image name.
        boxes: the boxes, by image name.
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
            annotated_size=_annotated_size(fact, entry) if name in boxes else None,
        )


def _annotated_size(fact: wsbench.images.FileFacts, entry: Entry) -> tuple[int, int]:
    """Width and height of the frame of an image's boxes: that of the release, or that of the file if the
    table's original size is the size of the file, as in rows that `write` makes."""
    size = (fact.width, fact.height)
    return size if entry.original_size == tuple(map(str, size)) else (SIDE, SIDE)


def _image_files(root: Path) -> dict[str, list[Path]]:
    """Files by name, from ``images/`` and ``images_001/images`` ... ``images_012/images``."""
    files: dict[str, list[Path]] = defaultdict(list)
    for folder in [root / "images", *sorted(root.glob("images_*/images"))]:
        for name, path in wsbench.images.image_files(folder, (".png",)).items():
            files[name].append(path)
    if not files:
        raise wsbench.WsbenchError(
            f"nih: {root} has no PNG file in images/ or images_001/images ...; give --root the folder that "
            "holds them, the CSV files and the two lists"
        )
    return files


def _in_both(names: Mapping[str, Sequence[str]]) -> Iterator[wsbench.Problem]:
    for name, splits in names.items():
        problem = f"is in {' and '.join(LISTS[split] for split in splits)}"
        yield wsbench.Problem(name, problem, "in two lists", (name,))


def _copies(
    root: Path, paths: Mapping[str, Sequence[Path]], facts: Mapping[Path, wsbench.images.FileFacts]
) -> Iterator[wsbench.Problem]:
    """Files of one name in several folders. Equal files are harmless."""
    for name, copies in paths.items():
        if len(copies) > 1:
            equal = len({facts[path].content for path in copies}) == 1
            folders = " and ".join(str(path.parent.relative_to(root)) for path in copies)
            problem = f"lies in {folders}, as {'equal' if equal else 'different'} files"
            yield wsbench.Problem(name, problem, "several files", (name,), "none" if equal else "skip")


def _wrong(
    name: str, fact: wsbench.images.FileFacts, split_of: Mapping[str, str], entries: Mapping[str, Entry]
) -> str:
    """The problem with an image; empty if there is none."""
    if fact.broken:
        return fact.broken
    if fact.mode not in MODES:
        return f"is a {fact.mode} image; the release's are 8-bit {', '.join(MODES)}"
    if name not in entries:
        return "has no labels in Data_Entry"
    if name not in split_of:
        return f"is in neither {' nor '.join(LISTS.values())}"
    return ""


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files; see `_layout.write`."""
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
            releases=("ChestX-ray14",),
        )
    ]
