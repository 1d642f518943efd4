"""Writes any dataset of classes of PadChest as its official files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

import wsbench

from ._release_writing import file_names, names_in_release, read_whole, save_image, save_table, sorted_samples
from .padchest import CLASSES, COLUMNS, TABLE

FOLDERS = 2
"""Numbered folders of images that are written."""


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Write a dataset as the official files; see `padchest.write`."""
    names = names_in_release(dataset, CLASSES, "PadChest", "tuberculosis")
    ordered = sorted_samples(dataset)
    file_of = file_names(ordered, ".png")
    with progress.task("writing images", len(ordered)) as advance:
        for number, sample in enumerate(ordered):
            sixteen_bits = read_whole(dataset, sample).astype(np.uint16) * 257
            save_image(sixteen_bits, folder / str(number % FOLDERS) / file_of[sample.name])
            advance()
    save_table(folder / TABLE, COLUMNS, _rows(ordered, file_of, names))


def _rows(
    ordered: Sequence[wsbench.Sample], file_of: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[tuple[str, ...]]:
    for number, sample in enumerate(ordered):
        file = file_of[sample.name]
        patient = sample.patient or Path(file).stem
        labels = [names[label] for label in sample.labels] or ["normal"]
        sex = sample.attributes.get("sex", "")
        yield file, str(number % FOLDERS), patient, sex, "PA", "Physician", str(labels)
