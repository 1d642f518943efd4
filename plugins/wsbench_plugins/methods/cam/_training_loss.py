"""The loss of a classifier's training, as a function of images without augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

import wsbench

from ._losses import cross_entropy
from ._network import Classifier

if TYPE_CHECKING:
    from torch import nn

    from ._settings import CamSettings


def of(classifier: nn.Module, settings: CamSettings) -> wsbench.torch.NetworkLoss:
    """Binary cross entropy, class by class, with the weights of labels that training had, and without."""
    assert isinstance(classifier, Classifier)
    crop = wsbench.torch.crop_and_augment(settings.crop)

    def batch(images: wsbench.WeakView) -> tuple[Tensor, ...]:
        grey = torch.from_numpy(images.pixels(settings.resize, settings.resize)[:])[:, None]
        return classifier.normalised(crop(grey)), torch.from_numpy(images.labels).float()

    def own(inputs: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(classifier.network(inputs), labels, classifier.class_weights)

    def unweighted(inputs: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(classifier.network(inputs), labels)

    return wsbench.torch.NetworkLoss(classifier, batch, own=own, cross_entropy=unweighted)
