"""Settings of the recogniser and of the translations, published and quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

import wsbench


class RecogniserSettings(wsbench.TrainingSettings):
    """Settings of section 4.2; what the paper leaves open says so. Its split of 70 % and 30 % is replaced by
    the roles of the dataset."""

    weights: str = Field(
        "IMAGENET1K_V1",
        description="weights to start from: torchvision's name of VGG16's weights, `random`, or a local "
        "state-dict file; the paper says pre-trained, not on what",
    )
    image_size: int = Field(224, ge=32, description="side of the input (section 4.2)")
    augment: bool = Field(
        True, description="flips and turns by multiples of 45 degrees, black outside (section 4.2)"
    )
    filters: int = Field(
        64, ge=4, description="filters of VGG16's first block; other numbers are not in the paper"
    )
    blocks: int = Field(
        5, ge=1, le=5, description="blocks of VGG16 that are kept; fewer are not in the paper"
    )
    hidden: int = Field(
        4096, ge=0, description="units of VGG16's classifier; 0: pooled features, not in the paper"
    )
    batch_norm: bool = Field(False, description="batch normalisation after convolutions; not in the paper")
    mean: tuple[float, float, float] = Field(
        (0.485, 0.456, 0.406), description="mean of the pretraining's normalisation; the paper does not say"
    )
    standard_deviation: tuple[float, float, float] = Field(
        (0.229, 0.224, 0.225),
        description="standard deviation of the pretraining's normalisation; the paper does not say",
    )
    epochs: int = Field(30, ge=1, description="most epochs; the paper does not say")
    patience: int = Field(5, ge=1, description="epochs without a lower select loss; the paper does not say")
    batch_size: int = Field(32, ge=1, description="images a step; the paper does not say")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of Adam; the paper does not say")
    cam_threshold: float = Field(
        0.5,
        gt=0,
        le=1,
        description="threshold of Grad-CAM's own mask, its red area (section 4.4); no number is given",
    )


class TranslationSettings(wsbench.TrainingSettings):
    """Settings of sections 3 and 4. The paper gives the two weights and the rule of the mask; it builds on
    CycleGAN, whose published settings stand in for the others."""

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
    pool: int = Field(50, ge=0, description="generated images kept for discriminators; CycleGAN's, not given")
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
    adversarial: Literal["cross_entropy", "least_squares"] = Field(
        "cross_entropy",
        description="adversarial loss: cross entropy as in equation (2), or CycleGAN's least squares",
    )
    changemap: Literal["generated", "difference"] = Field(
        "generated",
        description="the changemap: put out by G_T2N (section 3.1), or what its normal image lacks",
    )
    tuberculosis: Literal["image", "added"] = Field(
        "image",
        description="G_N2T puts out the image (section 3.1), or what is added to it: not in the paper",
    )
    generators: Literal["two", "shared"] = Field(
        "two",
        description="two: one for each direction; shared: one for both, which reads the domain from a "
        "channel",
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
    cam_region: float = Field(
        0.5,
        ge=0,
        le=1,
        description="least Grad-CAM of the pixels in the histogram; the paper names its red area",
    )
    bins: int = Field(
        256, ge=2, le=256, description="bins of the histogram (section 4.4); no number is given"
    )
    peak_share: float = Field(
        0.97, gt=0, le=1, description="threshold, as a share of the histogram's peak (section 4.4)"
    )
    erosion: int = Field(2, ge=1, description="side of the kernel of the erosion, in pixels (section 4.5)")
    dilation: int = Field(5, ge=1, description="side of the kernel of the dilation, in pixels (section 4.5)")
    smoothing: float = Field(
        0.0,
        ge=0,
        description="standard deviation of a Gaussian that smooths protocol uniform's heatmap, in pixels; "
        "not in the paper",
    )
    recogniser: RecogniserSettings = Field(
        RecogniserSettings(), description="settings of the recogniser, gradcam_vgg16"
    )


class AntGanSettings(TranslationSettings):
    """ANT-GAN: no recogniser and no CAM guide training; both generators put out images, and the changemap is
    the difference. Weights of the cycle and the identity are CycleGAN's."""

    changemap: Literal["generated", "difference"] = Field(
        "difference", description="the changemap: what the image lost"
    )
    cycle_weight: float = Field(10.0, ge=0, description="weight of the cycle loss; CycleGAN's")
    identity_weight: float = Field(5.0, ge=0, description="weight of the identity loss; CycleGAN's")
    cls_weight: float = Field(0.0, ge=0, description="weight of the classification loss: none")
    cam_weight: float = Field(0.0, ge=0, description="weight of the CAM loss: none")


class MdvaGanSettings(TranslationSettings):
    """MDVA-GAN: one generator for all domains, told the domain by a channel; no recogniser, no CAM guide."""

    generators: Literal["two", "shared"] = Field(
        "shared", description="one generator, which reads the domain from a channel"
    )
    cycle_weight: float = Field(10.0, ge=0, description="weight of the cycle loss; StarGAN's")
    cls_weight: float = Field(0.0, ge=0, description="weight of the classification loss: none")
    cam_weight: float = Field(0.0, ge=0, description="weight of the CAM loss: none")


QUICK_RECOGNISER: Mapping[str, Any] = {
    "weights": "random",
    "image_size": 128,
    "filters": 16,
    "blocks": 4,
    "hidden": 0,
    "batch_norm": True,
    "augment": False,
    "epochs": 12,
    "patience": 12,
    "batch_size": 16,
    "learning_rate": 3e-4,
    "precision": "auto",
    "channels_last": True,
}
"""The same code, small enough to learn on two CPU cores from random weights."""

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
    "smoothing": 2.0,
    "precision": "auto",
    "channels_last": True,
    "recogniser": {**QUICK_RECOGNISER, "image_size": 64, "epochs": 20, "patience": 20},
}
"""The translations, small enough to learn on two CPU cores. Generators put out changes, not images, because
drawing a radiograph takes longer to learn than changing one. The recogniser sees fewer pixels than it does on
its own: at full size the generators soon fool it with patterns too fine to be seen."""

QUICK_GUIDED: Mapping[str, Any] = {**QUICK, "cycle_weight": 5.0, "identity_weight": 30.0}
"""TBVA-GAN, which must leave a healthy image as it is. The paper's weights, lambda 1 and 2, are kept."""
