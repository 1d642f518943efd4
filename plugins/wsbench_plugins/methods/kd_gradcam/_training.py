"""The Lightning modules of teacher and student, and what their images go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

import wsbench

from ._losses import distillation_loss
from ._network import Classifier

if TYPE_CHECKING:
    from . import StudentSettings, TeacherSettings


class Teacher(lightning.LightningModule):
    """Cross entropy on image labels (section 3.2.2)."""

    def __init__(self, network: Classifier, settings: TeacherSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        if settings.channels_last:
            self.network.to(memory_format=torch.channels_last)

    def loss(self, images: Tensor, target: Tensor) -> Tensor:
        """The loss of one batch: images ``(N, 3, H, W)``, class numbers ``(N,)``."""
        return functional.cross_entropy(self.network(images), target)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        return self._logged_loss(batch, "fit_loss")

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        self._logged_loss(batch, "select_loss")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            self.network.parameters(),
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
        )

    def _logged_loss(self, batch: tuple[Tensor, Tensor], name: str) -> Tensor:
        grey, labels = batch
        loss = self.loss(normalised(grey, self.settings), labels[:, 0].long())
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(grey))
        return loss


class Student(Teacher):
    """Distillation from a frozen teacher (equations 1 and 2)."""

    settings: StudentSettings

    def __init__(self, network: Classifier, teacher: Classifier, settings: StudentSettings) -> None:
        super().__init__(network, settings)
        # In a tuple it is no submodule: neither trained, nor saved, nor switched to training mode.
        self._frozen = (teacher.eval(),)

    def on_fit_start(self) -> None:
        self._frozen[0].to(self.device)

    def loss(self, images: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            teacher = self._frozen[0](images)
        return distillation_loss(
            self.network(images), teacher, target, self.settings.alpha, self.settings.temperature
        )


def cropped(settings: TeacherSettings, *, augment: bool) -> v2.Compose:
    """``(..., 1, resize, resize)`` uint8 -> ``(..., 1, crop, crop)`` uint8: centre crop, then RandAugment
    (section 3.2.1). It works on one channel: RandAugment does the same to three equal ones, at three times
    the cost."""
    steps: list[torch.nn.Module] = [v2.CenterCrop(settings.crop)]
    if augment and settings.randaugment_operations:
        steps.append(v2.RandAugment(settings.randaugment_operations, settings.randaugment_magnitude))
    return v2.Compose(steps)


def normalised(grey: Tensor, settings: TeacherSettings) -> Tensor:
    """``(N, 1, h, w)`` uint8 -> ``(N, 3, h, w)`` float: three equal channels in [0, 1], less the mean, over
    the standard deviation (section 3.2.1)."""
    images = v2.functional.to_dtype(grey, torch.float32, scale=True).expand(-1, 3, -1, -1)
    images = v2.functional.normalize(images, settings.mean, settings.standard_deviation)
    return images.contiguous(memory_format=torch.channels_last) if settings.channels_last else images


def fit(module: Teacher, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.Run) -> None:
    """Train ``module`` on the fit role, stopping on the select role."""
    settings = module.settings
    size = (settings.resize, settings.resize)
    seed = run.seed_for("augmentation")
    images = wsbench.WeakImages(fit, *size, cropped(settings, augment=True), seed)
    held_out = wsbench.WeakImages(select, *size, cropped(settings, augment=False))
    wsbench.train(
        module,
        wsbench.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.keyed_loader(held_out, settings),
        run,
        settings,
    )
