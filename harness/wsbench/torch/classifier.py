"""The common parts of radiograph classifiers: training on image labels, and preparation of images."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from wsbench.settings import TrainingSettings
from wsbench.torch.hooks import removed_at_end

SELECT_AUC = "select_auc"


class Classification(lightning.LightningModule):
    """A Lightning module that trains a network on image labels with Adam and binary cross entropy.

    It logs ``fit_loss`` and ``select_loss``, which `train` needs, and ``select_auc``, the macro AUC on the
    select role. Derive from it and override `loss` or `configure_optimizers` for another objective, and
    `scores` if the network's outputs are not one logit a class.

    Args:
        network: takes the inputs that the loader yields and returns ``(N, C)`` logits.
        settings: learning rate, weight decay and memory format.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        self._answers: list[tuple[Tensor, Tensor]] = []
        if settings.channels_last:
            self.network.to(memory_format=torch.channels_last)

    def loss(self, inputs: Any, labels: Tensor) -> Tensor:
        """The loss of one batch.

        Args:
            inputs: the inputs of the network, as the loader yields them.
            labels: ``(N, C)``, 0 or 1.

        Returns:
            A scalar.
        """
        return functional.binary_cross_entropy_with_logits(self.network(inputs), labels.float())

    def scores(self, outputs: Tensor) -> Tensor:
        """Scores of classes, by which ``select_auc`` orders images.

        Args:
            outputs: ``(N, K)``, what the network returned.

        Returns:
            ``(N, C)``, any increasing function of probabilities. Where they are as they came, K is C.
        """
        return outputs

    def training_step(self, batch: tuple[Any, Tensor], index: int) -> Tensor:
        return self._logged(batch, "fit_loss")

    def validation_step(self, batch: tuple[Any, Tensor], index: int) -> None:
        outputs: list[Any] = []
        # What `loss` has computed is kept, because a second pass would cost as much as the first.
        hook = self.network.register_forward_hook(lambda module, inputs, output: outputs.append(output))
        with removed_at_end([hook]):
            self._logged(batch, "select_loss")
        labels = batch[1]
        if outputs and isinstance(outputs[-1], Tensor):
            scores = self.scores(outputs[-1].detach().float())
            if scores.shape == labels.shape:
                self._answers.append((labels.cpu(), scores.cpu()))

    def on_validation_epoch_end(self) -> None:
        if self._answers:
            labels, scores = (torch.cat(parts) for parts in zip(*self._answers, strict=True))
            self.log(SELECT_AUC, _macro_auc(labels.numpy(), scores.numpy()))
        self._answers.clear()

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


def _macro_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """As `wsbench.metrics.macro_auc`, which is of the room `scoring`, and `torch` imports none of that."""
    from sklearn.metrics import roc_auc_score

    both = [c for c in range(labels.shape[1]) if 0 < labels[:, c].sum() < len(labels)]
    return float(np.mean([roc_auc_score(labels[:, c], scores[:, c]) for c in both])) if both else 0.5


def crop_and_augment(crop: int, operations: int = 0, magnitude: int = 0) -> v2.Compose:
    """A transform that crops the centre of an image and then applies RandAugment.

    RandAugment: Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search
    space" (2020). It works on one channel here: three equal channels give the same at three times the cost.

    Args:
        crop: side of the crop, in pixels.
        operations: number of RandAugment's operations; 0 leaves it out.
        magnitude: magnitude of RandAugment, 0 to 30.

    Returns:
        A transform of ``(..., 1, h, w)`` uint8 to ``(..., 1, crop, crop)`` uint8.
    """
    steps: list[nn.Module] = [v2.CenterCrop(crop)]
    if operations:
        steps.append(v2.RandAugment(operations, magnitude))
    return v2.Compose(steps)


def three_channels(
    grey: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...], *, channels_last: bool = False
) -> Tensor:
    """Grey images as a network with three input channels expects them.

    Args:
        grey: ``(N, 1, h, w)`` uint8, or floats in [0, 1].
        mean: mean of each channel, in [0, 1]; it is subtracted.
        deviation: standard deviation of each channel, in [0, 1]; it divides.
        channels_last: whether the result has torch's channels-last memory format.

    Returns:
        ``(N, 3, h, w)`` floats.
    """
    images: Tensor = v2.functional.to_dtype(grey, torch.float32, scale=True).expand(-1, 3, -1, -1)
    images = v2.functional.normalize(images, list(mean), list(deviation))
    return images.contiguous(memory_format=torch.channels_last) if channels_last else images
