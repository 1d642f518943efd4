"""Training of the recogniser, and of both translations against their discriminators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn
from torch.nn import functional

import wsbench

from . import _losses
from ._images import Pairs, augmentation, balanced, magnitude, unscaled
from ._networks import discriminator
from ._pool import Pool
from ._recogniser import Recogniser
from ._translation import Translated, Translator

if TYPE_CHECKING:
    from ._settings import RecogniserSettings, TranslationSettings


class RecogniserTraining(lightning.LightningModule):
    """Binary cross entropy on image labels (section 4.2)."""

    def __init__(self, network: Recogniser, settings: RecogniserSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        return self._logged(batch, "fit_loss")

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        self._logged(batch, "select_loss")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.settings
        return torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def _logged(self, batch: tuple[Tensor, Tensor], name: str) -> Tensor:
        grey, labels = batch
        logits = self.network(grey.float() / 255)
        loss = functional.binary_cross_entropy_with_logits(logits, labels[:, 0].float())
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(grey))
        return loss


class Translation(lightning.LightningModule):
    """Equation (1), a step of the generators and one of the discriminators in turn.

    Args:
        network: both generators.
        recogniser: F, which is not trained.
        settings: weights and rates.
    """

    def __init__(self, network: Translator, recogniser: Recogniser, settings: TranslationSettings) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.settings = settings
        self.discriminators = nn.ModuleDict(
            {domain: discriminator(settings.discriminator_filters) for domain in ("n", "t")}
        )
        shape = (1, settings.image_size, settings.image_size)
        self.pools = nn.ModuleDict({domain: Pool(settings.pool, shape) for domain in ("n", "t")})
        # In a tuple it is no submodule: neither trained, nor saved, nor switched to training mode.
        self._frozen = (recogniser.eval().requires_grad_(False),)
        self.adversarial_loss = _losses.ADVERSARIAL[settings.adversarial]

    def on_fit_start(self) -> None:
        self._frozen[0].to(self.device)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        generators, judges = self.optimizers()  # type: ignore[attr-defined]  # two are made below
        self.discriminators.requires_grad_(False)
        made = self.network(*batch)
        parts = self.generator_losses(made)
        total = torch.stack(list(parts.values())).sum()
        generators.zero_grad()
        self.manual_backward(total)
        generators.step()

        self.discriminators.requires_grad_(True)
        judged = self.discriminator_loss(made)
        judges.zero_grad()
        self.manual_backward(judged)
        judges.step()

        values = {"fit_loss": total, "discriminators": judged, **parts}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return total.detach()

    def on_train_epoch_end(self) -> None:
        for schedule in self.lr_schedulers():  # type: ignore[union-attr]  # two are made below
            schedule.step()

    def generator_losses(self, made: Translated) -> dict[str, Tensor]:
        """The weighted parts of equation (1), float32."""
        settings, judges = self.settings, self.discriminators
        parts = {
            "gan": self.adversarial_loss(judges["n"](made.fake_n).float(), True)
            + self.adversarial_loss(judges["t"](made.fake_t).float(), True),
            "cycle": _losses.cycle(
                made.printed_n if settings.cycle_form == "as_printed" else made.rec_n,
                made.real_n,
                made.rec_t,
                made.real_t,
            ).float()
            * settings.cycle_weight,
            "identity": _losses.identity(made.same_t, made.real_t, made.change_n).float()
            * settings.identity_weight,
        }
        if settings.cls_weight:
            recogniser = self._frozen[0]
            logits = [recogniser(unscaled(images.float())).float() for images in (made.fake_n, made.fake_t)]
            parts["cls"] = settings.cls_weight * _losses.classification(*logits)
        if settings.cam_weight:
            parts["cam"] = settings.cam_weight * (
                _losses.cam(made.change_t.float(), self._attention(made.real_t))
                + _losses.cam(made.change_fake.float(), self._attention(made.fake_t))
            )
        return parts

    def discriminator_loss(self, made: Translated) -> Tensor:
        """Equation (2) of both discriminators, with older generated images among the new ones."""
        pairs = (("n", made.real_n, made.fake_n), ("t", made.real_t, made.fake_t))
        terms = []
        for domain, real, fake in pairs:
            judge = self.discriminators[domain]
            terms.append(self.adversarial_loss(judge(real).float(), True))
            terms.append(self.adversarial_loss(judge(self.pools[domain](fake)).float(), False))
        return torch.stack(terms).sum()

    def _attention(self, images: Tensor) -> Tensor:
        return self._frozen[0].attention(unscaled(images.detach().float()))

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        real_t, real_n = batch
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
            self._frozen[0](unscaled(images.float())).float().sigmoid().mean()
        )

    def configure_optimizers(self) -> tuple[list[torch.optim.Adam], list[torch.optim.lr_scheduler.LambdaLR]]:
        settings = self.settings
        optimisers = [
            torch.optim.Adam(module.parameters(), lr=settings.learning_rate, betas=settings.betas)
            for module in (self.network, self.discriminators)
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


def fit_translation(
    module: Translation, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext
) -> None:
    """Train to the last epoch; on select, what translation does is measured."""
    settings = module.settings
    size, seed = settings.image_size, run.seed_for("pairs")
    wsbench.torch.train(
        module,
        wsbench.torch.keyed_loader(Pairs(fit, size, seed, settings.pairs), settings),
        wsbench.torch.keyed_loader(Pairs(select, size, seed), settings),
        run,
        settings,
        monitor=None,
    )
