"""StarGANs of TBVA-GAN's Table 1: the critic, its penalty by hand, and which network learns from what."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from wsbench import testing
from wsbench.contract.base import RunContext
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import tbva_gan
from wsbench_plugins.methods.tbva_gan import _critic, _multi_domain, _recogniser, _translation

VGG = {"image_size": 32, "filters": 4, "blocks": 3, "hidden": 0, "weights": "random", "epochs": 1}
TINY = {"image_size": 32, "filters": 4, "residual_blocks": 1, "discriminator_filters": 4, "epochs": 1,
        "decay": 0, "batch_size": 4, "recogniser": VGG}  # fmt: skip


def module(kind: type[tbva_gan.MultiDomainSettings], **values: object) -> _multi_domain.MultiDomain:
    settings = kind(**{**TINY, **values})
    network = _translation.Translator(settings, shared=True)
    recogniser = _recogniser.build(settings.recogniser, seed=1).eval()
    return _multi_domain.MultiDomain(network, recogniser, settings)


def test_the_penalty_by_hand() -> None:
    """A critic of slope (3, 4) has a gradient of length 5 everywhere, one of slope (0.6, 0.8) of length 1."""
    real, fake = torch.rand(2, 3, 1, 1, 2)
    shares = torch.rand(3, 1, 1, 1)

    def critic(*slope: float):
        return lambda images: (images * torch.tensor(slope)).sum(dim=(1, 2, 3))

    assert _critic.gradient_penalty(critic(3, 4), real, fake, shares).item() == pytest.approx(16)
    assert _critic.gradient_penalty(critic(0.6, 0.8), real, fake, shares).item() == pytest.approx(0, abs=1e-6)


def test_the_penalty_is_taken_between_the_images() -> None:
    """Of x squared the slope is 2 x: at a quarter of the way from 0 to 4, where x is 1, it is 2."""
    real, fake = torch.full((1, 1, 1, 1), 4.0), torch.zeros(1, 1, 1, 1)
    found = _critic.gradient_penalty(
        lambda images: images.square().flatten(), real, fake, torch.full((1, 1, 1, 1), 0.25)
    )
    assert found.item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("side", "layers", "convolutions"), [(128, 6, 6), (256, 6, 6), (36, 6, 4), (32, 2, 2)]
)
def test_the_critic_halves_as_long_as_it_can(side: int, layers: int, convolutions: int) -> None:
    critic = _critic.Critic(2, layers, side)
    assert len(critic.features) == 2 * convolutions
    realness, domain = critic(torch.rand(3, 1, side, side))
    assert realness.shape == domain.shape == (3,)


def test_only_a_fixed_point_gan_asks_for_the_domain_that_an_image_is_of() -> None:
    real_t, real_n = torch.rand(2, 2, 1, 32, 32) * 2 - 1
    star, fixed = module(tbva_gan.MdvaGanSettings), module(tbva_gan.FixedPointGanSettings)
    assert set(star.generator_losses(real_t, real_n)) == {"gan", "domain", "cycle"}
    parts = fixed.generator_losses(real_t, real_n)
    assert set(parts) == {"gan", "domain", "cycle", "identity"}
    same = torch.cat([fixed.network.to_tuberculous(real_t) - real_t, fixed.network.to_normal(real_n)[0]])
    assert parts["identity"].item() == pytest.approx(10 * same.abs().mean().item(), rel=1e-4)


def test_each_network_learns_from_its_own_losses() -> None:
    made = module(tbva_gan.MdvaGanSettings)
    batch = torch.rand(2, 2, 1, 32, 32) * 2 - 1
    losses = made.critic_losses(*batch)
    sum(losses.values()).backward()
    assert all(parameter.grad is None for parameter in made.network.parameters())
    assert all(parameter.grad is not None for parameter in made.critic.parameters())
    made.critic.zero_grad()
    made.critic.requires_grad_(False)
    sum(made.generator_losses(*batch).values()).backward()
    assert all(parameter.grad is not None for parameter in made.network.parameters())
    assert all(parameter.grad is None for parameter in made.critic.parameters())


def test_the_critic_steps_more_often_and_what_it_knows_is_a_sign(tmp_path: Path) -> None:
    """Two epochs of two steps, of which the first is the generator's, too: what is told of it is of that."""
    loaded = testing.toy()
    upstream = tbva_gan.Vgg16(tbva_gan.RecogniserSettings(**VGG), ("spot",))
    settings = tbva_gan.FixedPointGanSettings(**{**TINY, "epochs": 2, "pairs": 8})
    upstream.network = _recogniser.build(settings.recogniser, seed=1).eval()
    method = tbva_gan.MultiDomainTranslating(settings, ("spot",))
    run = RunContext(
        "toy", "fixed_point_gan", 0, tmp_path, "cpu", Silent(), upstream={"recogniser": upstream}
    )
    method.fit(*(loaded.views.weak(loaded.roles.members[role]) for role in ("fit", "select")), run)
    method.restore(run)
    history = pd.read_csv(tmp_path / "history.csv")
    parts = ["gan", "domain", "cycle", "identity"]
    assert history["fit_loss"].to_numpy() == pytest.approx(history[parts].sum(axis=1).to_numpy(), rel=1e-4)
    assert history[[f"gradient_{name}" for name in parts]].gt(0).all().all()
    assert history["penalty"].gt(0).all()
    signs = {sign.name: sign for sign in method.learning(run)}
    assert signs["discriminator_auc"].at_least == 0.85
    assert 0 <= signs["discriminator_auc"].value <= 1
    assert signs["score_made_normal"].value == pytest.approx(history["score_made_normal"].iloc[-1])
    assert method.network.t2n is method.network.n2t
