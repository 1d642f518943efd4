"""The loss that a method trained its network by, as a function of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from wsbench.data.views import WeakView


@dataclass(frozen=True)
class NetworkLoss:
    """A trained network with the loss that it was trained by. `Method.training_loss` returns it.

    Both losses are functions of a batch, call ``network``, and are means over the images of the batch, so
    that the loss of many images is the mean over their batches, weighted by their numbers of images. They
    add no penalty of weights.

    Attributes:
        network: the network, in eval mode. The losses are functions of its parameters.
        batch: makes a batch of a view of N images: tensors with N rows each, without augmentation. What a
            loss takes besides images and labels, such as the outputs of a teacher, belongs to it.
        own: takes the tensors of a batch as its arguments, and returns the loss of the training, a scalar.
        cross_entropy: takes the same, and returns the cross entropy of the outputs with the image labels, a
            scalar.
    """

    network: nn.Module
    batch: Callable[[WeakView], tuple[Tensor, ...]]
    own: Callable[..., Tensor]
    cross_entropy: Callable[..., Tensor]
