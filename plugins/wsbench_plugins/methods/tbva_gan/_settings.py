"""Settings of the translations, published and quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

import wsbench

from ._recogniser_settings import QUICK_RECOGNISER, RecogniserSettings

Norm = Literal["sum", "mean"]
RED = 0.875
"""Where the colours of Fig. 3, jet, are red without green."""


class ChangemapSettings(wsbench.TrainingSettings):
    """What all translations share: sizes, schedule, what the generators put out, and the rule of the mask.

    The paper gives the rule of the mask. It builds on CycleGAN, whose published settings stand in for others.
    """

    image_size: int = Field(256, ge=32, multiple_of=4, description="side of the input; CycleGAN's, not given")
    filters: int = Field(
        64, ge=4, description="filters of the generators' first layer; CycleGAN's, not given"
    )
    residual_blocks: int = Field(
        9, ge=1, description="residual blocks of the generators; CycleGAN's at 256, not given"
    )
    discriminator_filters: int = Field(
        64, ge=4, description="filters of the discriminators' first layer; CycleGAN's, not given"
    )
    epochs: int = Field(200, ge=1, description="CycleGAN's, not given")
    decay: int = Field(100, ge=0, description="last epochs, in which the rate falls; CycleGAN's, not given")
    pairs: int | None = Field(
        None,
        ge=1,
        description="pairs of images an epoch; none: as many as the larger set has, as in CycleGAN",
    )
    batch_size: int = Field(1, ge=1, description="pairs a step; CycleGAN's, not given")
    learning_rate: float = Field(2e-4, gt=0, description="learning rate of Adam; CycleGAN's, not given")
    betas: tuple[float, float] = Field((0.5, 0.999), description="betas of Adam; CycleGAN's, not given")
    changemap: Literal["generated", "difference"] = Field(
        "generated",
        description="the changemap: put out by G_T2N (section 3.1), or what its normal image lacks",
    )
    tuberculosis: Literal["image", "added"] = Field(
        "image",
        description="G_N2T puts out the image (section 3.1), or what is added to it: not in the paper",
    )
    cam_region: float = Field(
        RED,
        ge=0,
        le=1,
        description="least Grad-CAM of the pixels in the histogram: the red area alone (section 4.4); 0.875 "
        "is where the usual colours, jet, are red without green, and no number is given",
    )
    bins: int = Field(
        8,
        ge=2,
        le=256,
        description="bins of the histogram (section 4.4); no number is given, and with 256 its peak is the "
        "faintest change",
    )
    peak_share: float = Field(
        0.97, gt=0, le=1, description="threshold, as a share of the histogram's peak (section 4.4)"
    )
    erosion: int = Field(2, ge=1, description="side of the kernel of the erosion, in pixels (section 4.5)")
    dilation: int = Field(5, ge=1, description="side of the kernel of the dilation, in pixels (section 4.5)")
    kernel_scale: int | None = Field(
        None,
        ge=1,
        description="side of the changemap that these kernels are for, and are scaled from; none: pixels of "
        "any changemap, because the paper does not say the size of its own",
    )
    smallest_component: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="components of the mask below this share of the image are dropped; not in the paper",
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        description="standard deviation of a Gaussian that smooths protocol uniform's heatmap, in pixels; "
        "not in the paper",
    )
    recogniser: RecogniserSettings = Field(
        RecogniserSettings(), description="settings of the recogniser, gradcam_vgg16"
    )


class TranslationSettings(ChangemapSettings):
    """Settings of sections 3 and 4: the two weights that the paper gives, and CycleGAN's where it gives
    none."""

    pool: int = Field(50, ge=0, description="generated images kept for discriminators; CycleGAN's, not given")
    adversarial: Literal["cross_entropy", "least_squares"] = Field(
        "cross_entropy",
        description="adversarial loss: cross entropy as in equation (2), or CycleGAN's least squares",
    )
    cycle_form: Literal["consistent", "as_printed"] = Field(
        "consistent",
        description="rec_N of equation (3): fake_T - G_T2N(fake_T), as section 3.1 has it, or G_T2N(fake_T)",
    )
    cycle_weight: float = Field(1.0, ge=0, description="weight of the cycle loss (equation 1)")
    identity_weight: float = Field(1.0, ge=0, description="weight of the identity loss (equation 1)")
    cls_weight: float = Field(
        1.5, ge=0, description="lambda 1: weight of the classification loss (section 4)"
    )
    cam_weight: float = Field(2.0, ge=0, description="lambda 2: weight of the CAM loss (section 4)")
    cycle_norm: Norm = Field(
        "mean",
        description="L1 norm of equation (3): the mean over pixels, which CycleGAN's program takes where its "
        "paper prints the same norm, or their sum, as printed",
    )
    identity_norm: Norm = Field("mean", description="L1 norm of equation (4), as cycle_norm")
    cam_norm: Norm = Field(
        "sum", description="squared L2 norm of equation (6): the sum over pixels, as printed, or their mean"
    )


class AntGanSettings(TranslationSettings):
    """ANT-GAN: a CycleGAN with its own losses. No recogniser and no CAM guide its training; both generators
    put out images, and the changemap is the difference. Its formulas were not at hand: adversarial loss and
    weights are those of CycleGAN, which it builds on."""

    changemap: Literal["generated", "difference"] = Field(
        "difference", description="the changemap: what the image lost"
    )
    adversarial: Literal["cross_entropy", "least_squares"] = Field(
        "least_squares", description="adversarial loss: CycleGAN's least squares, or cross entropy"
    )
    cycle_weight: float = Field(10.0, ge=0, description="weight of the cycle loss; CycleGAN's")
    identity_weight: float = Field(5.0, ge=0, description="weight of the identity loss; CycleGAN's")
    cls_weight: float = Field(0.0, ge=0, description="weight of the classification loss: none")
    cam_weight: float = Field(0.0, ge=0, description="weight of the CAM loss: none")


class MultiDomainSettings(ChangemapSettings):
    """Settings of a StarGAN (Choi and others, sections 3 and 5): one generator that is told the domain, one
    critic that also names it."""

    residual_blocks: int = Field(6, ge=1, description="residual blocks of the generator; StarGAN's")
    batch_size: int = Field(8, ge=1, description="pairs a step; StarGAN's 16 images")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of Adam; StarGAN's")
    critic_layers: int = Field(
        6, ge=2, description="halvings of the critic, as far as the image's side allows; StarGAN's"
    )
    critic_steps: int = Field(5, ge=1, description="steps of the critic for one of the generator; StarGAN's")
    penalty_weight: float = Field(10.0, ge=0, description="weight of the gradient penalty; StarGAN's")
    domain_weight: float = Field(1.0, ge=0, description="weight of the domain classification; StarGAN's")
    cycle_weight: float = Field(10.0, ge=0, description="weight of the cycle loss; StarGAN's")
    identity_weight: float = Field(
        0.0, ge=0, description="weight of the same-domain identity; a StarGAN has none"
    )


class MdvaGanSettings(MultiDomainSettings):
    """MDVA-GAN: a StarGAN whose generator puts out the changemap. Its formulas were not at hand; its abstract
    says that one model is given an image and a domain's label, and puts out the map."""


class FixedPointGanSettings(MultiDomainSettings):
    """Fixed-Point GAN (Siddiquee and others): a StarGAN that must also leave an image as it is when it is
    asked for the domain that the image is of."""

    changemap: Literal["generated", "difference"] = Field(
        "difference", description="the changemap: what the image lost"
    )
    identity_weight: float = Field(
        10.0, ge=0, description="weight of the same-domain identity; its program's, for CelebA"
    )


QUICK: Mapping[str, Any] = {
    "image_size": 128,
    "filters": 16,
    "residual_blocks": 3,
    "discriminator_filters": 16,
    "epochs": 10,
    "decay": 5,
    "pairs": 200,
    "batch_size": 4,
    "learning_rate": 5e-4,
    "tuberculosis": "added",
    "changemap": "generated",
    "bins": 8,
    "smallest_component": 0.003,
    "smoothing": 2.0,
    "precision": "auto",
    "channels_last": True,
    "recogniser": {**QUICK_RECOGNISER, "image_size": 64, "epochs": 20, "patience": 20},
}
"""The translations, small enough to learn on two CPU cores. Generators put out changes, not images, because
drawing a radiograph takes longer to learn than changing one. The recogniser sees fewer pixels than it does on
its own: at full size the generators soon fool it with patterns too fine to be seen. The smallest boxes of the
phantom's lesions are about 0.013 of the image, so components below 0.003 are noise."""

QUICK_GUIDED: Mapping[str, Any] = {**QUICK, "cycle_weight": 5.0, "identity_weight": 30.0, "cam_norm": "mean"}
"""TBVA-GAN, which must leave a healthy image as it is. The paper's weights, lambda 1 and 2, are kept. As a
sum, the CAM loss pulls harder than all others together, and within so few steps images made normal stay
tuberculous."""

QUICK_ANT: Mapping[str, Any] = {**QUICK, "pairs": 600}
"""1,500 steps: unguided, a discriminator must learn what tuberculosis is before a change pays."""

QUICK_STAR: Mapping[str, Any] = {**QUICK_ANT, "critic_layers": 5}
"""StarGANs: 1,500 steps of the critic, 300 of the generator."""
