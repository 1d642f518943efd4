"""The loss of training, with or without weights of classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, target: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Categorical cross entropy (Methods), as a mean over images.

    Args:
        logits: ``(N, 2)``.
        target: ``(N,)`` class numbers.
        class_weights: ``(2,)`` factors of an image's loss by its class; None: all are 1.
    """
    if class_weights is None:
        return functional.cross_entropy(logits, target)
    # torch's own weights would divide by their sum in the batch, so that a batch without positives weighed as
    # much as any other.
    return (class_weights[target] * functional.cross_entropy(logits, target, reduction="none")).mean()


def balanced(labels: Tensor) -> Tensor:
    """Weights by which both classes weigh the same, and an image 1 on average.

    Args:
        labels: ``(N,)`` of 0 and 1.

    Returns:
        ``(2,)``: N over twice the number of images of the class; 1 where one class is missing.
    """
    counts = torch.bincount(labels.long(), minlength=2).float()
    return torch.ones(2) if counts.min() == 0 else counts.sum() / (2 * counts)
