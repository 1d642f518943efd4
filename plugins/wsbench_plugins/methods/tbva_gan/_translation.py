"""The two translations, normal to tuberculous and back, and the changemap between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ._networks import generator

if TYPE_CHECKING:
    from ._settings import ChangemapSettings

NORMAL, TUBERCULOUS = 0.0, 1.0
"""Values of the label channel: what an image is to become."""


@dataclass(frozen=True)
class Translated:
    """The images that both directions make of one batch; every tensor is ``(N, 1, H, W)``.

    Attributes:
        real_t, real_n: the tuberculous and the normal images, in [-1, 1].
        change_t, fake_n: the changemap of ``real_t``, and what it leaves.
        fake_t: ``G_N2T(real_N)``.
        change_fake, rec_n: the changemap of ``fake_t``, and what it leaves.
        rec_t: ``G_N2T(fake_N)``.
        same_t: ``G_N2T(real_T)``.
        change_n: the changemap of ``real_n``.
        printed_n: what equation (3) as printed compares with ``real_n``: ``G_T2N``'s own output.
    """

    real_t: Tensor
    real_n: Tensor
    change_t: Tensor
    fake_n: Tensor
    fake_t: Tensor
    change_fake: Tensor
    rec_n: Tensor
    rec_t: Tensor
    same_t: Tensor
    change_n: Tensor
    printed_n: Tensor


class Translator(nn.Module):
    """G_T2N and G_N2T.

    Args:
        settings: sizes, and what the generators put out.
        shared: one generator is both, and reads from a channel what an image is to become.
    """

    def __init__(self, settings: ChangemapSettings, *, shared: bool = False) -> None:
        super().__init__()
        sizes = (2 if shared else 1, settings.filters, settings.residual_blocks)
        self.t2n = generator(*sizes)
        self.n2t = self.t2n if shared else generator(*sizes)
        self.labelled = shared
        self.subtracts = settings.changemap == "generated"
        self.adds = settings.tuberculosis == "added"

    def to_normal(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, 1, H, W)`` in [-1, 1] -> its changemap, and the image without it (section 3.1)."""
        output = self.t2n(self._with_label(images, NORMAL))
        return (output, images - output) if self.subtracts else (images - output, output)

    def to_tuberculous(self, images: Tensor) -> Tensor:
        """``(N, 1, H, W)`` in [-1, 1] -> the image with tuberculosis."""
        output: Tensor = self.n2t(self._with_label(images, TUBERCULOUS))
        return images + output if self.adds else output

    def forward(self, real_t: Tensor, real_n: Tensor) -> Translated:
        """All that the losses look at."""
        change_t, fake_n = self.to_normal(real_t)
        fake_t = self.to_tuberculous(real_n)
        change_fake, rec_n = self.to_normal(fake_t)
        change_n, _ = self.to_normal(real_n)
        return Translated(
            real_t,
            real_n,
            change_t,
            fake_n,
            fake_t,
            change_fake,
            rec_n,
            rec_t=self.to_tuberculous(fake_n),
            same_t=self.to_tuberculous(real_t),
            change_n=change_n,
            printed_n=change_fake if self.subtracts else rec_n,
        )

    def _with_label(self, images: Tensor, label: float) -> Tensor:
        return torch.cat([images, torch.full_like(images, label)], dim=1) if self.labelled else images
