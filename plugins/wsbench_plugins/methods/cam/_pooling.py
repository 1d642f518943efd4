"""Poolings that turn the features of cells into logits, each with the map that belongs to it.

Shapes: N images, C classes, K channels, h x w cells.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = 128
"""Hidden units of the attention of Ilse, Tomczak, Welling, who try 64 to 512."""


def log_sum_exp(values: Tensor, sharpness: float) -> Tensor:
    """``log(mean(exp(r x))) / r`` over cells: between their mean (r near 0) and their maximum (r large).

    Args:
        values: ``(..., T)``, of T cells.
        sharpness: r > 0.
    """
    cells = math.log(values.shape[-1])
    return (torch.logsumexp(sharpness * values, dim=-1) - cells) / sharpness


def noisy_or(logits: Tensor) -> Tensor:
    """The logit of ``1 - prod(1 - p)`` over cells: that any of them is positive, if they are independent.

    Args:
        logits: ``(..., T)``, of the probabilities p of T cells.
    """
    missed = functional.softplus(logits).sum(dim=-1)  # -log of the probability that all are negative
    return missed + torch.log(-torch.expm1(-missed))


def weighted(logits: Tensor, attention: Tensor) -> Tensor:
    """The logit of ``sum(a p)`` over cells.

    Args:
        logits: ``(..., T)``, of the probabilities p of T cells.
        attention: ``(..., T)`` logits of the weights a, which their softmax makes sum to 1.
    """
    shares = attention.log_softmax(dim=-1)
    positive = torch.logsumexp(shares + functional.logsigmoid(logits), dim=-1)
    negative = torch.logsumexp(shares + functional.logsigmoid(-logits), dim=-1)
    return positive - negative


class Pooling(nn.Module, ABC):
    """Features of cells to logits. Weights are those of linear layers that see one cell at a time.

    Layers are called as functions, so that tools which look for the last module with cells find the features.
    """

    @abstractmethod
    def logits_and_maps(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, K, h, w)`` features -> ``(N, C)`` logits, and ``(N, C, h, w)`` maps >= 0."""

    def forward(self, grid: Tensor) -> Tensor:
        """``(N, K, h, w)`` features -> ``(N, C)`` logits."""
        return self.logits_and_maps(grid)[0]


def by_cell(layer: nn.Linear, grid: Tensor) -> Tensor:
    """A linear layer on every cell, ``(N, K, h, w)`` -> ``(N, C, h, w)``."""
    values = functional.linear(grid.permute(0, 2, 3, 1), layer.weight, layer.bias)
    return values.permute(0, 3, 1, 2)


class Average(Pooling):
    """The mean of cells, then one linear layer; its map is the class activation map.

    Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning Deep Features for Discriminative Localization (2016).
    """

    def __init__(self, channels: int, classes: int, cells: int, sharpness: float) -> None:
        super().__init__()
        self.prediction = nn.Linear(channels, classes)

    def pooled(self, grid: Tensor) -> Tensor:
        """``(N, K, h, w)`` -> ``(N, K)``."""
        return grid.mean(dim=(2, 3))

    def logits_and_maps(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        logits = functional.linear(self.pooled(grid), self.prediction.weight, self.prediction.bias)
        return logits, torch.einsum("ck,nkhw->nchw", self.prediction.weight, grid).relu()


class LogSumExp(Average):
    """Every channel is pooled by `log_sum_exp`, not by its mean.

    Wang, Peng, Lu, Lu, Bagheri, Summers: ChestX-ray8 (2017), sections 4.1 and 4.2.
    """

    def __init__(self, channels: int, classes: int, cells: int, sharpness: float) -> None:
        super().__init__(channels, classes, cells, sharpness)
        self.sharpness = sharpness

    def pooled(self, grid: Tensor) -> Tensor:
        return log_sum_exp(grid.flatten(2), self.sharpness)


class Attention(Pooling):
    """A diagnosis and a weight of every cell and class. The image's probability is the sum of their products,
    which are the map.

    Zhu et al.: PCAN, pixel-wise classification and attention network (2022).
    """

    def __init__(self, channels: int, classes: int, cells: int, sharpness: float) -> None:
        super().__init__()
        self.diagnosis = nn.Linear(channels, classes)
        self.attention = nn.Linear(channels, classes)

    def logits_and_maps(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        diagnosis, attention = by_cell(self.diagnosis, grid), by_cell(self.attention, grid)
        logits = weighted(diagnosis.flatten(2), attention.flatten(2))
        shares = attention.flatten(2).softmax(dim=-1).view_as(attention)
        return logits, shares * diagnosis.sigmoid()


class NoisyOr(Pooling):
    """Cells are instances of which any may be positive; their probabilities are the map.

    Multiple-instance learning as in Li et al.: Thoracic Disease Identification and Localization with Limited
    Supervision (2018), equation 2, without its boxes.
    """

    def __init__(self, channels: int, classes: int, cells: int, sharpness: float) -> None:
        super().__init__()
        self.diagnosis = nn.Linear(channels, classes)
        # Cells of probability 1/2 would give any image a probability of 1 and hardly a gradient. These give
        # an image 1/2 together.
        probability = 1 - 0.5 ** (1 / cells)
        nn.init.constant_(self.diagnosis.bias, math.log(probability / (1 - probability)))

    def logits_and_maps(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        diagnosis = by_cell(self.diagnosis, grid)
        return noisy_or(diagnosis.flatten(2)), diagnosis.sigmoid()


class InstanceAttention(Pooling):
    """The mean of cells, weighted by a gated attention of every class, then a linear layer. The attention is
    the map.

    Ilse, Tomczak, Welling: Attention-based Deep Multiple Instance Learning (2018), equations 7 and 9.
    """

    def __init__(self, channels: int, classes: int, cells: int, sharpness: float) -> None:
        super().__init__()
        self.content = nn.Linear(channels, HIDDEN)
        self.gate = nn.Linear(channels, HIDDEN)
        self.attention = nn.Linear(HIDDEN, classes)
        self.prediction = nn.Linear(channels, classes)

    def logits_and_maps(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        hidden = by_cell(self.content, grid).tanh() * by_cell(self.gate, grid).sigmoid()
        attention = by_cell(self.attention, hidden)
        shares = attention.flatten(2).softmax(dim=-1).view_as(attention)
        pooled = torch.einsum("nchw,nkhw->nck", shares, grid)
        logits = (pooled * self.prediction.weight).sum(dim=2) + self.prediction.bias
        return logits, shares


POOLINGS: Mapping[str, Callable[[int, int, int, float], Pooling]] = {
    "average": Average,
    "lse": LogSumExp,
    "attention": Attention,
    "noisy_or": NoisyOr,
    "mil_attention": InstanceAttention,
}
"""By name, poolings with a map of their own, made of channels, classes, cells and sharpness."""


class Pooled(nn.Module):
    """Features and a pooling.

    Args:
        features: images -> ``(N, K, h, w)``.
        pooling: of these features.
    """

    def __init__(self, features: nn.Module, pooling: Pooling) -> None:
        super().__init__()
        self.features = features
        self.pooling = pooling

    def forward(self, images: Tensor) -> Tensor:
        """``(N, C)`` logits."""
        return self.pooling(self.features(images))  # type: ignore[no-any-return]  # torch: a call is Any

    def logits_and_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, C)`` logits, and the ``(N, C, h, w)`` maps >= 0 that belong to the pooling."""
        return self.pooling.logits_and_maps(self.features(images))
