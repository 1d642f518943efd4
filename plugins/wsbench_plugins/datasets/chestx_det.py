"""ChestX-Det in its official files: ``ChestX_Det_train.json``, ``ChestX_Det_test.json`` and two folders.

A JSON file is a list of images: ``file_name``, ``syms`` (the class of each box), ``boxes`` (x0, y0, x1, y1 in
pixels) and ``polygons``, which are not read. An image without a box shows none of the 13 classes. The
archives ``train_data.zip`` and ``test_data.zip`` hold the images.

Source: the README and the JSON files of github.com/Deepwise-AILab/ChestX-Det-Dataset. All images are from
ChestX-ray14 under other names, and nothing tells which patient they show: images of a patient may be in both
splits. It was not checked against the images that all of them have 1024 x 1024 pixels, as those of
ChestX-ray14 have, nor against the JSON files that the splits have 3,025 and 553 images.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, RootModel

import wsbench

from ._release import ReleaseDataset, ReleaseImage, first_folder, require_parts

CLASSES = (
    "Atelectasis", "Calcification", "Cardiomegaly", "Consolidation", "Diffuse Nodule", "Effusion",
    "Emphysema", "Fibrosis", "Fracture", "Mass", "Nodule", "Pleural Thickening", "Pneumothorax",
)  # fmt: skip

FILES = {"train": "ChestX_Det_train.json", "test": "ChestX_Det_test.json"}
FOLDERS = {"train": ("train_data", "train"), "test": ("test_data", "test")}
"""By split, the folders that people unpack the archives to. The archives may have folders of their own."""

SIDE = 1024
"""Side of the images, in pixels. Boxes are in this frame unless the entry of an image says another size."""

CITATION = (
    "Lian, Liu, Zhang, Gao, Liu, Zhang, Yu: A Structure-Aware Relation Network for Thoracic Diseases "
    "Detection and Segmentation, IEEE Transactions on Medical Imaging 2021"
)


class ChestXDetSettings(wsbench.Settings):
    """Nothing to choose."""


class Entry(BaseModel):
    """An image in a JSON file. Its polygons are not read.

    Attributes:
        file_name: the name of the file.
        syms: the class of each box.
        boxes: x0, y0, x1, y1 of each box, in pixels.
        width, height: the size of the image that was annotated. The official files do not say it.
    """

    file_name: str
    syms: list[str]
    boxes: list[tuple[float, float, float, float]]
    width: int = SIDE
    height: int = SIDE


class EntryFile(RootModel[list[Entry]]):
    """A JSON file."""


def load(settings: ChestXDetSettings, source: wsbench.Source) -> ReleaseDataset:
    """Load the official files.

    Raises:
        WsbenchError: a file or folder is missing, or a file is not what its name says.
    """
    root = source.root
    assert root is not None
    require_parts(root, "chestx_det", tuple(FILES.values()))
    folders = {split: first_folder(root, "chestx_det", names) for split, names in FOLDERS.items()}
    problems: list[wsbench.Problem] = []
    return ReleaseDataset(CLASSES, tuple(_described(root, problems)), problems, folders, None, source)


def _described(root: Path, problems: list[wsbench.Problem]) -> Iterator[ReleaseImage]:
    entries = [
        (entry.file_name, (split, entry))
        for split, file in FILES.items()
        for entry in wsbench.images.read_json(root / file, EntryFile, "a list of ChestX-Det's images").root
    ]
    first, different = wsbench.one_value_each(entries)
    for name, several in different.items():
        where = " and ".join(dict.fromkeys(FILES[split] for split, _ in several))
        problems.append(
            wsbench.Problem(where, f"{name} has different entries", "entries that contradict", (name,))
        )
    for name, (split, entry) in first.items():
        if fault := _fault(entry):
            problems.append(wsbench.Problem(FILES[split], f"{name} {fault}", "bad annotation", (name,)))
            continue
        yield ReleaseImage(
            name=name,
            file=name,
            split=split,
            labels=tuple(dict.fromkeys(entry.syms)),
            boxes=tuple(_boxes(entry)),
            where=FILES[split],
            annotated_size=(entry.width, entry.height),
        )


def _fault(entry: Entry) -> str:
    """What is wrong with the annotation of an image, or nothing."""
    if len(entry.syms) != len(entry.boxes):
        return f"has {len(entry.syms)} classes in syms and {len(entry.boxes)} boxes"
    unknown = [name for name in entry.syms if name not in CLASSES]
    return f"has a box of '{unknown[0]}', which is none of the 13 classes" if unknown else ""


def _boxes(entry: Entry) -> Iterator[wsbench.Box]:
    for name, corners in zip(entry.syms, entry.boxes, strict=True):
        yield wsbench.Box(name, *corners)


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files, each entry with the size of its image.

    Args:
        dataset: a dataset of classes among the 13, or of a single class of another name, which becomes
            Consolidation. Its split test becomes test, or val where it has no test; all others become train.
            Names lose their folders.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: the dataset has other classes, or two images would have the same name.
    """
    from . import _chestx_det_layout

    _chestx_det_layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="chestx_det",
            summary="ChestX-Det: 3,578 images of ChestX-ray14, boxes on 13 findings",
            settings=ChestXDetSettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=("ChestX-Det", "ChestX-ray14"),
        )
    ]
