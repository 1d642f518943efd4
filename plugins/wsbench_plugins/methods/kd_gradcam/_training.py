"""The Lightning modules of teacher and student, and the preparation of their images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

import wsbench

from ._losses import distillation_loss
from ._network import Classifier

if TYPE_CHECKING:
    from torchvision.transforms import v2

    from ._settings import StudentSettings, TeacherSettings


class Teacher(wsbench.torch.Classification):
    """Cross entropy on image labels (section 3.2.2)."""

    settings: TeacherSettings

    def loss(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return self.classification_loss(normalised(inputs, self.settings), labels[:, 0].long())

    def classification_loss(self, images: Tensor, target: Tensor) -> Tensor:
        """The loss of normalised images ``(N, 3, H, W)`` with class numbers ``(N,)``."""
        smoothing = self.settings.label_smoothing
        return functional.cross_entropy(self.network(images), target, label_smoothing=smoothing)

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs[:, 1:] - outputs[:, :1]


class Student(Teacher):
    """Distillation from a frozen teacher (equations 1 and 2)."""

    settings: StudentSettings

    def __init__(self, network: Classifier, teacher: Classifier, settings: StudentSettings) -> None:
        super().__init__(network, settings)
        # In a tuple it is no submodule: neither trained, nor saved, nor switched to training mode.
        self._frozen = (teacher.eval(),)

    def on_fit_start(self) -> None:
        self._frozen[0].to(self.device)

    def classification_loss(self, images: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            teacher = self._frozen[0](images)
        settings = self.settings
        return distillation_loss(
            self.network(images),
            teacher,
            target,
            settings.alpha,
            settings.temperature,
            label_smoothing=settings.label_smoothing,
        )


def cropped(settings: TeacherSettings, *, augment: bool) -> v2.Compose:
    """``(..., 1, resize, resize)`` uint8 -> ``(..., 1, crop, crop)`` uint8: centre crop, then RandAugment
    (section 3.2.1)."""
    operations = settings.randaugment_operations if augment else 0
    return wsbench.torch.crop_and_augment(settings.crop, operations, settings.randaugment_magnitude)


def normalised(grey: Tensor, settings: TeacherSettings) -> Tensor:
    """``(N, 1, h, w)`` uint8 -> ``(N, 3, h, w)`` float: three equal channels in [0, 1], less the mean, over
    the standard deviation (section 3.2.1)."""
    channels_last = settings.channels_last
    return wsbench.torch.three_channels(
        grey, settings.mean, settings.standard_deviation, channels_last=channels_last
    )


def fit(module: Teacher, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
    """Train ``module`` on the fit role, stopping on the select role."""
    settings = module.settings
    size = (settings.resize, settings.resize)
    seed = run.seed_for("augmentation")
    images = wsbench.torch.WeakImages(fit, *size, cropped(settings, augment=True), seed)
    held_out = wsbench.torch.WeakImages(select, *size, cropped(settings, augment=False))
    wsbench.torch.train(
        module,
        wsbench.torch.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.torch.keyed_loader(held_out, settings),
        run,
        settings,
    )
