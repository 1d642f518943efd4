"""Finds organs on real radiographs with TorchXRayVision's PSPNet and writes their masks as PNG files."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image

from wsbench.data.dataset import Loaded
from wsbench.data.organs import COMPLETE, mask_file
from wsbench.errors import WsbenchError, words_of
from wsbench.files.writing import atomic
from wsbench.types import ORGANS, Sample

if TYPE_CHECKING:
    from torch import nn

SIZE = 512
"""The side of the network's images and masks, in pixels."""

BATCH = 4
"""Images that the network processes together."""

WEIGHTS = "pspnet_chestxray_best_model_4.pth"
"""The name under which TorchXRayVision looks for the weights."""

TARGETS = {
    "left_lung": "Left Lung",
    "right_lung": "Right Lung",
    "heart": "Heart",
    "mediastinum": "Mediastinum",
    "diaphragm": "Facies Diaphragmatica",
}
"""The network's names of `wsbench.images.ORGANS`."""


def find_organs(loaded: Loaded, folder: Path, *, weights: Path | None = None, device: str = "auto") -> int:
    """Write ``ORGAN/NAME.png`` for every image that has no masks yet.

    Masks are white where the network's probability is at least 0.5. If the process is killed, the next call
    continues its work.

    Args:
        loaded: the dataset.
        folder: the folder of the masks.
        weights: the file of the network's weights; None lets TorchXRayVision download it.
        device: a ``--device`` word.

    Returns:
        The number of images that had no masks.

    Raises:
        WsbenchError: TorchXRayVision is not installed, or the weights could not be loaded.
    """
    from wsbench.utils.devices import torch_device

    missing = [
        sample
        for sample in loaded.samples
        if not all((folder / organ / mask_file(sample.name)).exists() for organ in ORGANS)
    ]
    if missing:
        _find(loaded, missing, folder, _network(weights).to(torch_device(device)))
    (folder / COMPLETE).touch()
    return len(missing)


def _find(loaded: Loaded, missing: Sequence[Sample], folder: Path, network: nn.Module) -> None:
    with loaded.progress.task(f"finding organs of {loaded.spec.name}", len(missing)) as advance:
        for start in range(0, len(missing), BATCH):
            samples = missing[start : start + BATCH]
            pixels = np.stack([loaded.dataset.read(sample, SIZE, SIZE) for sample in samples])
            for sample, masks in zip(samples, _masks(network, pixels), strict=True):
                for organ, mask in zip(ORGANS, masks, strict=True):
                    _write(folder / organ / mask_file(sample.name), mask)
            advance(len(samples))


def _masks(network: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Compute the ``(N, 5, 512, 512)`` bool masks of ``(N, 512, 512)`` uint8 images."""
    import torch

    # TorchXRayVision's networks take grey levels from -1024 to 1024.
    levels = torch.from_numpy(pixels)[:, None].float() / 255 * 2048 - 1024
    # It warns of images without white pixels, which are fine, and of a name that torch has replaced.
    with torch.inference_mode(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logits = network(levels.to(next(network.parameters()).device))
    targets = cast("list[str]", network.targets)
    rows = [targets.index(TARGETS[organ]) for organ in ORGANS]
    masks: np.ndarray = (logits[:, rows] >= 0).cpu().numpy()  # a logit of 0 is the probability 0.5
    return masks


def _network(weights: Path | None) -> nn.Module:
    try:
        from torchxrayvision.baseline_models.chestx_det import PSPNet
    except ImportError:
        raise WsbenchError(
            "finding organs needs TorchXRayVision: pip install 'wsbench[anatomy]'; or write `organs: FOLDER` "
            "in datasets.yaml, with masks of any other tool"
        ) from None
    if weights is not None and not weights.is_file():
        raise WsbenchError(f"--weights {weights}: no such file")
    with _folder_of(weights) as folder, contextlib.redirect_stdout(sys.stderr):
        try:
            network: nn.Module = PSPNet(cache_dir=folder)
            return network
        except Exception as error:  # a file, network, proxy or checksum failure: each has its own type
            reason = words_of(error)[:200]
            raise WsbenchError(
                f"the weights of PSPNet could not be loaded ({type(error).__name__}: {reason}); give "
                f"--weights FILE, its {WEIGHTS}"
            ) from None


@contextlib.contextmanager
def _folder_of(weights: Path | None) -> Iterator[str | None]:
    """Give a folder that holds the weights under the name that TorchXRayVision looks for; None for its
    cache."""
    if weights is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / WEIGHTS).symlink_to(weights.resolve())
        yield folder


def _write(path: Path, mask: np.ndarray) -> None:
    with atomic(path) as file:
        Image.fromarray(mask).save(file, format="PNG")
