"""Tuberculosis screening sets without boxes: Montgomery and Shenzhen in their official folders, and Belarus.

``MontgomerySet`` and ``ChinaSet_AllFiles`` hold ``CXR_png`` and ``ClinicalReadings``. The last digit of an
image's name tells whether it shows tuberculosis. The portal of Belarus has only patients with tuberculosis
and no official layout: every PNG or JPEG file under ``Belarus`` is an image with tuberculosis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wsbench

from ._collections import BELARUS, CLASS, COLLECTIONS, MONTGOMERY, SHENZHEN, Collection, files_of

if TYPE_CHECKING:
    import numpy as np

CITATION = (
    "Jaeger, Candemir, Antani, Wang, Lu, Thoma: Two public chest X-ray datasets for computer-aided screening "
    "of pulmonary diseases, Quantitative Imaging in Medicine and Surgery"
)
LAYOUT = "nlm"
MODES = ("L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of the 8-bit formats."""


class ScreeningSettings(wsbench.Settings):
    """Nothing to choose."""


class Screening(wsbench.Dataset):
    """The images of some collections, with the class ``tb`` and without boxes.

    A sample has the attribute ``collection`` and, where its clinical reading has them, ``age`` in years,
    ``sex`` (F, M) and ``report``. Each collection is a split.
    """

    classes = (CLASS,)

    def __init__(self, folders: Mapping[Collection, Path], source: wsbench.Source) -> None:
        self._paths: dict[str, Path] = {}
        self._masks: dict[str, Sequence[Path]] = {}
        samples: list[wsbench.Sample] = []
        problems: list[wsbench.Problem] = []
        for collection, folder in folders.items():
            files = files_of(collection, folder)
            memory = source.cache / f"files-{wsbench.seed_from(str(folder.resolve())):x}.json"
            facts = wsbench.images.inspect_files(files.values(), memory, source.progress)
            for name, path in files.items():
                if problem := _wrong(facts[path]) or collection.misnamed(name):
                    problems.append(wsbench.Problem(name, problem, images=(name,)))
                    continue
                self._paths[name] = path
                self._masks[name] = collection.masks(folder, path)
                samples.append(_sample(collection, folder, name, path, facts[path]))
        self.samples, self.problems = tuple(samples), tuple(problems)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(self._paths[sample.name], height, width)

    def organ_masks(self, sample: wsbench.Sample, size: int) -> Mapping[str, np.ndarray] | None:
        """Montgomery's masks of both lungs."""
        paths = self._masks[sample.name]
        if not (paths and all(path.is_file() for path in paths)):
            return None
        lungs = [wsbench.images.read_radiograph(path, size, size) >= 128 for path in paths]
        return dict(zip(("left_lung", "right_lung"), lungs, strict=True))


def _sample(
    collection: Collection, folder: Path, name: str, path: Path, facts: wsbench.images.FileFacts
) -> wsbench.Sample:
    return wsbench.Sample(
        name=name,
        width=facts.width,
        height=facts.height,
        split=collection.name,
        labels=(CLASS,) if collection.shows_tuberculosis(name) else (),
        content=facts.content,
        stratum=collection.name,
        attributes={"collection": collection.name, **collection.reading(folder, path)},
    )


def _wrong(facts: wsbench.images.FileFacts) -> str:
    if facts.broken:
        return facts.broken
    return "" if facts.mode in MODES else f"is a {facts.mode} image; 8-bit {', '.join(MODES)} can be read"


def loader_of(
    collections: Sequence[Collection],
) -> Callable[[ScreeningSettings, wsbench.Source], Screening]:
    """The ``load`` function of a dataset of some collections, each in its folder under the root. The folder
    of a single collection may be the root itself."""

    def load(settings: ScreeningSettings, source: wsbench.Source) -> Screening:
        """Load the official folders.

        Raises:
            WsbenchError: the folder of a collection is missing.
        """
        assert source.root is not None
        folders = {}
        for collection in collections:
            subfolder = source.root / collection.folder
            if len(collections) == 1 and not collection.is_at(subfolder) and collection.is_at(source.root):
                subfolder = source.root
            if not collection.is_at(subfolder):
                raise wsbench.WsbenchError(
                    f"{collection.name}: {subfolder} has none of its images; give --root the folder that "
                    f"holds {collection.folder}/"
                )
            folders[collection] = subfolder
        return Screening(folders, source)

    return load


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as MontgomerySet and ChinaSet_AllFiles; see `_layout.write`."""
    from . import _layout

    _layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    def screening(name: str, summary: str, *collections: Collection, **more: Any) -> wsbench.DatasetSpec:
        return wsbench.DatasetSpec(
            name=name,
            summary=summary,
            settings=ScreeningSettings,
            load=loader_of(collections),
            citation=CITATION,
            releases=tuple(collection.name for collection in collections),
            **more,
        )

    return [
        screening("montgomery", "Montgomery County, 138 images with and without tuberculosis", MONTGOMERY),
        screening("shenzhen", "Shenzhen, 662 images with and without tuberculosis", SHENZHEN),
        screening("belarus", "Belarus' tuberculosis portal, every image with tuberculosis", BELARUS),
        screening(
            "tb_combined",
            "Montgomery, Shenzhen and Belarus together",
            *COLLECTIONS,
            layout=LAYOUT,
            write=write,
        ),
    ]
