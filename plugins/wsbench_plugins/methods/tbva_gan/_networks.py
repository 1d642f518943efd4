"""CycleGAN's networks: the residual generator and the 70 x 70 PatchGAN discriminator.

Zhu, Park, Isola, Efros: Unpaired image-to-image translation using cycle-consistent adversarial networks,
appendix 7.2. TBVA-GAN builds on them; its paper gives no sizes.
"""

from __future__ import annotations

from torch import Tensor, nn

DEVIATION = 0.02
"""Standard deviation of first weights (CycleGAN, section 4)."""


class Residual(nn.Module):
    """Two 3 x 3 convolutions with a shortcut.

    Args:
        channels: K.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_same(channels), nn.ReLU(inplace=True), *_same(channels))

    def forward(self, features: Tensor) -> Tensor:
        """``(N, K, h, w)`` -> the same."""
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            features + self.layers(features)
        )


def generator(inputs: int, filters: int, blocks: int) -> nn.Sequential:
    """``(N, inputs, H, W)`` -> ``(N, 1, H, W)`` in (-1, 1); H and W are multiples of 4.

    Args:
        inputs: channels.
        filters: of the first convolution; 64 in CycleGAN.
        blocks: residual ones; 9 at 256 pixels in CycleGAN.
    """
    wide, widest = 2 * filters, 4 * filters
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, filters, 7), *_normed(filters)]
    for channels, out in ((filters, wide), (wide, widest)):
        layers += [nn.Conv2d(channels, out, 3, stride=2, padding=1), *_normed(out)]
    layers += [Residual(widest) for _ in range(blocks)]
    for channels, out in ((widest, wide), (wide, filters)):
        up = nn.ConvTranspose2d(channels, out, 3, stride=2, padding=1, output_padding=1)
        layers += [up, *_normed(out)]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(filters, 1, 7), nn.Tanh()]
    return nn.Sequential(*layers).apply(_start)


def discriminator(filters: int) -> nn.Sequential:
    """``(N, 1, H, W)`` -> ``(N, 1, h, w)`` logits, one for every patch of 70 x 70 pixels.

    Args:
        filters: of the first convolution; 64 in CycleGAN.
    """
    layers: list[nn.Module] = [nn.Conv2d(1, filters, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
    for times, stride in ((1, 2), (2, 2), (4, 1)):
        channels, out = times * filters, 2 * times * filters
        layers += [
            nn.Conv2d(channels, out, 4, stride=stride, padding=1),
            nn.InstanceNorm2d(out),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    layers.append(nn.Conv2d(8 * filters, 1, 4, padding=1))
    return nn.Sequential(*layers).apply(_start)


def _same(channels: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]


def _normed(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]


def _start(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, std=DEVIATION)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
