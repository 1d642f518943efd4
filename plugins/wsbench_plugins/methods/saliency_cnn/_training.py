"""Training of the saliency-map CNN (Methods)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

import wsbench

from ._images import Squares, mean_and_deviation
from ._network import SmallNetwork

if TYPE_CHECKING:
    from ._settings import SaliencySettings


class Training(wsbench.torch.Classification):
    """Categorical cross entropy on image labels (Methods)."""

    settings: SaliencySettings

    def loss(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(self.network(inputs), labels[:, 0].long())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.settings
        return torch.optim.Adam(
            self.network.parameters(),
            lr=settings.learning_rate,
            betas=settings.betas,
            eps=settings.epsilon,
            weight_decay=settings.weight_decay,
        )


def fit(
    network: SmallNetwork,
    settings: SaliencySettings,
    fit: wsbench.WeakView,
    select: wsbench.WeakView,
    run: wsbench.RunContext,
) -> None:
    """Train on the fit role, keeping the epoch of the lowest select loss: the paper does not say which."""
    mean, deviation = mean_and_deviation(Squares(fit, settings))
    network.mean.fill_(mean)
    network.deviation.fill_(deviation)
    wsbench.torch.train(
        Training(network, settings),
        wsbench.torch.keyed_loader(
            Squares(fit, settings, run.seed_for("deformation")), settings, order_seed=run.seed_for("order")
        ),
        wsbench.torch.keyed_loader(Squares(select, settings), settings),
        run,
        settings,
    )
