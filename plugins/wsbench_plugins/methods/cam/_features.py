"""The part of a network that ends in a grid of cells, to be pooled in another way."""

from __future__ import annotations

from collections import OrderedDict
from math import isqrt

import torch
from timm.layers import resample_abs_pos_embed  # type: ignore[attr-defined]  # timm re-exports it silently
from torch import Tensor, nn

import wsbench


class TimmFeatures(nn.Module):
    """A network of timm without its pooling and head. Tokens are laid out as the grid that they came from.

    Args:
        network: the network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        network.reset_classifier(0)  # type: ignore[operator]  # torch: attributes are tensors or modules
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """``(N, 3, H, W)`` -> ``(N, K, h, w)``."""
        features: Tensor = self.network.forward_features(images)  # type: ignore[operator]
        if features.ndim == 3:
            side = isqrt(features.shape[1])
            cells = features[:, features.shape[1] - side * side :]  # without class token and registers
            return cells.transpose(1, 2).reshape(len(features), -1, side, side)
        last = features.shape[-1] == self.network.num_features != features.shape[1]
        return features.permute(0, 3, 1, 2) if last else features


def of_torchvision(network: nn.Module, name: str) -> nn.Sequential:
    """The features of a network of torchvision, or of one of TorchXRayVision that is built alike.

    Args:
        network: the network.
        name: its name, for the message.

    Raises:
        WsbenchError: its features are not a grid.
    """
    if hasattr(network, "layer4"):
        parts = OrderedDict(
            (part, module) for part, module in network.named_children() if part not in ("avgpool", "fc")
        )
        return nn.Sequential(parts)
    features = getattr(network, "features", None)
    if isinstance(features, nn.Module) and not hasattr(network, "permute"):
        parts = OrderedDict(features=features)
        if isinstance(list(features.children())[-1], nn.BatchNorm2d):
            parts["relu"] = nn.ReLU()  # a DenseNet's forward pass has it behind its features
        return nn.Sequential(parts)
    raise wsbench.WsbenchError(
        f"-o pooling: the features of {name} are not known; give a network of timm (-o backbone=timm/NAME), "
        "or a ResNet, DenseNet, VGG, MobileNet, EfficientNet or ConvNeXt of torchvision"
    )


def cut(features: nn.Module, until: str, name: str) -> nn.Module:
    """Features without the parts behind one of them.

    Args:
        features: of a network.
        until: the name of the last part that is kept.
        name: the network's name, for the message.

    Raises:
        WsbenchError: the features have no such part.
    """
    parts = dict(features.named_children())
    if set(parts) <= {"features", "relu"}:
        parts = dict(parts["features"].named_children()) if parts else {}
    if not isinstance(features, nn.Sequential):
        raise wsbench.WsbenchError(f"-o until: the parts of {name} are not known; leave it out")
    wsbench.choose(until, dict.fromkeys(parts), f"part of {name}")
    names = list(parts)
    kept = names[: names.index(until) + 1]
    return nn.Sequential(OrderedDict((part, parts[part]) for part in kept))


def grid_of(features: nn.Module, side: int, channels: int) -> tuple[int, int]:
    """The channels and the number of cells of features.

    Args:
        features: images -> ``(N, K, h, w)``.
        side: side of the images, in pixels.
        channels: of the images.
    """
    was_training = features.training
    with torch.no_grad():
        grid = features.eval()(torch.zeros(1, channels, side, side))
    features.train(was_training)
    return grid.shape[1], grid.shape[2] * grid.shape[3]


def at_its_size(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a vision transformer of timm, its positions resampled to the network's grid as timm does.

    Args:
        network: the network.
        state: its weights, maybe of images of another size.
    """
    expected, given = getattr(network, "pos_embed", None), state.get("pos_embed")
    if expected is None or given is None or expected.ndim != given.ndim or given.ndim != 3:
        return state
    prefix = int(getattr(network, "num_prefix_tokens", 0))
    side = isqrt(expected.shape[1] - prefix)
    if given.shape == expected.shape or given.shape[-1] != expected.shape[-1]:
        return state
    resampled = resample_abs_pos_embed(given, [side, side], num_prefix_tokens=prefix)
    return {**state, "pos_embed": resampled}
