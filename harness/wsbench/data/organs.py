"""Reads organ masks: those of the dataset itself, or PNG files that any tool wrote."""

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
"""An empty file that marks a folder of masks that ``wsbench data organs`` has finished."""


@dataclass(frozen=True)
class Organs:
    """Reads the masks of one image, packed into one byte a pixel: bit k is set inside organ k.

    Attributes:
        dataset: the dataset, which may have masks.
        size: the side of the masks, in pixels.
        folder: a folder of ``ORGAN/NAME.png`` for every organ and image, white inside the organ; None takes
            the masks of the dataset.
    """

    dataset: Dataset
    size: int
    folder: Path | None

    @property
    def key(self) -> str:
        """A key of what the masks depend on besides the images. It is part of the cache file's name."""
        if self.folder is None:
            return "own"
        changed = [folder.stat().st_mtime_ns for organ in ORGANS if (folder := self.folder / organ).is_dir()]
        return key_of([str(self.folder.resolve()), changed])

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the masks of one image."""
        return self.size, self.size

    @property
    def holds_lock(self) -> bool:
        """Whether threads cannot share the work. Files can be read by threads; datasets may compute masks."""
        return self.folder is None and self.dataset.read_holds_lock

    @property
    def task(self) -> str:
        """The name of the work for the progress bar."""
        return f"finding organs at {self.size}x{self.size}"

    def __call__(self, sample: Sample) -> np.ndarray:
        """Read the masks of a sample as ``(size, size)`` uint8."""
        if self.folder is not None:
            masks = [_read(self.folder / organ / mask_file(sample.name), self.size) for organ in ORGANS]
        else:
            mask_of = self.dataset.organ_masks(sample, self.size) or {}
            if absent := [organ for organ in ORGANS if organ not in mask_of]:
                raise WsbenchError(
                    f"no organ masks of {sample.name} are known ({', '.join(absent)}); `wsbench data organs` "
                    f"finds them, or write `organs: FOLDER` in datasets.yaml, where FOLDER holds {ORGANS[0]}/"
                    f"{mask_file(sample.name)} ... of any tool, white inside"
                )
            masks = [mask_of[organ] for organ in ORGANS]
        packed = np.zeros(self.shape, dtype=np.uint8)
        for bit, mask in enumerate(masks):
            packed |= mask.astype(np.uint8) << bit
        return packed


def mask_file(name: str) -> str:
    """Return the path of an image's mask within the folder of its organ."""
    return str(Path(name).with_suffix(".png"))


def _read(path: Path, size: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            if too_large := limits.too_large_picture(image):
                raise ValueError(too_large)
            return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BILINEAR)) >= 128
    except Exception as error:  # Pillow raises whatever its decoders raise
        reason = getattr(error, "strerror", None) or str(error)
        raise WsbenchError(f"organ mask {path} cannot be read: {reason}") from None
