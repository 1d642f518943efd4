"""What classifiers of radiographs share: their training on image labels, and what their images go through."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from wsbench.settings import TrainingSettings


class Classification(lightning.LightningModule):
    """Trains a network on image labels by binary cross entropy, class by class, with Adam.

    It logs ``fit_loss`` and ``select_loss``, as `train` wants it. Derive from it and override `loss` or
    `configure_optimizers` for another objective.

    Args:
        network: what the loader gives -> ``(N, C)`` logits.
        settings: learning rate, weight decay and memory format.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        if settings.channels_last:
            self.network.to(memory_format=torch.channels_last)

    def loss(self, inputs: Any, labels: Tensor) -> Tensor:
        """The loss of one batch, whose labels are ``(N, C)`` of 0 and 1."""
        return functional.binary_cross_entropy_with_logits(self.network(inputs), labels.float())

    def training_step(self, batch: tuple[Any, Tensor], index: int) -> Tensor:
        return self._logged(batch, "fit_loss")

    def validation_step(self, batch: tuple[Any, Tensor], index: int) -> None:
        self._logged(batch, "select_loss")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.settings
        return torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def _logged(self, batch: tuple[Any, Tensor], name: str) -> Tensor:
        inputs, labels = batch
        loss = self.loss(inputs, labels)
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(labels))
        return loss


def crop_and_augment(crop: int, operations: int = 0, magnitude: int = 0) -> v2.Compose:
    """``(..., 1, h, w)`` uint8 -> ``(..., 1, crop, crop)`` uint8: centre crop, then RandAugment.

    It works on one channel: RandAugment does the same to three equal ones, at three times the cost.

    Args:
        crop: side, in pixels.
        operations: of RandAugment; 0 leaves it out.
        magnitude: of RandAugment, 0 to 30.
    """
    steps: list[nn.Module] = [v2.CenterCrop(crop)]
    if operations:
        steps.append(v2.RandAugment(operations, magnitude))
    return v2.Compose(steps)


def three_channels(
    grey: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...], *, channels_last: bool = False
) -> Tensor:
    """``(N, 1, h, w)`` uint8, or floats in [0, 1] -> ``(N, 3, h, w)`` floats: three equal channels, less the
    mean, over the standard deviation.

    Args:
        grey: the images.
        mean, deviation: of each channel, in [0, 1].
        channels_last: the memory format.
    """
    images: Tensor = v2.functional.to_dtype(grey, torch.float32, scale=True).expand(-1, 3, -1, -1)
    images = v2.functional.normalize(images, list(mean), list(deviation))
    return images.contiguous(memory_format=torch.channels_last) if channels_last else images
