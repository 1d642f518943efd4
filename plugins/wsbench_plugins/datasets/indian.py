"""The Indian collection (Dataset A) of films with and without tuberculosis, in its official folders.

``DatasetA/Training`` and ``DatasetA/Testing`` hold JPEG files and are official splits. The first letter of a
name is p for tuberculosis and n for a normal film: ``px12.jpg``, ``nx23.jpg``.

Source: the split file that mednet 2.0.1 carries for this collection, with 52 films of each label in Training
and 26 in Testing. The films themselves were not at hand. ``DatasetB`` is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import wsbench

from ._release import ReleaseDataset, ReleaseImage, require_parts

CLASS = "tb"
FOLDERS = {"train": "DatasetA/Training", "test": "DatasetA/Testing"}
SUFFIXES = (".jpg", ".jpeg", ".png")
NAME = re.compile(r"(?P<label>[np])x?\d+", re.IGNORECASE)

CITATION = (
    "Chauhan, Chauhan, Rout: Role of Gist and PHOG Features in Computer-Aided Diagnosis of Tuberculosis "
    "without Segmentation, PLOS ONE 2014"
)


class IndianSettings(wsbench.Settings):
    """Nothing to choose."""


def load(settings: IndianSettings, source: wsbench.Source) -> ReleaseDataset:
    """Load the official folders.

    Raises:
        WsbenchError: a folder is missing.
    """
    root = source.root
    assert root is not None
    require_parts(root, "indian", tuple(FOLDERS.values()))
    folders = {split: root / folder for split, folder in FOLDERS.items()}
    problems: list[wsbench.Problem] = []
    described = [image for split in FOLDERS for image in _described(root, split, problems)]
    return ReleaseDataset((CLASS,), described, problems, folders, None, source)


def _described(root: Path, split: str, problems: list[wsbench.Problem]) -> Iterator[ReleaseImage]:
    folder = FOLDERS[split]
    for file in wsbench.images.image_files(root / folder, SUFFIXES):
        name = f"{folder}/{file}"
        match = NAME.fullmatch(Path(file).stem)
        if match is None:
            what = "its name does not begin with n (normal) or p (tuberculosis) and end in a number"
            problems.append(wsbench.Problem(name, what, images=(name,)))
            continue
        labels = (CLASS,) if match["label"].lower() == "p" else ()
        yield ReleaseImage(name=name, file=file, split=split, labels=labels, boxes=(), where=folder)


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official folders, as JPEG files.

    Args:
        dataset: a dataset of one class, whose boxes are lost. Its split test becomes Testing, or val where it
            has no test; all others become Training.
        folder: the folder to write; it must not exist, or be empty.
        progress: shows the writing of images.

    Raises:
        WsbenchError: the dataset has several classes, or there is no split test or val.
    """
    from . import _release_writing as writing

    writing.names_in_release(dataset, (CLASS,), "the Indian collection", CLASS)
    ordered = writing.sorted_samples(dataset)
    tested = writing.tested_split(ordered)
    for name in FOLDERS.values():
        (folder / name).mkdir(parents=True, exist_ok=True)
    with progress.task("writing images", len(ordered)) as advance:
        for number, sample in enumerate(ordered):
            file = f"{'p' if sample.labels else 'n'}x{number + 1}.jpg"
            path = folder / FOLDERS["test" if sample.split == tested else "train"] / file
            writing.save_image(writing.read_whole(dataset, sample), path)
            advance()


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="indian",
            summary="Indian collection (Dataset A), 156 films with and without tuberculosis",
            settings=IndianSettings,
            load=load,
            citation=CITATION,
            write=write,
        )
    ]
