"""CLARiTY's heads: pooling of class tokens, and SegmentCAM on patch tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EXPANSION = 2
"""Factor by which every fused inverse bottleneck widens its channels (sections 3.4 and 3.5)."""


class FusedInverseBottleneck(nn.Module):
    """3 x 3 convolution to twice the channels, batch norm, SiLU, 1 x 1 convolution, batch norm; a residual
    where channels stay (Fig. 8)."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, wide, 3, padding=1, bias=False),
            nn.BatchNorm2d(wide),
            nn.SiLU(),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.residual = channels == out

    def forward(self, features: Tensor) -> Tensor:
        """``(N, channels, h, w)`` -> ``(N, out, h, w)``."""
        result: Tensor = self.layers(features)
        return result + features if self.residual else result


def thresholded(heatmaps: Tensor, threshold: float) -> Tensor:
    """1 where a heatmap reaches the threshold, else 0: a constant to the gradient."""
    return (heatmaps >= threshold).to(heatmaps.dtype)


def straight_through(heatmaps: Tensor, threshold: float) -> Tensor:
    """The same values, whose gradient is that of the heatmaps (Bengio et al.: Estimating or Propagating
    Gradients Through Stochastic Neurons)."""
    # In this order the difference is exactly 0, so that values stay 0 and 1.
    return thresholded(heatmaps, threshold) + (heatmaps - heatmaps.detach())


def soft(heatmaps: Tensor, threshold: float) -> Tensor:
    """The heatmaps themselves; the threshold is not used."""
    return heatmaps


FOREGROUNDS = {"threshold": thresholded, "straight_through": straight_through, "soft": soft}
"""``S_f`` from heatmaps and t, by the word of the setting ``foreground``."""


class SegmentCAM(nn.Module):
    """Feature and heatmap heads on patch tokens, and a classifier that may look at the foreground only
    (sections 3.4 and 3.5).

    Args:
        width: D, of patch tokens.
        classes: C.
        threshold: t, from which a cell is foreground; the paper gives no number.
        passing: how ``S_f`` follows from the heatmaps, a key of `FOREGROUNDS`.
    """

    def __init__(self, width: int, classes: int, threshold: float, passing: str = "threshold") -> None:
        super().__init__()
        self.features = FusedInverseBottleneck(width, classes)
        self.heatmaps = FusedInverseBottleneck(width, classes)
        self.classifier = nn.Sequential(*(FusedInverseBottleneck(classes, classes) for _ in range(3)))
        self.threshold = threshold
        self.passing = passing

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``(N, D, n, n)`` patch tokens -> foreground, patch and background logits, and heatmaps."""
        heatmaps = self.heatmaps(patches).sigmoid()
        features = self.features(patches)
        foreground = self.foreground(heatmaps)
        logits = self.classifier(features)
        behind = self.classifier(features * (1 - foreground))
        foreground_logits, patch_logits, background_logits = (
            cells.mean(dim=(2, 3)) for cells in (logits * foreground, logits, behind)
        )
        return foreground_logits, patch_logits, background_logits, heatmaps

    def foreground(self, heatmaps: Tensor) -> Tensor:
        """``S_f``, ``(N, C, n, n)`` in [0, 1]."""
        return FOREGROUNDS[self.passing](heatmaps, self.threshold)


class AttentionPooling(nn.Module):
    """One learned weighting of features a class, the same for every image (equations 8 and 9).

    Args:
        classes: C.
        width: D.
        deviation: of the normal law of the first weights. With 0 a logit starts as the plain mean of
            layer-normalised features, which is the same for every image.
    """

    def __init__(self, classes: int, width: int, deviation: float = 1.0) -> None:
        super().__init__()
        self.weights = nn.Parameter(deviation * torch.randn(classes, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """``(N, C, D)`` class tokens -> ``(N, C)`` logits."""
        return (tokens * self.weights.softmax(dim=1)).sum(dim=2)


class MeanPooling(nn.Module):
    """Every feature of a class token counts alike: Table 6's ablation of attention pooling."""

    def forward(self, tokens: Tensor) -> Tensor:
        """``(N, C, D)`` class tokens -> ``(N, C)`` logits."""
        return tokens.mean(dim=2)
