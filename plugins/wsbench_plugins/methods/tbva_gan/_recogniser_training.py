"""Training of the recogniser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import wsbench

from ._images import augmentation, balanced, parted
from ._prediction import images_at_once, score, seen
from ._recogniser import Recogniser

if TYPE_CHECKING:
    from ._recogniser_settings import RecogniserSettings


HELD_OUT = "held_out.json"
"""Written where images are held out: how many, and what a test of them said."""
_MODES: dict[str, Literal["min", "max"]] = {"select_loss": "min", "select_auc": "max"}


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
    """Train on healthy and active images of the fit role, keeping the epoch that select chooses. The
    images that are held out are tested with it, and what came out is left beside the history."""
    size = settings.image_size
    seed = run.seed_for("healthy images")
    learnt, test = parted(balanced(fit, seed, settings.active), settings.held_out, run.seed_for("held out"))
    images = wsbench.torch.WeakImages(
        learnt, size, size, augmentation(settings), run.seed_for("augmentation")
    )
    held_out = wsbench.torch.WeakImages(balanced(select, seed, settings.active), size, size, nn.Identity())
    wsbench.torch.train(
        RecogniserTraining(network, settings),
        wsbench.torch.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.torch.keyed_loader(held_out, settings),
        run,
        settings,
        monitor=settings.monitor,
        mode=_MODES[settings.monitor],
    )
    if settings.held_out:
        network.load_state_dict(wsbench.torch.network_weights(wsbench.torch.best_weights(run)))
        _write(run, {"images": len(test), **tested(network, test, run)})


def tested(network: Recogniser, test: wsbench.WeakView, run: wsbench.RunContext) -> dict[str, float]:
    """Accuracy and recall at F = 0.5 (section 4.2), and AUC, of images that nothing was learnt from."""
    network.eval().to(wsbench.torch.torch_device(run.device))
    chunks = test.chunks(images_at_once(network.size, network.filters))
    scores = np.concatenate([score(network, seen(network, chunk)) for chunk in chunks])
    told, active = scores[:, 0] > 0.5, test.labels[:, 0] == 1
    return {
        "accuracy": float((told == active).mean()),
        "recall": float(told[active].mean()),
        "auc": wsbench.metrics.macro_auc(test.labels, scores),
    }


def measured(run: wsbench.RunContext, settings: RecogniserSettings) -> dict[str, float]:
    """What a test of the recogniser said: of the images held out, or else of select at the epoch that was
    chosen. Names begin with ``held_out_`` or ``select_``."""
    path = run.folder / HELD_OUT
    if path.exists():
        values: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return {f"held_out_{name}": value for name, value in values.items()}
    import pandas as pd

    history = pd.read_csv(run.folder / wsbench.torch.HISTORY)
    column = history[settings.monitor]
    best = history.loc[column.idxmin() if _MODES[settings.monitor] == "min" else column.idxmax()]
    return {name: float(best[name]) for name in ("select_accuracy", "select_recall")}


def _write(run: wsbench.RunContext, values: dict[str, float]) -> None:
    unfinished = run.folder / f"{HELD_OUT}.part"
    unfinished.write_text(json.dumps(values), encoding="utf-8")
    unfinished.replace(run.folder / HELD_OUT)
