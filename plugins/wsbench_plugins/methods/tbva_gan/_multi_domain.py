"""Training of StarGANs: one generator that is told the domain, and a critic that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from ._critic import Critic, gradient_penalty
from ._measuring import Measured, optimisers_of
from ._recogniser import Recogniser
from ._translation import Translator

if TYPE_CHECKING:
    from ._settings import MultiDomainSettings


class MultiDomain(Measured):
    """Several steps of the critic for one of the generator, by the Wasserstein loss with a gradient penalty.

    With an ``identity_weight`` it is a Fixed-Point GAN: images are also translated to the domain that they
    are of, and these must deceive the critic, be of that domain, come back, and be the image itself.

    Args:
        network: the generator.
        recogniser: F, which measures and teaches nothing.
        settings: weights and rates.
    """

    settings: MultiDomainSettings

    def __init__(self, network: Translator, recogniser: Recogniser, settings: MultiDomainSettings) -> None:
        super().__init__(network, recogniser)
        self.settings = settings
        self.critic = Critic(settings.discriminator_filters, settings.critic_layers, settings.image_size)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        generator, critic = self.optimizers()  # type: ignore[attr-defined]  # two are made below
        values = self.critic_losses(*batch)
        judged = torch.stack(list(values.values())).sum()
        critic.zero_grad()
        self.manual_backward(judged)
        critic.step()
        values["critic"] = judged
        # An epoch's first step is always one of the generator's, so that short epochs have one, too.
        if index % self.settings.critic_steps == 0:
            self.critic.requires_grad_(False)
            parts = self.generator_losses(*batch)
            total = torch.stack(list(parts.values())).sum()
            if index == 0:
                self.log_gradients(parts)
            generator.zero_grad()
            self.manual_backward(total)
            generator.step()
            self.critic.requires_grad_(True)
            values |= {"fit_loss": total, **parts}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return judged.detach()

    def critic_losses(self, real_t: Tensor, real_n: Tensor) -> dict[str, Tensor]:
        """The weighted parts of the critic's loss, float32."""
        settings = self.settings
        real = torch.cat([real_t, real_n])
        with torch.no_grad():
            made = [self.network.to_normal(real_t)[1], self.network.to_tuberculous(real_n)]
            if settings.identity_weight:
                made += [self.network.to_tuberculous(real_t), self.network.to_normal(real_n)[1]]
            fake = torch.cat(made).float()
        realness, domain = (answers.float() for answers in self.critic(real))
        labels = torch.cat([torch.ones_like(domain[: len(real_t)]), torch.zeros_like(domain[len(real_t) :])])
        pairs = real.repeat(len(fake) // len(real), 1, 1, 1)
        shares = torch.rand(len(fake), 1, 1, 1, device=fake.device)
        with torch.autocast(self.device.type, enabled=False):
            penalty = gradient_penalty(lambda images: self.critic(images)[0], pairs.float(), fake, shares)
        return {
            "wasserstein": self.critic(fake)[0].float().mean() - realness.mean(),
            "penalty": settings.penalty_weight * penalty,
            "domain_real": settings.domain_weight
            * functional.binary_cross_entropy_with_logits(domain, labels),
        }

    def generator_losses(self, real_t: Tensor, real_n: Tensor) -> dict[str, Tensor]:
        """The weighted parts of the generator's loss, float32."""
        network, settings = self.network, self.settings
        fake_n, fake_t = network.to_normal(real_t)[1], network.to_tuberculous(real_n)
        made, wanted = [fake_n, fake_t], [0.0, 1.0]
        back = [(network.to_tuberculous(fake_n), real_t), (network.to_normal(fake_t)[1], real_n)]
        parts = {}
        if settings.identity_weight:
            same_t, same_n = network.to_tuberculous(real_t), network.to_normal(real_n)[1]
            made, wanted = [*made, same_t, same_n], [*wanted, 1.0, 0.0]
            back += [(network.to_tuberculous(same_t), real_t), (network.to_normal(same_n)[1], real_n)]
            kept = functional.l1_loss(torch.cat([same_t, same_n]).float(), torch.cat([real_t, real_n]))
            parts["identity"] = settings.identity_weight * kept
        realness, domain = (answers.float() for answers in self.critic(torch.cat(made)))
        labels = torch.tensor(wanted, device=domain.device).repeat_interleave(len(real_t))
        came, went = (torch.cat(images).float() for images in zip(*back, strict=True))
        return {
            "gan": -realness.mean(),
            "domain": settings.domain_weight * functional.binary_cross_entropy_with_logits(domain, labels),
            "cycle": settings.cycle_weight * functional.l1_loss(came, went),
            **parts,
        }

    def judged(self, images: Tensor) -> dict[str, Tensor]:
        """The critic's logits of tuberculosis."""
        return {"domain": self.critic(images)[1]}

    def configure_optimizers(self) -> tuple[list[torch.optim.Adam], list[torch.optim.lr_scheduler.LambdaLR]]:
        return optimisers_of(self.settings, self.network, self.critic)
