"""The teacher's logits, computed ahead for every epoch and image, and the images that go with them.

TinyViT's way, with dense logits (section 3.12): what the teacher said of the very image that the student
sees, augmentation included.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

import wsbench

from ._images import augmentation, normalised

if TYPE_CHECKING:
    from . import ClarityTeacher
    from ._settings import ClaritySettings


class WithTeacher(Dataset):  # type: ignore[type-arg]  # items unnamed: bases are part of trained sources
    """Images with the labels and the teacher's probabilities of their epoch.

    Args:
        images: what the student sees.
        folder: of `precompute`.
    """

    def __init__(self, images: wsbench.torch.WeakImages, folder: Path) -> None:
        self._images = images
        self._folder = folder
        self._epoch = -1
        self._logits = np.zeros((0, 0))

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Any, Tensor, Tensor]:
        epoch, row = key
        if epoch != self._epoch:
            path = _file(self._folder, epoch)
            logits = _stored(path)
            if logits is None:
                raise wsbench.WsbenchError(f"{path} is damaged; rerun the command to make it again")
            self._logits, self._epoch = logits, epoch
        inputs, labels = self._images[key]
        return inputs, labels, torch.from_numpy(self._logits[row].astype(np.float32)).sigmoid()


def precompute(
    teacher: ClarityTeacher,
    view: wsbench.WeakView,
    settings: ClaritySettings,
    seed: int,
    run: wsbench.RunContext,
) -> Path:
    """Logits of every epoch, ``(N, C)`` float16 a file; those that are there, and sound, are kept.

    Args:
        teacher: fitted.
        view: the student's fit role.
        settings: the student's: its augmentation, image size and epochs.
        seed: of its augmentation.
        run: the student's.

    Returns:
        The folder of the files.
    """
    folder = run.folder / "teacher"
    folder.mkdir(exist_ok=True)
    size = settings.image_size
    images = wsbench.torch.WeakImages(view, size, size, augmentation(settings, size), seed)
    with run.progress.task("asking the teacher", settings.epochs * len(images)) as advance:
        for epoch in range(settings.epochs):
            path = _file(folder, epoch)
            if _stored(path) is None:
                unfinished = path.with_suffix(".part")
                with unfinished.open("wb") as file:
                    np.savez(file, logits=_logits(teacher, images, epoch, settings.batch_size))
                unfinished.replace(path)
            advance(len(images))
    return folder


def _logits(teacher: ClarityTeacher, images: wsbench.torch.WeakImages, epoch: int, batch: int) -> np.ndarray:
    network = teacher.network
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode(), wsbench.torch.autocast(teacher.settings, device):
        for start in range(0, len(images), batch):
            rows = range(start, min(start + batch, len(images)))
            grey = torch.stack([images[epoch, row][0] for row in rows]).to(device)
            parts.append(network(normalised(grey, teacher.settings)).float().cpu().numpy())
    return np.concatenate(parts).astype(np.float16)


def _file(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:04d}.npz"


def _stored(path: Path) -> np.ndarray | None:
    """The logits in a file; None where it is missing, or was damaged since: archives hold checksums."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return archive["logits"]  # type: ignore[no-any-return]  # numpy: what is loaded is Any
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
