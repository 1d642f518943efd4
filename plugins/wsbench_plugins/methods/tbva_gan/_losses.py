"""The five losses of TBVA-GAN (section 3), each of tensors of one batch.

The paper prints norms. Under ``sum`` one is what is printed, a sum over an image's pixels; under ``mean`` it
is their mean, as CycleGAN's program has it. Over images it is always the mean, the formulas' expectation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Norm = Literal["sum", "mean"]


def over_pixels(mean: Tensor, images: Tensor, norm: Norm) -> Tensor:
    """The mean over all values of a batch -> what a norm says.

    Args:
        mean: scalar, over images and pixels.
        images: ``(N, 1, H, W)``, any of the batch.
        norm: ``sum`` over an image's pixels, or their ``mean``.
    """
    return mean * images[0].numel() if norm == "sum" else mean


def cross_entropy(answers: Tensor, real: bool) -> Tensor:
    """A term of equation (2), with the sign that is minimised: ``-ln D`` of what should pass for real, and
    ``-ln(1 - D)`` of what should not.

    Args:
        answers: ``(N, 1, h, w)`` logits of a discriminator.
        real: what they should say.
    """
    return functional.binary_cross_entropy_with_logits(answers, torch.full_like(answers, float(real)))


def least_squares(answers: Tensor, real: bool) -> Tensor:
    """The squared distance of answers from 1 or 0, which CycleGAN has in place of `cross_entropy`."""
    return functional.mse_loss(answers, torch.full_like(answers, float(real)))


ADVERSARIAL: Mapping[str, Callable[[Tensor, bool], Tensor]] = {
    "cross_entropy": cross_entropy,
    "least_squares": least_squares,
}


def cycle(rec_n: Tensor, real_n: Tensor, rec_t: Tensor, real_t: Tensor, norm: Norm = "mean") -> Tensor:
    """Equation (3): images come back as they were.

    Args:
        rec_n, real_n: ``(N, 1, H, W)``, a normal image and what its tuberculous form came back as.
        rec_t, real_t: the same of a tuberculous image.
        norm: ``sum`` or ``mean`` over an image's pixels.
    """
    distance = functional.l1_loss(rec_n, real_n) + functional.l1_loss(rec_t, real_t)
    return over_pixels(distance, real_n, norm)


def identity(same_t: Tensor, real_t: Tensor, change_n: Tensor, norm: Norm = "mean") -> Tensor:
    """Equation (4): a tuberculous image is left as it is by G_N2T, and a normal one has no changemap.

    Args:
        same_t, real_t: ``(N, 1, H, W)``, ``G_N2T(real_T)`` and ``real_T``.
        change_n: ``(N, 1, H, W)`` changemap of a normal image.
        norm: ``sum`` or ``mean`` over an image's pixels.
    """
    return over_pixels(functional.l1_loss(same_t, real_t) + change_n.abs().mean(), real_t, norm)


def classification(fake_n: Tensor, fake_t: Tensor) -> Tensor:
    """Equation (5), with the sign that is minimised: ``-ln(1 - F(fake_N)) - ln F(fake_T)``.

    Args:
        fake_n, fake_t: ``(N,)`` logits of the recogniser.
    """
    return functional.softplus(fake_n).mean() + functional.softplus(-fake_t).mean()


def cam(change: Tensor, attention: Tensor, norm: Norm = "mean") -> Tensor:
    """A term of equation (6): the squared changemap where Grad-CAM does not look.

    Args:
        change: ``(N, 1, H, W)`` changemap.
        attention: ``(N, 1, H, W)`` in [0, 1], ``M_CAM``.
        norm: ``sum`` of the squares of an image's pixels, or their ``mean``.
    """
    return over_pixels(((1 - attention) * change).square().mean(), change, norm)
