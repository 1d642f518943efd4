"""CheXlocalize: masks of ten findings on the validation and test images of CheXpert, in its official files.

For each of the two splits there is a table of labels, and ``gt_segmentations_SPLIT.json`` with masks as run
lengths, or ``gt_annotations_SPLIT.json`` with the polygons that radiologists drew (Saporta et al. 2022). What
other radiologists drew on the test images is in files of the human benchmark; see `_benchmark`.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

from ._benchmark import SPLIT, readings_of
from ._masks import masks_of
from ._tables import CLASSES, SPLITS, Labels, id_of, read_labels

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".jpg", ".jpeg", ".png")
MODES = ("L", "RGB", "RGBA")

CITATION = (
    "Saporta, Gui, Agrawal et al.: Benchmarking saliency methods for chest X-ray interpretation, Nature "
    "Machine Intelligence 2022"
)


class CheXlocalizeSettings(wsbench.Settings):
    """Nothing to choose."""


class CheXlocalize(wsbench.Dataset):
    """The images of both tables, called as in the JSON files: ``patient64541_study1_view1_frontal``.

    A sample has the attribute ``view`` (frontal, lateral) and, where the table has them, ``sex`` and ``age``.
    Where an image has a finding and no mask of it, its location is unknown.
    """

    classes = CLASSES
    boxes_complete = False

    def __init__(self, root: Path, source: wsbench.Source) -> None:
        files: dict[str, list[Path]] = defaultdict(list)
        for path in wsbench.images.image_files(root, SUFFIXES, deep=True).values():
            if name := id_of(path.as_posix()):
                files[name].append(path)
        problems: list[wsbench.Problem] = []
        labels: dict[str, Labels] = {}
        masks: dict[str, tuple[wsbench.geometry.Mask, ...]] = {}
        for split in SPLITS:
            of_split = read_labels(root, split, problems)
            labels |= {name: row for name, row in of_split.items() if name not in labels}
            masks |= masks_of(root, split, of_split, problems)
        self._root = root
        self._files = {name: files[name][0] for name in labels if name in files}
        problems += _unmatched(root, labels, files)
        memory = source.cache / f"files-{wsbench.seed_from(str(root.resolve())):x}.json"
        facts = wsbench.images.inspect_files(self._files.values(), memory, source.progress)
        samples = []
        for name, path in self._files.items():
            if fault := _wrong(root, facts[path], files[name]):
                problems.append(wsbench.Problem(name, fault, images=(name,)))
            else:
                samples.append(_sample(name, facts[path], labels[name], masks.get(name, ())))
        self.samples, self.problems = tuple(samples), tuple(problems)

    @functools.cached_property
    def readings(self) -> Sequence[wsbench.types.Reading]:  # type: ignore[override] # read where it is asked for
        """What the radiologists of the human benchmark drew on the test images that have a truth mask.

        Raises:
            WsbenchError: a file of theirs is damaged. Methods need none, so that loading reads none.
        """
        masked = [sample.name for sample in self.samples if sample.split == SPLIT and sample.masks]
        return readings_of(self._root, masked)

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        return wsbench.images.read_radiograph(self._files[sample.name], height, width)


def _sample(
    name: str,
    fact: wsbench.images.FileFacts,
    row: Labels,
    masks: tuple[wsbench.geometry.Mask, ...],
) -> wsbench.Sample:
    return wsbench.Sample(
        name=name,
        width=fact.width,
        height=fact.height,
        split=row.split,
        labels=row.labels,
        content=fact.content,
        patient=name.partition("_")[0],
        attributes=row.attributes,
        masks=masks,
    )


def _unmatched(
    root: Path, labels: Mapping[str, Labels], files: Mapping[str, Sequence[Path]]
) -> Iterator[wsbench.Problem]:
    """Rows without a file, which are mentioned, and files of these splits without a row."""
    for name, row in labels.items():
        if name not in files:
            yield wsbench.Problem(
                row.table, f"has a row of {name}, which has no file", "no file", remedy="none"
            )
    folders = {files[name][0].relative_to(root).parts[:-3] for name in labels if name in files}
    for name, paths in files.items():
        relative = paths[0].relative_to(root)
        if name not in labels and relative.parts[:-3] in folders:
            yield wsbench.Problem(str(relative), "has no row in the tables of labels", "no row", (name,))


def _wrong(root: Path, fact: wsbench.images.FileFacts, copies: Sequence[Path]) -> str:
    if len(copies) > 1:
        return f"has several files: {' and '.join(str(path.relative_to(root)) for path in copies[:2])}"
    if fact.broken:
        return fact.broken
    return "" if fact.mode in MODES else f"is a {fact.mode} image; 8-bit {', '.join(MODES)} can be read"


def load(settings: CheXlocalizeSettings, source: wsbench.Source) -> CheXlocalize:
    """Load the official files.

    Raises:
        WsbenchError: a table or a file of masks is missing or damaged.
    """
    assert source.root is not None
    return CheXlocalize(source.root, source)


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as this layout; see `_layout.write`."""
    from . import _layout

    _layout.write(dataset, folder, progress)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="chexlocalize",
            summary="CheXlocalize: pixel masks of 10 findings on CheXpert's validation and test images",
            settings=CheXlocalizeSettings,
            load=load,
            citation=CITATION,
            write=write,
            releases=("CheXlocalize", "CheXpert"),
        )
    ]
