"""TorchXRayVision's networks, the content of its files, and the data that its models were trained on."""

from __future__ import annotations

from collections.abc import Mapping

import torchvision
import torchxrayvision as xrv
from torch import Tensor, nn

import wsbench

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
"""The releases that models were trained on, as the documentation of `xrv.models` names them. The key is the
last part of a DenseNet's name, or the full name of another network. The images of RSNA's and SIIM's
challenges are those of ChestX-ray14."""


def releases_of(name: str) -> tuple[str, ...]:
    """Name the releases that a model was trained on."""
    return RELEASES.get(name, RELEASES.get(name.rpartition("-")[2], ()))


def network_of(name: str, outputs: int) -> nn.Module:
    """Make the network of a name with random weights. It maps ``(N, 1, H, W)`` to ``(N, outputs)`` logits."""
    if not name.startswith("resnet"):
        return xrv.models.DenseNet(num_classes=outputs)  # type: ignore[no-any-return]  # it has no types
    network: nn.Module = torchvision.models.resnet50(weights=None, num_classes=outputs)
    network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    return network


def normalised(thresholds: Tensor, logits: Tensor) -> Tensor:
    """Scale probabilities as the library does, so that each operating point becomes 0.5."""
    return (  # type: ignore[no-any-return]  # torchxrayvision has no types
        xrv.models.op_norm(logits.sigmoid(), thresholds.to(logits))
    )


def read_pickled(path: str) -> dict[str, Tensor]:
    """Read the state dict of a file of TorchXRayVision, which holds one, or a pickled DenseNet.

    Raises:
        UnpicklingError: the file holds anything else.
    """
    parts = {type(module) for module in xrv.models.DenseNet().modules()}
    state = wsbench.torch.read_pickled_network(path, parts)
    return {name: value for name, value in state.items() if name != "op_threshs"}
