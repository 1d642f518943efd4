"""A plain convolutional network that learns from some thousand images within minutes on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def blocks(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """Blocks that halve an image each and have two 3 x 3 convolutions, with batch norm and ReLU. The first
    halves it by the stride of a convolution, the others by max pooling before them, which keeps small bright
    spots.

    Args:
        channels: of the input.
        widths: channels of every block.
    """
    layers: list[nn.Module] = []
    for index, width in enumerate(widths):
        if index:
            layers.append(nn.MaxPool2d(2))
        layers += [_layer(channels, width, stride=1 if index else 2), _layer(width, width)]
        channels = width
    return nn.Sequential(*layers)


class SmallNetwork(nn.Module):
    """Blocks, global average pooling and a linear layer; a timm network's interface as far as
    Grad-CAM needs it.

    Args:
        widths: channels of every block.
        classes: C.
        dropout: of pooled features.
    """

    def __init__(self, widths: Sequence[int], classes: int, dropout: float) -> None:
        super().__init__()
        self.blocks = blocks(3, widths)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """``(N, 3, H, W)`` -> ``(N, C)`` logits."""
        return self.forward_head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """``(N, 3, H, W)`` -> ``(N, K, h, w)`` >= 0."""
        features: Tensor = self.blocks(images)
        return features

    def forward_head(self, features: Tensor) -> Tensor:
        """``(N, K, h, w)`` -> ``(N, C)`` logits."""
        logits: Tensor = self.linear(self.dropout(features.mean(dim=(2, 3))))
        return logits


def _layer(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )
