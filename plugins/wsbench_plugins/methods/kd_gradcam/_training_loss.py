"""The losses of teacher and student (equations 1 and 2), as functions of images without augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

import wsbench

from ._losses import distillation_loss
from ._training import cropped, normalised

if TYPE_CHECKING:
    from ._network import Classifier
    from ._settings import StudentSettings, TeacherSettings


def of_teacher(network: Classifier, settings: TeacherSettings) -> wsbench.torch.NetworkLoss:
    """Cross entropy (section 3.2.2)."""
    crop = cropped(settings, augment=False)

    def batch(images: wsbench.WeakView) -> tuple[Tensor, ...]:
        grey = torch.from_numpy(images.pixels(settings.resize, settings.resize)[:])[:, None]
        return normalised(crop(grey), settings), torch.from_numpy(images.labels)[:, 0].long()

    def cross_entropy(inputs: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(network(inputs), target)

    return wsbench.torch.NetworkLoss(network, batch, own=cross_entropy, cross_entropy=cross_entropy)


def of_student(
    network: Classifier, teacher: Classifier, settings: StudentSettings
) -> wsbench.torch.NetworkLoss:
    """Distillation (equation 1). The teacher's logits are computed once for every batch."""
    of_labels = of_teacher(network, settings)

    def batch(images: wsbench.WeakView) -> tuple[Tensor, ...]:
        inputs, target = of_labels.batch(images)
        with torch.no_grad():
            taught = teacher.eval()(inputs.to(teacher.head.weight.device))
        return inputs, target, taught

    def own(inputs: Tensor, target: Tensor, taught: Tensor) -> Tensor:
        return distillation_loss(network(inputs), taught, target, settings.alpha, settings.temperature)

    def cross_entropy(inputs: Tensor, target: Tensor, taught: Tensor) -> Tensor:
        return of_labels.cross_entropy(inputs, target)

    return wsbench.torch.NetworkLoss(network, batch, own, cross_entropy)
