"""Training of the saliency-map CNN (Methods)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.nn import functional

import wsbench

from ._images import Squares, mean_and_deviation
from ._network import SmallNetwork

if TYPE_CHECKING:
    from ._settings import SaliencySettings


class Training(lightning.LightningModule):
    """Categorical cross entropy on image labels."""

    def __init__(self, network: SmallNetwork, settings: SaliencySettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        if settings.channels_last:
            self.network.to(memory_format=torch.channels_last)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        return self._logged(batch, "fit_loss")

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        self._logged(batch, "select_loss")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.settings
        return torch.optim.Adam(
            self.network.parameters(),
            lr=settings.learning_rate,
            betas=settings.betas,
            eps=settings.epsilon,
            weight_decay=settings.weight_decay,
        )

    def _logged(self, batch: tuple[Tensor, Tensor], name: str) -> Tensor:
        images, labels = batch
        loss = functional.cross_entropy(self.network(images), labels[:, 0].long())
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(images))
        return loss


def fit(
    network: SmallNetwork,
    settings: SaliencySettings,
    fit: wsbench.WeakView,
    select: wsbench.WeakView,
    run: wsbench.Run,
) -> None:
    """Train on the fit role, keeping the epoch of the lowest select loss: the paper does not say which."""
    mean, deviation = mean_and_deviation(Squares(fit, settings))
    network.mean.fill_(mean)
    network.deviation.fill_(deviation)
    wsbench.train(
        Training(network, settings),
        wsbench.keyed_loader(
            Squares(fit, settings, run.seed_for("deformation")), settings, order_seed=run.seed_for("order")
        ),
        wsbench.keyed_loader(Squares(select, settings), settings),
        run,
        settings,
    )
