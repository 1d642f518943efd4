"""Training of the recogniser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import wsbench

from ._images import augmentation, balanced
from ._recogniser import Recogniser

if TYPE_CHECKING:
    from ._recogniser_settings import RecogniserSettings


class RecogniserTraining(lightning.LightningModule):
    """Binary cross entropy on image labels (section 4.2)."""

    def __init__(self, network: Recogniser, settings: RecogniserSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        return self._logged(batch, "fit_loss")

    def on_validation_epoch_start(self) -> None:
        self._answers: list[tuple[np.ndarray, np.ndarray]] = []

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        self._logged(batch, "select_loss", keep=True)

    def on_validation_epoch_end(self) -> None:
        labels, logits = (np.concatenate(parts) for parts in zip(*self._answers, strict=True))
        told = logits[:, 0] > 0
        active = labels[:, 0] == 1
        self.log("select_auc", wsbench.metrics.macro_auc(labels, logits))
        self.log("select_accuracy", float((told == active).mean()))
        self.log("select_recall", float(told[active].mean()))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.settings
        return torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def _logged(self, batch: tuple[Tensor, Tensor], name: str, *, keep: bool = False) -> Tensor:
        grey, labels = batch
        logits = self.network(grey.float() / 255)
        if keep:
            self._answers.append((labels.cpu().numpy(), logits.detach().float()[:, None].cpu().numpy()))
        loss = functional.binary_cross_entropy_with_logits(logits, labels[:, 0].float())
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(grey))
        return loss


def fit_recogniser(
    network: Recogniser,
    settings: RecogniserSettings,
    fit: wsbench.WeakView,
    select: wsbench.WeakView,
    run: wsbench.RunContext,
) -> None:
    """Train on healthy and active images of the fit role, keeping the epoch of the lowest select loss."""
    size = settings.image_size
    seed = run.seed_for("healthy images")
    images = wsbench.torch.WeakImages(
        balanced(fit, seed), size, size, augmentation(settings), run.seed_for("augmentation")
    )
    held_out = wsbench.torch.WeakImages(balanced(select, seed), size, size, nn.Identity())
    wsbench.torch.train(
        RecogniserTraining(network, settings),
        wsbench.torch.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.torch.keyed_loader(held_out, settings),
        run,
        settings,
    )
