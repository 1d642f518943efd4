"""Settings of the recogniser, published and quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

import wsbench

Active = Literal["alone", "any"]


class RecogniserSettings(wsbench.TrainingSettings):
    """Settings of section 4.2; what the paper leaves open says so. Its split of 70 % and 30 % is replaced by
    the roles of the dataset, unless ``held_out`` is 0.3."""

    weights: str = Field(
        "IMAGENET1K_V1",
        description="weights to start from: torchvision's name of VGG16's weights, `random`, or a local "
        "state-dict file; the paper says pre-trained, not on what",
    )
    active: Active = Field(
        "alone",
        description="images with active tuberculosis alone, which are the paper's 630 of TBX11K, or any with "
        "active tuberculosis, also beside latent",
    )
    held_out: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the images of either kind that nothing is learnt from, to be tested at the "
        "end: 0.3 in section 4.2; 0: select's images are tested, by which the epoch is chosen",
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
    monitor: Literal["select_loss", "select_auc"] = Field(
        "select_loss",
        description="what chooses the epoch: the lowest loss on select, or the highest AUC there, which is "
        "steadier on few images; the paper does not say",
    )
    patience: int = Field(5, ge=1, description="epochs without a better one; the paper does not say")
    batch_size: int = Field(32, ge=1, description="images a step; the paper does not say")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of Adam; the paper does not say")
    cam_threshold: float = Field(
        0.5,
        gt=0,
        le=1,
        description="threshold of Grad-CAM's own mask, its red area (section 4.4); no number is given",
    )


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
