"""The loss of training, with or without weights of labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, labels: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy, as a mean over images and classes.

    Args:
        logits: ``(N, C)``.
        labels: ``(N, C)`` floats, 0 or 1.
        class_weights: ``(2,)`` factors of negative and positive labels; None: both are 1.
    """
    weights = None if class_weights is None else class_weights[labels.long()]
    return functional.binary_cross_entropy_with_logits(logits, labels, weight=weights)


def balanced(labels: Tensor) -> Tensor:
    """Weights by which positive and negative labels weigh the same, and a label 1 on average.

    Wang et al. (2017) count them in every batch, over all classes, and their weights are twice these. Here
    they are counted once, over the fit role.

    Args:
        labels: ``(N, C)`` of 0 and 1.

    Returns:
        ``(2,)``: N C over twice the number of labels of either kind; 1 where one kind is missing.
    """
    counts = torch.bincount(labels.long().flatten(), minlength=2).float()
    return torch.ones(2) if counts.min() == 0 else counts.sum() / (2 * counts)
