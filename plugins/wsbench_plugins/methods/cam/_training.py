"""Training of a classifier as the teacher of KD-Grad-CAM is trained, with a warm-up where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import wsbench

from ._losses import balanced, cross_entropy
from ._network import Classifier

if TYPE_CHECKING:
    from ._settings import CamSettings


class Training(wsbench.torch.Classification):
    """Binary cross entropy, class by class, with Adam."""

    settings: CamSettings
    network: Classifier

    def loss(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(self.network(inputs), labels.float(), self.network.class_weights)

    def configure_optimizers(self) -> Any:
        optimiser = super().configure_optimizers()
        if not self.settings.warmup:
            return optimiser
        steps = int(self.trainer.estimated_stepping_batches) * self.settings.warmup // self.settings.epochs
        rise = torch.optim.lr_scheduler.LinearLR(
            optimiser, start_factor=1 / (steps + 1), total_iters=max(1, steps)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rise, "interval": "step"}}


def fit(
    network: Classifier,
    settings: CamSettings,
    fit: wsbench.WeakView,
    select: wsbench.WeakView,
    run: wsbench.RunContext,
) -> None:
    """Train on the fit role, keeping the epoch of the lowest select loss."""
    size = (settings.resize, settings.resize)
    augment = wsbench.torch.crop_and_augment(
        settings.crop, settings.randaugment_operations, settings.randaugment_magnitude
    )
    images = wsbench.torch.WeakImages(fit, *size, augment, run.seed_for("augmentation"))
    held_out = wsbench.torch.WeakImages(select, *size, wsbench.torch.crop_and_augment(settings.crop))
    if network.class_weights is not None:
        network.class_weights.copy_(balanced(torch.from_numpy(fit.labels)))
    wsbench.torch.train(
        Training(network, settings),
        wsbench.torch.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.torch.keyed_loader(held_out, settings),
        run,
        settings,
    )
