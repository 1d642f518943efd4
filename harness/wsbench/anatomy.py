"""Organ masks of a dataset's images: its own, or those that any tool wrote as a folder of PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from wsbench.errors import WsbenchError
from wsbench.folders import key_of
from wsbench.specs import Dataset
from wsbench.types import Sample

ORGANS = ("left_lung", "right_lung", "heart", "mediastinum", "diaphragm")
"""In the order of the second axis of every array of masks; left and right are the patient's."""


@dataclass(frozen=True)
class Organs:
    """Makes the masks of one image.

    Attributes:
        dataset: asked for its own masks.
        size: side of the masks.
        folder: holds ``ORGAN/NAME.png`` for every organ and image, white inside; None asks the dataset.
    """

    dataset: Dataset
    size: int
    folder: Path | None

    @property
    def key(self) -> str:
        """What the masks depend on besides the images, for the name of the file that keeps them."""
        if self.folder is None:
            return "own"
        changed = [folder.stat().st_mtime_ns for organ in ORGANS if (folder := self.folder / organ).is_dir()]
        return key_of([str(self.folder.resolve()), changed])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the masks of one image."""
        return len(ORGANS), self.size, self.size

    @property
    def holds_lock(self) -> bool:
        """Files are read by threads; what a dataset computes may not be."""
        return self.folder is None and self.dataset.read_holds_lock

    @property
    def what(self) -> str:
        """For the progress bar."""
        return f"finding organs at {self.size}x{self.size}"

    def __call__(self, sample: Sample) -> np.ndarray:
        """``(5, size, size)`` uint8, 1 inside."""
        if self.folder is not None:
            masks = [_read(self.folder / organ / _file(sample.name), self.size) for organ in ORGANS]
        else:
            found = self.dataset.organ_masks(sample, self.size)
            if found is None:
                raise WsbenchError(
                    f"no organ masks of {sample.name} are known; write `organs: FOLDER` in datasets.yaml, "
                    f"where FOLDER holds {ORGANS[0]}/{_file(sample.name)} ... of any tool, white inside"
                )
            masks = [found[organ] for organ in ORGANS]
        return np.stack(masks).astype(np.uint8)


def _file(name: str) -> str:
    return str(Path(name).with_suffix(".png"))


def _read(path: Path, size: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BILINEAR)) >= 128
    except OSError as error:
        reason = error.strerror or str(error)
        raise WsbenchError(f"organ mask {path} cannot be read: {reason}") from None
