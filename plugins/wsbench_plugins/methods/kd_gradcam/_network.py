"""A torchvision ResNet whose pooled linear head makes Grad-CAM a closed form."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

import wsbench

if TYPE_CHECKING:
    from ._settings import TeacherSettings

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
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            self.head(self.features(images).mean(dim=(2, 3)))
        )

    def logits_and_cam(self, images: Tensor, output: int, *, relu: bool = True) -> tuple[Tensor, Tensor]:
        """Logits, and the Grad-CAM of one output at the last features: ``(N, 2)`` and ``(N, h, w)``, with
        ``relu`` >= 0.

        The gradient of a logit with respect to a feature map is the head's weight over h w everywhere,
        so Grad-CAM needs no backward pass.
        """
        features = self.features(images)
        logits = self.head(features.mean(dim=(2, 3)))
        weights = self.head.weight[output] / (features.shape[2] * features.shape[3])
        cam = torch.einsum("k,nkhw->nhw", weights, features)
        return logits, cam.relu() if relu else cam


def build(settings: TeacherSettings, backbone_seed: int, *, pretrained: bool = True) -> Classifier:
    """The network before training: teacher and student start from the same weights.

    Args:
        settings: backbone, weights, head seed, stages.
        backbone_seed: of random initialisation.
        pretrained: False leaves the weights to be filled from a checkpoint.

    Raises:
        WsbenchError: the weights could not be loaded.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(backbone_seed)
        resnet = get_model(settings.backbone, weights=None)
        if pretrained and settings.weights != "random":
            names = settings.weights, settings.backbone
            state = wsbench.torch.read_weights(*names, lambda: _published(settings))
            wsbench.torch.fill_weights(resnet, state, *names)
        left_out = {"avgpool", "fc", *(f"layer{stage}" for stage in range(settings.stages + 1, 5))}
        children = OrderedDict((name, c) for name, c in resnet.named_children() if name not in left_out)
        channels = resnet.fc.in_features // 2 ** (4 - settings.stages)
        torch.manual_seed(settings.head_seed)
        head = nn.Linear(channels, OUTPUTS)
    return Classifier(nn.Sequential(children), head)


def _published(settings: TeacherSettings) -> Mapping[str, Tensor]:
    known = {weights.name: weights for weights in get_model_weights(settings.backbone)}
    if settings.weights not in known:
        raise wsbench.WsbenchError(
            f"{settings.backbone} has no weights '{settings.weights}' (known: {', '.join(known)}); "
            "give -o weights=FILE (a torchvision state dict) or -o weights=random"
        )
    return (  # type: ignore[no-any-return]  # torchvision has no types
        known[settings.weights].get_state_dict(progress=False, check_hash=True)
    )
