"""Settings of `plain_cnn`."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import Field

import wsbench


class PlainSettings(wsbench.TrainingSettings):
    """Settings of `plain_cnn`. No paper has them: they are those that learnt most on the phantoms."""

    image_size: int = Field(128, ge=16, description="side at which images are read, in pixels")
    widths: Annotated[tuple[int, ...], Len(5, 5)] = Field(
        (16, 32, 64, 64, 64), description="feature maps of the five convolutions"
    )
    pooling: Literal["max", "mean"] = Field(
        "max",
        description="of features over the image; small lesions are learnt sooner from the maximum",
    )
    epochs: int = Field(24, ge=1, description="epochs of training")
    patience: int = Field(24, ge=1, description="epochs without a higher AUC on select before training stops")
    batch_size: int = Field(16, ge=1, description="images a step")
    learning_rate: float = Field(3e-3, gt=0, description="of AdamW, at its highest: after 15 % of the steps")
    weight_decay: float = Field(1e-4, ge=0, description="of AdamW")
    flip: float = Field(0.5, ge=0, le=1, description="chance that an image of training is mirrored")
    smoothing: float = Field(0.0, ge=0, description="standard deviation of a blur of the maps, in cells")
