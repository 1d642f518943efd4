"""The losses of CLARiTY, equations (3) to (19), each a pure function of tensors.

The paper writes them for one image; a batch takes their mean over images, except that the weights of
equation (3) are counted over the batch, as the paper says.

Shapes: N images, C classes, D features, q layers, H x W cells of a segmentation map.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-8
"""Epsilon of equations (7) and (17), which keeps denominators above 0."""


def label_weights(labels: Tensor) -> tuple[Tensor, Tensor]:
    """``w_P`` and ``w_N``: all labels of the batch over the positive, and over the negative ones.

    A batch without one of them has no loss of that kind to weigh; its count is taken as 1.

    Args:
        labels: ``(N, C)`` of 0 and 1.
    """
    every = torch.tensor(float(labels.numel()), device=labels.device)
    positive = labels.sum()
    return every / positive.clamp(min=1), every / (every - positive).clamp(min=1)


def weighted_cross_entropy(logits: Tensor, labels: Tensor, counted: Tensor | None = None) -> Tensor:
    """Weighted binary cross entropy, summed over classes (equation 3).

    Args:
        logits: ``(N, C)``.
        labels: ``(N, C)`` floats in [0, 1].
        counted: ``(N, C)`` that the weights are counted from; by default the labels.
    """
    positive, negative = label_weights(labels if counted is None else counted)
    loss = positive * labels * functional.softplus(-logits)
    loss = loss + negative * (1 - labels) * functional.softplus(logits)
    return loss.sum(dim=1).mean()


def class_similarity(tokens: Tensor) -> Tensor:
    """Cosine similarities of class tokens, ``(..., C, D)`` -> ``(..., C, C)`` (equation 6)."""
    directions = functional.normalize(tokens, dim=-1)
    return directions @ directions.transpose(-1, -2)


def orthogonality(tokens: Sequence[Tensor], labels: Tensor, target: float = 0.0) -> Tensor:
    """The orthogonal class token loss, over the positive classes of each image (equation 7).

    Args:
        tokens: q tensors ``(N, C, D)``, of the last q layers.
        labels: ``(N, C)`` of 0 and 1.
        target: cosine similarity to reach.
    """
    count = labels.shape[1]
    apart = 1 - torch.eye(count, device=labels.device)
    squares = torch.stack([((class_similarity(layer) - target) ** 2 * apart).sum(dim=2) for layer in tokens])
    total = (squares.sum(dim=0) * labels).sum(dim=1)
    others = max(count - 1, 1)  # a single class has nothing to be kept apart from
    return (total / (others * (len(tokens) * labels.sum(dim=1) + EPSILON))).mean()


def similarity_weights(masks: Tensor, *, as_printed: bool = False) -> Tensor:
    """``w``: at least 1, more where a class's region is unlike the others' (equation 11).

    Args:
        masks: ``(N, C, H, W)`` of 0 and 1.
        as_printed: subtract the least mean similarity, as the equation is printed. The least weight is then 2
            less the least and the greatest similarity, where the text says 1.

    Returns:
        ``(N, C)``.
    """
    similarity = class_similarity(masks.flatten(start_dim=2))
    count = masks.shape[1]
    mean = (similarity.sum(dim=2) - similarity.diagonal(dim1=1, dim2=2)) / max(count - 1, 1)
    if as_printed:
        return 2 - mean - mean.amin(dim=1, keepdim=True)
    return 2 - mean - (1 - mean.amax(dim=1, keepdim=True))


def proximity(heatmaps: Tensor, distances: Tensor, weights: Tensor) -> Tensor:
    """The mask proximity loss: intensity times its distance from the region (equation 10).

    Args:
        heatmaps: ``(N, C, H, W)`` in (0, 1).
        distances: ``(N, C, H, W)`` in cells, 0 inside the region.
        weights: ``(N, C)``, of equation (11).
    """
    height, width = heatmaps.shape[2:]
    mean = (heatmaps * distances * weights[:, :, None, None]).mean(dim=(1, 2, 3))
    return (8 / (height + width) * mean).mean()


def confinement(heatmaps: Tensor, masks: Tensor, weights: Tensor, *, by_image: bool = False) -> Tensor:
    """The mask confinement loss: the share of intensity outside the region (equation 12).

    Printed element by element, the ratio would not depend on the heatmap; it is taken per image and class,
    background intensity over total.

    Args:
        heatmaps: ``(N, C, H, W)`` in (0, 1).
        masks: ``(N, C, H, W)`` of 0 and 1.
        weights: ``(N, C)``, of equation (11).
        by_image: one ratio an image, of the intensity of all its classes.
    """
    outside, total = (heatmaps * (1 - masks)).sum(dim=(2, 3)), heatmaps.sum(dim=(2, 3))
    if by_image:
        return ((outside * weights).sum(dim=1) / total.sum(dim=1).clamp(min=EPSILON)).mean()
    return (outside / total.clamp(min=EPSILON) * weights).mean()


def area(heatmaps: Tensor) -> Tensor:
    """The area constraint loss: the mean intensity (equation 13)."""
    return heatmaps.mean()


def background_suppression(background: Tensor, patch: Tensor, labels: Tensor) -> Tensor:
    """The background suppression loss: the background's evidence for present classes, relative to that of all
    patches (equations 16 and 17).

    Args:
        background, patch: ``(N, C)`` logits.
        labels: ``(N, C)`` of 0 and 1.
    """
    ratio = functional.softplus(background) / (functional.softplus(patch) + EPSILON)
    return ((labels * ratio).sum(dim=1) / labels.sum(dim=1).clamp(min=1)).mean()


def soft_margin(logits: Tensor, labels: Tensor, counted: Tensor | None = None) -> Tensor:
    """The multi-label soft margin loss of Table 6's ablation: equation (3) with both weights 1, so a sum over
    classes (section 4.5.3).

    Args:
        logits, labels: ``(N, C)``.
        counted: unused; nothing is weighted.
    """
    return functional.binary_cross_entropy_with_logits(logits, labels, reduction="none").sum(dim=1).mean()


def mean_soft_margin(logits: Tensor, labels: Tensor, counted: Tensor | None = None) -> Tensor:
    """The multi-label soft margin loss as libraries define it: C times less, a mean over classes."""
    return functional.multilabel_soft_margin_loss(logits, labels)


def contrast(tokens: Sequence[Tensor], labels: Tensor) -> Tensor:
    """The contrastive class token loss of Table 6's ablation: cross entropy between similarities and the
    identity, row-wise softmax, over the positive classes of all layers (equation 20).

    Args:
        tokens: q tensors ``(N, C, D)``.
        labels: ``(N, C)`` of 0 and 1.
    """
    layers = [-class_similarity(layer).log_softmax(dim=2).diagonal(dim1=1, dim2=2) for layer in tokens]
    total = (torch.stack(layers).mean(dim=0) * labels).sum(dim=1)
    return (total / labels.sum(dim=1).clamp(min=1)).mean()
