"""Settings of method `cam`; free of torch, so that it can be listed without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

import wsbench


class CamSettings(wsbench.settings.MapSettings, wsbench.TrainingSettings):
    """A classifier trained as the teacher of KD-Grad-CAM is, and the map that is made of it."""

    LATER: ClassVar[tuple[str, ...]] = ("pooling", "until", "sharpness", "class_weights", "own_map")

    backbone: str = Field(
        "resnet50",
        description="network of torchvision or timm, by its name there; timm/NAME, torchvision/NAME and "
        "torchxrayvision/NAME choose the library",
    )
    weights: str = Field(
        "pretrained",
        description="weights to start from: `pretrained` (the library's own), a torchvision weights name, a "
        "tag of timm, `random`, or a state-dict file",
    )
    pooling: Literal["mean", "average", "lse", "attention", "noisy_or", "mil_attention"] = Field(
        "mean",
        description="how cells become a score: mean, the network's own head, or one of its own map: average, "
        "log-sum-exp (Wang et al. 2017), PCAN's attention, noisy-or, or the gated attention of "
        "multiple-instance learning",
    )
    until: str = Field(
        "",
        description="last part of a torchvision network that is kept, such as layer3 of a ResNet; empty: all "
        "before its own head; needs a pooling other than mean",
    )
    sharpness: float = Field(
        10.0,
        gt=0,
        description="r of pooling=lse: near 0 a mean, large a maximum; 10 in its paper",
    )
    class_weights: Literal["equal", "balanced"] = Field(
        "equal",
        description="weights of labels in the loss: equal, or so that positive and negative ones weigh the "
        "same, as in Wang et al. 2017",
    )
    own_map: bool = Field(
        True,
        description="whether the map is the one that belongs to a pooling other than mean (docs/cam.md); "
        "false: that of `cam`",
    )
    resize: int = Field(256, ge=32, description="side the image is resized to")
    crop: int = Field(224, ge=32, description="side of the central crop, which the network sees")
    randaugment_operations: int = Field(2, ge=0, description="RandAugment num_ops; 0: none")
    randaugment_magnitude: int = Field(9, ge=0, le=30, description="RandAugment magnitude")
    mean: tuple[float, float, float] = Field(
        (0.485, 0.456, 0.406), description="mean of ImageNet's channels, by which the input is normalised"
    )
    standard_deviation: tuple[float, float, float] = Field(
        (0.229, 0.224, 0.225),
        description="standard deviation of ImageNet's channels, by which the input is normalised",
    )
    epochs: int = Field(100, ge=1, description="most epochs to train")
    patience: int = Field(10, ge=1, description="epochs without a lower select loss before training stops")
    batch_size: int = Field(64, ge=1, description="images a step")
    learning_rate: float = Field(1e-3, gt=0, description="learning rate of Adam")
    weight_decay: float = Field(1e-4, ge=0, description="weight decay of Adam")
    warmup: int = Field(
        0,
        ge=0,
        description="epochs over which the learning rate rises; transformers need a few from random weights",
    )

    @field_validator("epochs", mode="before")
    @classmethod
    def _trains(cls, value: Any) -> Any:
        if str(value).strip() == "0":
            raise ValueError(
                "the head is new here; `-m pretrained` scores a released model with its own head"
            )
        return value

    @model_validator(mode="after")
    def _draws_what_is_asked_for(self) -> Self:
        if self.pooling == "mean" and self.until:
            raise ValueError("until needs a pooling other than mean, such as pooling=average")
        if self.pooling != "mean" and self.own_map and self.cam != "gradcam":
            raise ValueError(
                f"pooling={self.pooling} has a map of its own; give own_map=false to draw {self.cam}"
            )
        return self


AFTER_FIT = (*wsbench.settings.MAP_SETTINGS, "own_map")

QUICK: Mapping[str, Any] = {
    "backbone": "resnet18",
    "weights": "random",
    "resize": 128,
    "crop": 128,
    "epochs": 14,
    "learning_rate": 3e-4,
    "batch_size": 32,
    "precision": "auto",
    "channels_last": True,
}
"""The quick preset of kd_teacher, with all four stages."""
