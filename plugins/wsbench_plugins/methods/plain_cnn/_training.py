"""Training: binary cross entropy of every class, AdamW, and a rate that rises and then falls to 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torchvision.transforms import v2

import wsbench

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

    from ._network import PlainNetwork
    from ._settings import PlainSettings

MONITOR = "select_auc"
RISING = 0.15
"""Share of the steps in which the rate rises."""


class Training(wsbench.torch.Classification):
    """Binary cross entropy, watched by the macro AUC on select."""

    def __init__(self, network: PlainNetwork, settings: PlainSettings) -> None:
        super().__init__(network, settings)
        self._seen: list[tuple[Tensor, Tensor]] = []

    def validation_step(self, batch: tuple[Any, Tensor], index: int) -> None:
        grey, labels = batch
        self._seen.append((self.network(grey).float().cpu(), labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        logits, labels = (torch.cat(batches).numpy() for batches in zip(*self._seen, strict=True))
        self._seen.clear()
        self.log(MONITOR, wsbench.metrics.macro_auc(labels, logits))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        settings = self.settings
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        steps = int(self.trainer.estimated_stepping_batches)
        rate = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=steps, pct_start=RISING
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rate, "interval": "step"}}


def fit(
    network: PlainNetwork,
    settings: PlainSettings,
    fit: wsbench.WeakView,
    select: wsbench.WeakView,
    run: wsbench.RunContext,
) -> None:
    """Train on the fit role, keeping the epoch of the highest macro AUC on select."""
    size = (settings.image_size, settings.image_size)
    flipped = v2.RandomHorizontalFlip(settings.flip)
    images = wsbench.torch.WeakImages(fit, *size, flipped, run.seed_for("augmentation"))
    held_out = wsbench.torch.WeakImages(select, *size, torch.nn.Identity())
    wsbench.torch.train(
        Training(network, settings),
        wsbench.torch.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.torch.keyed_loader(held_out, settings),
        run,
        settings,
        monitor=MONITOR,
        mode="max",
    )
