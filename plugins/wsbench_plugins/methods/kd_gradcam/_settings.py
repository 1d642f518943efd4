"""Settings of teacher and student, published and quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

import wsbench

AFTER_FIT = ("kept", "relu", "interpolation", "cells")
"""Settings of the map. One training serves all of them."""
AFTER_PREDICT = ("threshold", "area", "minimum", "percentile")
"""Settings of the paper's own boxes (Algorithm 1)."""
READING: Mapping[str, Any] = {
    "kept": "best",
    "relu": True,
    "interpolation": "bilinear",
    "cells": "stretched",
    "threshold": 0.5,
    "area": "rectangle",
    "minimum": "smallest",
    "percentile": 5.0,
}
"""How this page reads what the paper leaves open: the defaults (docs/kd_gradcam.md)."""


class TeacherSettings(wsbench.TrainingSettings):
    """Settings of section 3.2. Descriptions say what the paper leaves open."""

    LATER: ClassVar[tuple[str, ...]] = (
        *(name for name in READING if name != "threshold"),
        "label_smoothing",
    )

    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"] = Field(
        "resnet50", description="torchvision network (section 3.2.2)"
    )
    weights: str = Field(
        "IMAGENET1K_V1",
        description="weights to start from: a torchvision weights name, `random`, or a local state-dict "
        "file; the paper says ImageNet, not which version",
    )
    head_seed: int = Field(
        42, ge=0, description="seed of the new last layer alone (section 3.2.2; Table 3 varies only it)"
    )
    resize: int = Field(256, ge=32, description="side the image is resized to (section 3.2.1)")
    crop: int = Field(224, ge=32, description="side of the central crop (section 3.2.1)")
    randaugment_operations: int = Field(2, ge=0, description="RandAugment num_ops (section 3.2.1); 0: none")
    randaugment_magnitude: int = Field(9, ge=0, le=30, description="RandAugment magnitude (section 3.2.1)")
    mean: tuple[float, float, float] = Field(
        (0.485, 0.456, 0.406), description="ImageNet mean (section 3.2.1)"
    )
    standard_deviation: tuple[float, float, float] = Field(
        (0.229, 0.224, 0.225), description="ImageNet standard deviation (section 3.2.1)"
    )
    epochs: int = Field(100, ge=1, description="most epochs to train (section 3.2.2)")
    patience: int = Field(
        10,
        ge=1,
        description="epochs without a lower loss before training stops (section 3.2.2); "
        "the paper does not say which loss: ours is the select role's",
    )
    batch_size: int = Field(64, ge=1, description="images a step (section 3.2.2)")
    learning_rate: float = Field(1e-3, gt=0, description="learning rate of Adam (section 3.2.2)")
    weight_decay: float = Field(1e-4, ge=0, description="weight decay of Adam (section 3.2.2)")
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of a label that both outputs divide among themselves; 0: none, as in the paper",
    )
    stages: Literal[1, 2, 3, 4] = Field(
        4,
        description="residual stages that are kept; Grad-CAM is taken at the last; fewer than 4 are not in "
        "the paper",
    )
    threshold: float = Field(
        0.5,
        gt=0,
        le=1,
        description="threshold of the normalised map in Algorithm 1; the paper gives no number",
    )
    kept: Literal["best", "last"] = Field(
        "best",
        description="epoch whose weights predict: that of the lowest loss on select, or the last; the paper "
        "does not say",
    )
    relu: bool = Field(
        True,
        description="whether negative evidence in the map becomes 0, as Grad-CAM defines; Captum's default, "
        "false, keeps it, and the paper does not say",
    )
    interpolation: Literal["bilinear", "nearest"] = Field(
        "bilinear",
        description="how the map is enlarged to the crop; Captum's default is nearest, and the paper does "
        "not say",
    )
    cells: Literal["stretched", "centred"] = Field(
        "stretched",
        description="where the map's cells lie: stretched over the crop, as libraries draw them, or centred "
        "on what each cell sees (docs/cam.md); the paper does not say",
    )
    area: Literal["rectangle", "contour"] = Field(
        "rectangle",
        description="area that is compared with the minimum in Algorithm 1: that of the bounding rectangle, "
        "or that within the contour; the paper does not say",
    )
    minimum: Literal["smallest", "none", "percentile"] = Field(
        "smallest",
        description="minimum area of Algorithm 1, from annotated boxes (section 3.3): that of the smallest, "
        "none, or a percentile; the paper gives no number",
    )
    percentile: float = Field(
        5.0, ge=0, le=100, description="percentile of the areas of annotated boxes, with minimum=percentile"
    )


class StudentSettings(TeacherSettings):
    """The teacher's settings and those of distillation."""

    LATER: ClassVar[tuple[str, ...]] = (*TeacherSettings.LATER, "teacher_seed")

    alpha: float = Field(
        0.75, ge=0, le=1, description="weight of cross entropy against the soft targets (equation 1)"
    )
    temperature: float = Field(2.0, gt=0, description="T of the soft targets (equation 2)")
    teacher_seed: int | None = Field(
        None,
        ge=0,
        description="base seed of the teacher, so that it is another network than a student of that seed "
        "starts beside; none: the student's own, as in the paper",
    )


QUICK: Mapping[str, Any] = {
    "backbone": "resnet18",
    "weights": "random",
    "resize": 128,
    "crop": 128,
    "stages": 2,
    "precision": "auto",
    "channels_last": True,
    "epochs": 14,
    "learning_rate": 3e-4,
    "batch_size": 32,
}
"""Learns the phantom on two CPU cores within minutes, from random weights.

Two stages, because a feature of the third sees the whole 128 pixel image: from random weights a network of
four told tuberculosis by an AUC of 0.98 with maps that did not say where (see docs/phantom.md).
"""
