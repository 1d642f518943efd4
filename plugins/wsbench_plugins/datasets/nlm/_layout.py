"""Writes any dataset of one class ``tb`` as the official folders of Montgomery and Shenzhen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import wsbench

from ._collections import CLASS, IMAGES, MASKS, MONTGOMERY, READINGS, SHENZHEN, SIDES


def write(dataset: wsbench.Dataset, folder: Path, progress: wsbench.Progress) -> None:
    """Lay a dataset out as ``MontgomerySet`` and ``ChinaSet_AllFiles``, its samples in turn, and an empty
    ``Belarus``.

    Args:
        dataset: its class is ``tb``; its boxes are lost. Masks of the lungs are written where it has them.
        folder: must not exist, or be empty.
        progress: shown while images are written.

    Raises:
        WsbenchError: it has other classes.
    """
    if tuple(dataset.classes) != (CLASS,):
        raise wsbench.WsbenchError(f"the NLM sets' layout has no classes {', '.join(dataset.classes)}")
    (folder / "Belarus").mkdir(parents=True)
    ordered = sorted(dataset.samples, key=lambda sample: sample.name)
    with progress.task("writing images", len(ordered)) as advance:
        for index, sample in enumerate(ordered):
            number, is_shenzhen = divmod(index, 2)
            collection = SHENZHEN if is_shenzhen else MONTGOMERY
            prefix = "CHNCXR" if is_shenzhen else "MCUCXR"
            stem = f"{prefix}_{number + 1:04d}_{int(CLASS in sample.labels)}"
            _write_image(dataset, sample, folder / collection.folder, stem, masks=not is_shenzhen)
            advance()


def _write_image(
    dataset: wsbench.Dataset, sample: wsbench.Sample, folder: Path, stem: str, *, masks: bool
) -> None:
    grey = dataset.read(sample, sample.height, sample.width)
    _save(grey, folder / IMAGES / f"{stem}.png")
    age, sex = (sample.attributes.get(key, "") for key in ("age", "sex"))
    report = "tuberculosis" if sample.labels else "normal"
    about = f"Patient's Sex: {sex}\nPatient's Age: {int(age):03d}Y\n" if age and sex else ""
    reading = folder / READINGS / f"{stem}.txt"
    reading.parent.mkdir(exist_ok=True)
    reading.write_text(f"{about}{report}\n", encoding="utf-8")
    organs = dataset.organ_masks(sample, sample.height) if masks and sample.height == sample.width else None
    for side, organ in zip(SIDES, ("left_lung", "right_lung"), strict=True):
        if organs and organ in organs:
            _save(organs[organ].astype(np.uint8) * 255, folder / MASKS / side / f"{stem}.png")


def _save(grey: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path)
