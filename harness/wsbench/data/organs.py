"""Organ masks of a dataset's images: its own, or those that any tool wrote as a folder of PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from wsbench.contract.base import Dataset
from wsbench.errors import WsbenchError
from wsbench.files import limits
from wsbench.types import ORGANS, Sample
from wsbench.utils.hashing import key_of

COMPLETE = "complete"
"""An empty file in a folder of masks that `wsbench data organs` has finished."""


@dataclass(frozen=True)
class Organs:
    """Makes the masks of one image, packed in one byte a pixel: bit k is set inside organ k.

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
    def shape(self) -> tuple[int, int]:
        """Of the masks of one image."""
        return self.size, self.size

    @property
    def holds_lock(self) -> bool:
        """Files are read by threads; what a dataset computes may not be."""
        return self.folder is None and self.dataset.read_holds_lock

    @property
    def what(self) -> str:
        """For the progress bar."""
        return f"finding organs at {self.size}x{self.size}"

    def __call__(self, sample: Sample) -> np.ndarray:
        """``(size, size)`` uint8."""
        if self.folder is not None:
            masks = [_read(self.folder / organ / mask_file(sample.name), self.size) for organ in ORGANS]
        else:
            found = self.dataset.organ_masks(sample, self.size) or {}
            if absent := [organ for organ in ORGANS if organ not in found]:
                raise WsbenchError(
                    f"no organ masks of {sample.name} are known ({', '.join(absent)}); `wsbench data organs` "
                    f"finds them, or write `organs: FOLDER` in datasets.yaml, where FOLDER holds {ORGANS[0]}/"
                    f"{mask_file(sample.name)} ... of any tool, white inside"
                )
            masks = [found[organ] for organ in ORGANS]
        packed = np.zeros(self.shape, dtype=np.uint8)
        for bit, mask in enumerate(masks):
            packed |= mask.astype(np.uint8) << bit
        return packed


def mask_file(name: str) -> str:
    """The mask of an image, inside the folder of its organ."""
    return str(Path(name).with_suffix(".png"))


def _read(path: Path, size: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            if what := limits.too_large_picture(image):
                raise ValueError(what)
            return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BILINEAR)) >= 128
    except Exception as error:  # Pillow raises whatever its decoders raise
        reason = getattr(error, "strerror", None) or str(error)
        raise WsbenchError(f"organ mask {path} cannot be read: {reason}") from None
