"""Any folder of radiographs as a dataset: kinds of entries of datasets.yaml; see docs/how-to/own-data.md.

Releases that come as tables and images are built of the same parts: a `FolderDataset` of `Described` images,
the `rows` of a table. They use the names of ``__all__`` alone.
"""

from __future__ import annotations

from pathlib import Path

import wsbench

from ._coco_settings import CocoSettings
from ._csv_settings import Columns, CsvSettings
from ._csv_table import rows
from ._dataset import SIXTEEN_BITS, FolderDataset
from ._described import Described
from ._image_files import SUFFIXES, ImageFiles
from ._words import Levels, PlaceInside

__all__ = [
    "SIXTEEN_BITS",
    "SUFFIXES",
    "CocoSettings",
    "Columns",
    "CsvSettings",
    "Described",
    "FolderDataset",
    "ImageFiles",
    "Levels",
    "PlaceInside",
    "load_coco",
    "load_csv",
    "rows",
]


def load_coco(settings: CocoSettings, source: wsbench.Source) -> FolderDataset:
    """Load a folder whose boxes are in COCO files; see `_coco.load`."""
    from . import _coco

    return _coco.load(settings, source)


def load_csv(settings: CsvSettings, source: wsbench.Source) -> FolderDataset:
    """Load a folder whose labels and boxes are in CSV files; see `_csv.load`."""
    from . import _csv

    return _csv.load(settings, source)


def guess_coco(folder: Path) -> wsbench.images.FolderGuess | None:
    """The entry of a folder with COCO files; see `_guess_coco.guess`."""
    from . import _guess_coco

    return _guess_coco.guess(folder)


def guess_csv(folder: Path) -> wsbench.images.FolderGuess | None:
    """The entry of a folder with CSV tables; see `_guess_csv.guess`."""
    from . import _guess_csv

    return _guess_csv.guess(folder)


@wsbench.hookimpl
def wsbench_dataset_kinds() -> list[wsbench.DatasetKindSpec]:
    return [
        wsbench.DatasetKindSpec(
            name="coco",
            summary="a folder of images with COCO JSON files",
            settings=CocoSettings,
            load=load_coco,
            guess=guess_coco,
        ),
        wsbench.DatasetKindSpec(
            name="csv",
            summary="a folder of images with CSV tables",
            settings=CsvSettings,
            load=load_csv,
            guess=guess_csv,
        ),
    ]
