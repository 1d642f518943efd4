"""The loss of the network's training (Methods), as a function of images that are not deformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

import wsbench

from ._losses import cross_entropy
from ._prediction import squares

if TYPE_CHECKING:
    from ._network import SmallNetwork
    from ._settings import SaliencySettings


def of(network: SmallNetwork, settings: SaliencySettings) -> wsbench.torch.NetworkLoss:
    """Categorical cross entropy, with the weights of classes that training had, and without."""

    def batch(images: wsbench.WeakView) -> tuple[Tensor, ...]:
        inputs, _ = squares(network, images, settings)
        return inputs, torch.from_numpy(images.labels)[:, 0].long()

    def own(inputs: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(network(inputs), target, network.class_weights)

    def unweighted(inputs: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(network(inputs), target)

    return wsbench.torch.NetworkLoss(network, batch, own=own, cross_entropy=unweighted)
