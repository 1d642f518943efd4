"""SIIM-ACR Pneumothorax Segmentation in its official files: DICOM images, and run-length masks in a table.

``train-rle.csv`` (or ``stage_2_train.csv``) has the columns ``ImageId`` and ``EncodedPixels``. An image has a
row for each mask that was drawn, or one row with -1. The images of the competition's test set have no rows,
and are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

from ._table import CLASS, TABLES, mask_of, read_rows

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg")
"""In lower case. Files have them in any case; many copies of the release hold PNG files."""

MODES = ("DICOM", "L", "RGB", "RGBA")

CITATION = "Society for Imaging Informatics in Medicine: SIIM-ACR Pneumothorax Segmentation, Kaggle 2019"


class SIIMSettings(wsbench.Settings):
    """Nothing to choose."""


class SIIM(wsbench.Dataset):
    """The images of the table, with the class ``Pneumothorax`` and its masks. All are of split ``train``.

    A name is an ``ImageId``. Files lie anywhere under the root and are called after it.
    """

    classes = (CLASS,)

    def __init__(self, root: Path, source: wsbench.Source) -> None:
        table = _table_of(root)
        rows, problems = read_rows(table)
        files: dict[str, list[Path]] = defaultdict(list)
        for path in wsbench.images.image_files(root, SUFFIXES, deep=True).values():
            files[path.stem].append(path)
        self._files = {name: files[name][0] for name in rows if name in files}
        memory = source.cache / f"files-{wsbench.seed_from(str(root.resolve())):x}.json"
        facts = wsbench.images.inspect_files(self._files.values(), memory, source.progress)
        problems += _without_file(table, rows, self._files)
        problems += _without_row(root, rows, files)
        samples = []
        for name, path in self._files.items():
            fact = facts[path]
            try:
                if fault := _wrong(root, fact, files[name]):
                    raise wsbench.WsbenchError(fault)
                mask = mask_of(rows[name], fact.width, fact.height)
            except wsbench.WsbenchError as error:
                problems.append(wsbench.Problem(name, str(error), images=(name,)))
                continue
            samples.append(_sample(name, fact, mask))
        self.samples, self.problems = tuple(samples), tuple(problems)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(self._files[sample.name], height, width)


def _sample(name: str, fact: wsbench.images.FileFacts, mask: wsbench.geometry.Mask | None) -> wsbench.Sample:
    return wsbench.Sample(
        name=name,
        width=fact.width,
        height=fact.height,
        split="train",
        labels=() if mask is None else (CLASS,),
        content=fact.content,
        masks=() if mask is None else (mask,),
    )


def _table_of(root: Path) -> Path:
    for name in TABLES:
        if (root / name).is_file():
            return root / name
    raise wsbench.WsbenchError(
        f"siim: {root} has no {' or '.join(TABLES)}; give --root the folder that holds it and the images"
    )


def _without_file(
    table: Path, rows: Mapping[str, Sequence[str]], files: Mapping[str, Path]
) -> Iterator[wsbench.Problem]:
    """Images of the table that are not there. The release itself lacks some, and subsets lack more."""
    for name in rows:
        if name not in files:
            yield wsbench.Problem(
                table.name, f"has a row of {name}, of which there is no file", "no file", remedy="none"
            )


def _without_row(
    root: Path, rows: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[Path]]
) -> Iterator[wsbench.Problem]:
    """Files that the table does not name, other than those of the competition's test set."""
    for name, paths in files.items():
        relative = paths[0].relative_to(root)
        if name not in rows and not any("test" in part for part in relative.parts[:-1]):
            yield wsbench.Problem(str(relative), "has no row in the table", "no row", (name,))


def _wrong(root: Path, fact: wsbench.images.FileFacts, copies: Sequence[Path]) -> str:
    if len(copies) > 1:
        return f"has several files: {' and '.join(str(path.relative_to(root)) for path in copies[:2])}"
    if fact.broken:
        return fact.broken
    return "" if fact.mode in MODES else f"is a {fact.mode} image; {', '.join(MODES)} can be read"


def load(settings: SIIMSettings, source: wsbench.Source) -> SIIM:
    """Load the official files.

    Raises:
        WsbenchError: the folder has no table, or the table is damaged.
    """
    assert source.root is not None
    return SIIM(source.root, source)


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as this layout; see `_layout.write`."""
    from . import _layout

    _layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="siim",
            summary="SIIM-ACR pneumothorax: pixel masks of pneumothorax on images of ChestX-ray14",
            settings=SIIMSettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=("SIIM-ACR", "ChestX-ray14"),
        )
    ]
