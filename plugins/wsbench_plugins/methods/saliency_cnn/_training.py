"""Training of the saliency-map CNN (Methods)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

import wsbench

from ._images import Squares, mean_and_deviation
from ._losses import balanced, cross_entropy
from ._network import SmallNetwork

if TYPE_CHECKING:
    from ._settings import SaliencySettings


class Training(wsbench.torch.Classification):
    """Categorical cross entropy on image labels (Methods)."""

    settings: SaliencySettings
    network: SmallNetwork

    def loss(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(self.network(inputs), labels[:, 0].long(), self.network.class_weights)

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs[:, 1:] - outputs[:, :1]

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
    """Train on the fit role, leaving the last epoch and that of the lowest select loss."""
    mean, deviation = mean_and_deviation(Squares(fit, settings))
    network.mean.fill_(mean)
    network.deviation.fill_(deviation)
    if network.class_weights is not None:
        network.class_weights.copy_(balanced(torch.from_numpy(fit.labels)[:, 0]))
    wsbench.torch.train(
        Training(network, settings),
        wsbench.torch.keyed_loader(
            Squares(fit, settings, run.seed_for("deformation")), settings, order_seed=run.seed_for("order")
        ),
        wsbench.torch.keyed_loader(Squares(select, settings), settings),
        run,
        settings,
    )
