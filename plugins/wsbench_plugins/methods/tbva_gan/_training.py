"""Training of both translations against their discriminators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

import wsbench

from . import _losses
from ._images import Pairs, unscaled
from ._measuring import Measured, optimisers_of
from ._networks import discriminator
from ._pool import Pool
from ._recogniser import Recogniser
from ._translation import Translated, Translator

if TYPE_CHECKING:
    from ._settings import TranslationSettings


class Translation(Measured):
    """Equation (1), a step of the generators and one of the discriminators in turn.

    Args:
        network: both generators.
        recogniser: F, which is not trained.
        settings: weights and rates.
    """

    settings: TranslationSettings

    def __init__(self, network: Translator, recogniser: Recogniser, settings: TranslationSettings) -> None:
        super().__init__(network, recogniser)
        self.settings = settings
        self.discriminators = nn.ModuleDict(
            {domain: discriminator(settings.discriminator_filters) for domain in ("n", "t")}
        )
        shape = (1, settings.image_size, settings.image_size)
        self.pools = nn.ModuleDict({domain: Pool(settings.pool, shape) for domain in ("n", "t")})
        self.adversarial_loss = _losses.ADVERSARIAL[settings.adversarial]

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        generators, judges = self.optimizers()  # type: ignore[attr-defined]  # two are made below
        self.discriminators.requires_grad_(False)
        made = self.network(*batch)
        parts = self.generator_losses(made)
        total = torch.stack(list(parts.values())).sum()
        if index == 0:
            self.log_gradients(parts)
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
                settings.cycle_norm,
            ).float()
            * settings.cycle_weight,
            "identity": _losses.identity(
                made.same_t, made.real_t, made.change_n, settings.identity_norm
            ).float()
            * settings.identity_weight,
        }
        if settings.cls_weight:
            recogniser = self.recogniser
            logits = [recogniser(unscaled(images.float())).float() for images in (made.fake_n, made.fake_t)]
            parts["cls"] = settings.cls_weight * _losses.classification(*logits)
        if settings.cam_weight:
            parts["cam"] = settings.cam_weight * (
                _losses.cam(made.change_t.float(), self._attention(made.real_t), settings.cam_norm)
                + _losses.cam(made.change_fake.float(), self._attention(made.fake_t), settings.cam_norm)
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
        return self.recogniser.attention(unscaled(images.detach().float()))

    def judged(self, images: Tensor) -> dict[str, Tensor]:
        """Means over patches of D_T's answers, and of D_N's with the sign turned."""
        answers = {name: judge(images).flatten(1).mean(dim=1) for name, judge in self.discriminators.items()}
        return {"t": answers["t"], "n": -answers["n"]}

    def configure_optimizers(self) -> tuple[list[torch.optim.Adam], list[torch.optim.lr_scheduler.LambdaLR]]:
        return optimisers_of(self.settings, self.network, self.discriminators)


def fit_translation(
    module: Measured, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext
) -> None:
    """Train to the last epoch; on select, what translation does is measured."""
    settings = module.settings
    size, seed, active = settings.image_size, run.seed_for("pairs"), settings.recogniser.active
    wsbench.torch.train(
        module,
        wsbench.torch.keyed_loader(Pairs(fit, size, seed, settings.pairs, active), settings),
        wsbench.torch.keyed_loader(Pairs(select, size, seed, active=active), settings),
        run,
        settings,
        monitor=None,
    )
