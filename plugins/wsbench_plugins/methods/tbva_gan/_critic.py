"""StarGAN's critic: one network that tells real images from made ones, and names their domain.

Choi, Choi, Kim, Ha, Kim, Choo: StarGAN: Unified generative adversarial networks for multi-domain
image-to-image translation, appendix 7.2. The Wasserstein loss with its penalty is that of Gulrajani and
others.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

SLOPE = 0.01
"""Of the leaky rectifiers; StarGAN's."""


class Critic(nn.Module):
    """Convolutions that halve the side, and two heads.

    Args:
        filters: of the first convolution; every further one has twice as many.
        layers: halvings, as long as 2 pixels a side are left.
        side: of the images.
    """

    def __init__(self, filters: int, layers: int, side: int) -> None:
        super().__init__()
        convolutions: list[nn.Module] = []
        channels, out = 1, filters
        while layers and side >= 4:
            convolutions += [nn.Conv2d(channels, out, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
            channels, out, side, layers = out, 2 * out, side // 2, layers - 1
        self.features = nn.Sequential(*convolutions)
        self.realness = nn.Conv2d(channels, 1, 3, padding=1, bias=False)
        self.domain = nn.Conv2d(channels, 1, side, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, 1, side, side)`` -> ``(N,)`` realness, any number, and ``(N,)`` logits of tuberculosis."""
        features = self.features(images)
        return self.realness(features).flatten(1).mean(dim=1), self.domain(features).flatten()


def gradient_penalty(
    realness: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, shares: Tensor
) -> Tensor:
    """How far the critic's slope is from 1 between real and made images (Gulrajani, equation 3).

    Args:
        realness: ``(N, 1, H, W)`` -> ``(N,)``.
        real, fake: ``(N, 1, H, W)``.
        shares: ``(N, 1, 1, 1)`` in [0, 1], of the real image in each mixture.
    """
    mixed = (shares * real + (1 - shares) * fake).detach().requires_grad_(True)
    (slopes,) = torch.autograd.grad(realness(mixed).sum(), mixed, create_graph=True)
    excess: Tensor = slopes.flatten(1).norm(dim=1) - 1
    return excess.square().mean()
