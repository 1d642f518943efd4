"""Any folder of radiographs as a dataset: kinds of entries of datasets.yaml; see docs/own_data.md."""

from __future__ import annotations

import wsbench

from ._coco_settings import CocoSettings
from ._dataset import FolderDataset


def load_coco(settings: CocoSettings, source: wsbench.Source) -> FolderDataset:
    """Load a folder whose boxes are in COCO files; see `_coco.load`."""
    from . import _coco

    return _coco.load(settings, source)


@wsbench.hookimpl
def wsbench_dataset_kinds() -> list[wsbench.DatasetKindSpec]:
    return [
        wsbench.DatasetKindSpec(
            name="coco",
            summary="a folder of images with COCO JSON files",
            settings=CocoSettings,
            load=load_coco,
        ),
    ]
