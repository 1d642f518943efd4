"""The training that teacher and student share: AdamW, warm-up and cosine, and the epoch chosen by AUC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

import wsbench

from ._images import normalised

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

    from ._settings import ClaritySettings, TeacherSettings

MONITOR = "select_auc"


class Module(lightning.LightningModule):
    """A network that is validated by its macro AUC on select (sections 3.12 and 3.14).

    Args:
        network: that is trained.
        settings: of the method.
    """

    def __init__(self, network: nn.Module, settings: TeacherSettings | ClaritySettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        self._seen: list[tuple[Tensor, Tensor]] = []

    def answer(self, images: Tensor) -> Tensor:
        """``(N, C)`` logits of the classifier for normalised images."""
        return self.network(images)  # type: ignore[no-any-return]  # torch: a module's call is Any

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        grey, labels = batch
        self._seen.append((self.answer(normalised(grey, self.settings)).float().cpu(), labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        logits, labels = (torch.cat(batches).numpy() for batches in zip(*self._seen, strict=True))
        self._seen.clear()
        self.log(MONITOR, wsbench.metrics.macro_auc(labels, logits))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        settings = self.settings
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        total = int(self.trainer.estimated_stepping_batches)
        rates = schedule(optimiser, total, total * settings.warmup // settings.epochs)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


def schedule(
    optimiser: torch.optim.Optimizer, steps: int, warmup: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Linear warm-up over the first steps, then a cosine to 0.

    It moves with every step: at a constant rate from the first step, random weights stay on a plateau.
    """
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=max(1, steps - warmup))
    if warmup == 0:
        return cosine
    rise = torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=1 / (warmup + 1), total_iters=warmup)
    return torch.optim.lr_scheduler.SequentialLR(optimiser, [rise, cosine], milestones=[warmup])
