"""A torchvision ResNet whose pooled linear head makes Grad-CAM a closed form."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

import wsbench

if TYPE_CHECKING:
    from . import TeacherSettings

OUTPUTS = 2
"""No-TB and TB (section 3.2.2)."""


class Classifier(nn.Module):
    """Convolutional features, global average pooling, one linear layer.

    Attributes:
        features: ``(N, 3, H, W)`` -> ``(N, K, h, w)``.
        head: ``(N, K)`` -> ``(N, 2)`` logits of no-TB and TB.
    """

    def __init__(self, features: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """``(N, 2)`` logits."""
        return self.head(self.features(images).mean(dim=(2, 3)))

    def logits_and_cam(self, images: Tensor, output: int) -> tuple[Tensor, Tensor]:
        """Logits, and the Grad-CAM of one output at the last features: ``(N, 2)`` and ``(N, h, w)`` >= 0.

        The gradient of a logit with respect to a feature map is the head's weight over h w everywhere,
        so Grad-CAM needs no backward pass.
        """
        features = self.features(images)
        logits = self.head(features.mean(dim=(2, 3)))
        weights = self.head.weight[output] / (features.shape[2] * features.shape[3])
        return logits, torch.einsum("k,nkhw->nhw", weights, features).relu()


def build(settings: TeacherSettings, backbone_seed: int, *, pretrained: bool = True) -> Classifier:
    """The network before training: teacher and student start from the same weights.

    Args:
        settings: backbone, weights, head seed, stages.
        backbone_seed: of random initialisation.
        pretrained: False leaves the weights to be filled from a checkpoint.

    Raises:
        WsbenchError: the weights cannot be had.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(backbone_seed)
        resnet = get_model(settings.backbone, weights=None)
        if pretrained and settings.weights != "random":
            resnet.load_state_dict(_weights(settings))
        left_out = {"avgpool", "fc", *(f"layer{stage}" for stage in range(settings.stages + 1, 5))}
        children = OrderedDict((name, c) for name, c in resnet.named_children() if name not in left_out)
        channels = resnet.fc.in_features // 2 ** (4 - settings.stages)
        torch.manual_seed(settings.head_seed)
        head = nn.Linear(channels, OUTPUTS)
    return Classifier(nn.Sequential(children), head)


def _weights(settings: TeacherSettings) -> dict[str, Tensor]:
    ways_out = "give -o weights=FILE (a torchvision state dict) or -o weights=random"
    path = Path(settings.weights).expanduser()
    if path.suffix:
        return _from_file(path, settings.backbone)
    known = {weights.name: weights for weights in get_model_weights(settings.backbone)}
    if settings.weights not in known:
        raise wsbench.WsbenchError(
            f"{settings.backbone} has no weights '{settings.weights}' (known: {', '.join(known)}); {ways_out}"
        )
    try:
        return known[settings.weights].get_state_dict(progress=False, check_hash=True)
    except Exception as error:  # a network, proxy, disk or checksum failure: each has its own type
        raise wsbench.WsbenchError(
            f"the {settings.weights} weights of {settings.backbone} cannot be fetched "
            f"({type(error).__name__}: {error}); {ways_out}"
        ) from None


def _from_file(path: Path, backbone: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise wsbench.WsbenchError(f"weights file {path} does not exist")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        get_model(backbone, weights=None).load_state_dict(state)
    except Exception as error:  # not a torch file, not plain tensors, or of another network
        reason = " ".join(str(error).split())[:200]
        raise wsbench.WsbenchError(f"weights file {path} does not fit {backbone}: {reason}") from None
    return state
