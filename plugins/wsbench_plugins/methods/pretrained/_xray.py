"""What TorchXRayVision's files hold, and what its models were trained on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torchvision
import torchxrayvision as xrv
from torch import Tensor, nn

RELEASES: Mapping[str, tuple[str, ...]] = {
    "nih": ("ChestX-ray14",),
    "pc": ("PadChest",),
    "chex": ("CheXpert",),
    "rsna": ("RSNA Pneumonia", "ChestX-ray14"),
    "mimic_nb": ("MIMIC-CXR",),
    "mimic_ch": ("MIMIC-CXR",),
    "all": ("ChestX-ray14", "PadChest", "CheXpert", "MIMIC-CXR", "Open-I", "RSNA Pneumonia"),
    "resnet50-res512-all": (
        "PadChest", "ChestX-ray14", "RSNA Pneumonia", "SIIM-ACR Pneumothorax", "VinDr-CXR",
    ),
}  # fmt: skip
"""By the last part of a DenseNet's name, or the whole of another's: the releases that the documentation of
`xrv.models` names. The images of RSNA's and SIIM's challenges are ChestX-ray14's."""


def releases_of(name: str) -> tuple[str, ...]:
    """What the model of that name was trained on."""
    return RELEASES.get(name, RELEASES.get(name.rpartition("-")[2], ()))


def network_of(name: str, outputs: int) -> nn.Module:
    """Its architecture with random weights: ``(N, 1, H, W)`` -> ``(N, outputs)`` logits."""
    if not name.startswith("resnet"):
        return xrv.models.DenseNet(num_classes=outputs)  # type: ignore[no-any-return]  # it has no types
    network: nn.Module = torchvision.models.resnet50(weights=None, num_classes=outputs)
    network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    return network


def normalised(thresholds: Tensor, logits: Tensor) -> Tensor:
    """The library's own scores: probabilities, scaled so that each operating point becomes 0.5."""
    return (  # type: ignore[no-any-return]  # torchxrayvision has no types
        xrv.models.op_norm(logits.sigmoid(), thresholds.to(logits))
    )


def read_pickled(path: str) -> dict[str, Tensor]:
    """The state dict of a file of TorchXRayVision's, which holds one, or a whole pickled DenseNet: then no
    class but those of a DenseNet's parts is let in.

    Raises:
        UnpicklingError: the file holds anything else.
    """
    parts = {type(module) for module in xrv.models.DenseNet().modules()}
    with torch.serialization.safe_globals([*parts, set]):
        content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, nn.Module):
        for module in content.modules():  # files of old versions of torch lack it
            vars(module).setdefault("_non_persistent_buffers_set", set())
        content = content.state_dict()
    return {name: value for name, value in content.items() if name != "op_threshs"}
