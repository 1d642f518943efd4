"""What every translation is measured by while it is trained, and the schedule that all share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import Tensor, nn

import wsbench

from ._images import magnitude, unscaled
from ._recogniser import Recogniser
from ._translation import Translator

if TYPE_CHECKING:
    from ._settings import ChangemapSettings


class Measured(lightning.LightningModule):
    """A translation in training. On the select role, what it does and what its discriminators know is
    measured; in the first step of an epoch, how hard each part of its loss pulls.

    Args:
        network: both generators.
        recogniser: F, which is not trained.
    """

    settings: ChangemapSettings

    def __init__(self, network: Translator, recogniser: Recogniser) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        # In a tuple it is no submodule: neither trained, nor saved, nor switched to training mode.
        self._frozen = (recogniser.eval().requires_grad_(False),)

    @property
    def recogniser(self) -> Recogniser:
        """F."""
        return self._frozen[0]

    @abstractmethod
    def judged(self, images: Tensor) -> dict[str, Tensor]:
        """``(N, 1, H, W)`` -> answers ``(N,)`` by the discriminator's name; higher is more tuberculous."""

    def on_fit_start(self) -> None:
        self.recogniser.to(self.device)

    def on_train_epoch_end(self) -> None:
        for schedule in self.lr_schedulers():  # type: ignore[union-attr]  # two are made
            schedule.step()

    def log_gradients(self, parts: Mapping[str, Tensor]) -> None:
        """Log the norm of each weighted part's gradient, as ``gradient_`` and the part's name."""
        norms = wsbench.torch.gradient_norms(parts, self.network.parameters())
        values = {f"gradient_{name}": norm for name, norm in norms.items()}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=1)

    def on_validation_epoch_start(self) -> None:
        self._judgements: dict[str, list[np.ndarray]] = {}

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        real_t, real_n = batch
        self._judge(real_t, real_n)
        change_t, fake_n = self.network.to_normal(real_t)
        change_n, _ = self.network.to_normal(real_n)
        changed_t, changed_n = magnitude(change_t), magnitude(change_n)
        score = self._score
        values = {
            "score_tuberculous": score(real_t),
            "score_made_normal": score(fake_n),
            "score_normal": score(real_n),
            "score_made_tuberculous": score(self.network.to_tuberculous(real_n)),
            "change_tuberculous": changed_t.mean(),
            "change_normal": changed_n.mean(),
            "peak_tuberculous": changed_t.amax(dim=(1, 2, 3)).mean(),
            "peak_normal": changed_n.amax(dim=(1, 2, 3)).mean(),
        }
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(real_t))

    def _score(self, images: Tensor) -> Tensor:
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            self.recogniser(unscaled(images.float())).float().sigmoid().mean()
        )

    def on_validation_epoch_end(self) -> None:
        for name, answers in self._judgements.items():
            tuberculous, normal = np.concatenate(answers, axis=1)
            labels = np.repeat([1, 0], len(tuberculous))[:, None]
            scores = np.concatenate([tuberculous, normal])[:, None]
            self.log(f"discriminator_auc_{name}", wsbench.metrics.macro_auc(labels, scores))

    def _judge(self, real_t: Tensor, real_n: Tensor) -> None:
        of_t, of_n = self.judged(real_t), self.judged(real_n)
        for name, answers in of_t.items():
            pair = torch.stack([answers, of_n[name]]).float()
            self._judgements.setdefault(name, []).append(pair.cpu().numpy())


def optimisers_of(
    settings: ChangemapSettings, *modules: nn.Module
) -> tuple[list[torch.optim.Adam], list[torch.optim.lr_scheduler.LambdaLR]]:
    """Adam and the schedule of each module, as Lightning takes them."""
    optimisers = [
        torch.optim.Adam(module.parameters(), lr=settings.learning_rate, betas=settings.betas)
        for module in modules
    ]
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda epoch: rate(epoch, settings.epochs, settings.decay)
        )
        for optimiser in optimisers
    ]
    return optimisers, schedules


def rate(epoch: int, epochs: int, decay: int) -> float:
    """The share of the learning rate in an epoch: 1, then falling linearly towards 0 over the last ``decay``
    epochs (CycleGAN, section 7.1)."""
    return min(1.0, (epochs - epoch) / (decay + 1))
