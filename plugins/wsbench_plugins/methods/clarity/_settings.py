"""Settings of CLARiTY and of its teacher, published and quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

import wsbench


class AugmentationSettings(wsbench.TrainingSettings):
    """Random rotation, cropping, Poisson noise and brightness (section 3.10); the paper gives no ranges."""

    rotation: float = Field(10.0, ge=0, le=180, description="most degrees to either side; range not given")
    crop: float = Field(0.8, gt=0, le=1, description="least share of the area that is kept; range not given")
    photons: float = Field(
        1000.0, ge=0, description="photons of a white pixel in the Poisson noise; 0: no noise; not given"
    )
    brightness: float = Field(0.2, ge=0, lt=1, description="most change of brightness; range not given")
    mean: tuple[float, float, float] = Field(
        (0.485, 0.456, 0.406), description="mean of the pretraining's normalisation; the paper does not say"
    )
    standard_deviation: tuple[float, float, float] = Field(
        (0.229, 0.224, 0.225),
        description="standard deviation of the pretraining's normalisation; the paper does not say",
    )


class TeacherSettings(AugmentationSettings):
    """Settings of section 3.12. Descriptions say what the paper leaves open."""

    LATER: ClassVar[tuple[str, ...]] = ("widths",)

    backbone: str = Field(
        "convnextv2_base",
        description="timm ConvNeXtV2 (section 3.12), or `small_cnn`, a plain network that learns from fewer "
        "images; not in the paper",
    )
    widths: tuple[int, ...] = Field(
        (16, 32, 48, 80),
        min_length=1,
        description="channels of small_cnn's blocks, each of which halves the image; not in the paper",
    )
    weights: str = Field(
        "fcmae_ft_in22k_in1k",
        description="weights to start from: timm's tag of ImageNet weights, `random`, or a local state-dict "
        "file; the paper says ImageNet, not which",
    )
    image_size: int = Field(224, ge=32, description="side of the input: 224 or 512 (section 3.12)")
    epochs: int = Field(100, ge=1, description="epochs (section 3.12)")
    patience: int = Field(
        100, ge=1, description="epochs without a higher select AUC before training stops; never, in the paper"
    )
    batch_size: int = Field(1024, ge=1, description="images a step (section 3.12)")
    learning_rate: float = Field(2.5e-5, gt=0, description="learning rate of AdamW (section 3.12)")
    weight_decay: float = Field(0.05, ge=0, description="weight decay of AdamW (section 3.12)")
    warmup: int = Field(3, ge=0, description="epochs of linear warm-up, then cosine (section 3.12)")
    head_dropout: float = Field(0.1, ge=0, lt=1, description="dropout before the classifier (section 3.12)")
    stochastic_depth: float = Field(0.1, ge=0, lt=1, description="rate of stochastic depth (section 3.12)")


class ClaritySettings(AugmentationSettings):
    """Settings of sections 3.13 to 3.15. Descriptions say what the paper leaves open."""

    LATER: ClassVar[tuple[str, ...]] = (
        "patch",
        "depth",
        "width",
        "heads",
        "stem_widths",
        "stem_weights",
        "first_size",
        "foreground",
        "region_margin",
        "region_weights",
        "confinement",
        "weigh_by",
        "positives",
    )

    backbone: str = Field("vit_small_patch16_224", description="timm ViT (section 3.13)")
    patch: int | None = Field(
        None, ge=2, description="side of a patch, in pixels; none: the backbone's, 16 in the paper (3.13)"
    )
    depth: int | None = Field(
        None, ge=1, description="blocks; none: the backbone's, 12 in the paper (section 3.13)"
    )
    width: int | None = Field(
        None, ge=1, description="size of a token; none: the backbone's, 384 in the paper (section 3.13)"
    )
    heads: int | None = Field(
        None, ge=1, description="heads of self-attention; none: the backbone's, 6 in the paper (section 3.13)"
    )
    stem: Literal["patches", "convolutions", "small_cnn"] = Field(
        "patches",
        description="patches: one projection, as in the paper; convolutions: one of stride 2 for each factor "
        "2 of the patch; small_cnn: blocks like the small teacher's. They learn from fewer images; not in "
        "the paper",
    )
    stem_widths: tuple[int, ...] = Field(
        (16, 32, 48), min_length=1, description="channels of stem=small_cnn's blocks; not in the paper"
    )
    stem_weights: Literal["own", "teacher"] = Field(
        "own",
        description="what stem=small_cnn starts from; teacher: the small teacher's first blocks, where there "
        "is a teacher, so that fewer epochs suffice; not in the paper",
    )
    weights: str = Field(
        "dino",
        description="weights to start from: timm's tag (section 3.14: DINO), `random`, or a local file: a "
        "ViT's state dict, or best.ckpt of clarity at another size, whose positions are interpolated",
    )
    image_size: int = Field(224, ge=32, description="side of the input: 224 or 512 (section 3.13)")
    first_size: int | None = Field(
        None,
        ge=32,
        description="side of the input of a first stage with a teacher of that size, whose weights this one "
        "starts from: 224 for the paper's 512 (section 3.14); none: one stage",
    )
    epochs: int = Field(200, ge=1, description="epochs (section 3.14)")
    patience: int = Field(
        200, ge=1, description="epochs without a higher select AUC before training stops; never, in the paper"
    )
    batch_size: int = Field(1024, ge=1, description="images a step (section 3.14)")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of AdamW (section 3.14)")
    weight_decay: float = Field(0.05, ge=0, description="weight decay of AdamW (section 3.14)")
    warmup: int = Field(5, ge=0, description="epochs of linear warm-up, then cosine (section 3.14)")
    pooling_dropout: float = Field(
        0.1, ge=0, lt=1, description="dropout before attention pooling (section 3.14)"
    )
    stochastic_depth: float = Field(0.1, ge=0, lt=1, description="rate of stochastic depth (section 3.14)")
    mlp_dropout: float = Field(0.1, ge=0, lt=1, description="dropout in MLPs (section 3.14)")
    attention_dropout: float = Field(0.1, ge=0, lt=1, description="dropout of self-attention (section 3.14)")
    attention_layers: int = Field(
        8, ge=1, description="p: the last p blocks, whose attention makes the map (section 3.13)"
    )
    token_layers: int = Field(
        8, ge=0, description="q: the last q blocks, whose class tokens are kept apart (section 3.13); 0: none"
    )
    foreground_threshold: float = Field(
        0.5, gt=0, lt=1, description="t: threshold of the foreground (section 3.4); the paper gives no number"
    )
    foreground: Literal["threshold", "straight_through", "soft"] = Field(
        "threshold",
        description="S_f. threshold: 0 or 1, through which no gradient passes, as section 3.4 reads; "
        "straight_through: 0 or 1, with the heatmap's gradient; soft: the heatmap itself, in pictures of "
        "S_f too. The paper does not say how t passes gradients",
    )
    alpha_class: float = Field(2.2674, ge=0, description="weight of the class tokens' loss (Table 2)")
    alpha_patch: float = Field(2.4678, ge=0, description="weight of the patch tokens' loss (Table 2)")
    alpha_foreground: float = Field(3.9670, ge=0, description="weight of the foreground's loss (Table 2)")
    beta_background: float = Field(0.4377, ge=0, description="weight of background suppression (Table 2)")
    beta_area: float = Field(1.4, ge=0, description="weight of the area constraint (Table 2)")
    gamma_proximity: float = Field(0.0898, ge=0, description="weight of mask proximity (Table 2)")
    gamma_confinement: float = Field(2.1624, ge=0, description="weight of mask confinement (Table 2)")
    region_margin: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="width by which regions are dilated, as a share of the image's side; 0: the organs of "
        "Table 1, as in the paper, outside of which fluid and collapsed lung can lie",
    )
    region_weights: Literal["from_one", "as_printed"] = Field(
        "from_one",
        description="equation (11). from_one: 1 + max(mu) - mu, whose least is 1 as its text says; "
        "as_printed: 2 - mu - min(mu)",
    )
    confinement: Literal["by_class", "by_image"] = Field(
        "by_class",
        description="equation (12), whose printed fraction does not depend on the heatmap: background over "
        "total intensity of each class (by_class), or of all classes of an image (by_image)",
    )
    weigh_by: Literal["targets", "labels"] = Field(
        "targets",
        description="what is counted for w_P and w_N of equation (3): the targets, which are sums of the "
        "teacher's probabilities, or the labels; the paper says positive labels, and learns from a teacher",
    )
    positives: Literal["labels", "targets"] = Field(
        "labels",
        description="y of equations (7), (17) and (20), the positive classes: those of the labels, or to the "
        "degree of the targets, the teacher's probabilities; the paper does not say",
    )
    delta: float = Field(2.6375, ge=0, description="weight of the class tokens' orthogonality (Table 2)")
    anatomy: Literal["organs", "none"] = Field(
        "organs", description="regions of Table 1 from organ masks; none: Table 6's ablation"
    )
    segment: bool = Field(True, description="SegmentCAM; false: Table 6's ablation, attention alone")
    classification_loss: Literal["wbce", "mlsm", "mlsm_mean"] = Field(
        "wbce",
        description="equation (3); mlsm: with both weights 1, Table 6's ablation (section 4.5.3); mlsm_mean: "
        "its mean over classes, as libraries have it",
    )
    pooling: Literal["attention", "mean"] = Field(
        "attention", description="pooling of class tokens (equation 9); mean: Table 6's ablation"
    )
    pooling_deviation: float = Field(
        1.0, ge=0, description="standard deviation of attention pooling's first weights; not given"
    )
    token_loss: Literal["oct", "cct", "none"] = Field(
        "oct",
        description="equation (7); cct: equation (20), Table 6's ablation, which goes with token_layers=12 "
        "(section 4.5.6)",
    )
    distill: Literal["teacher", "none"] = Field(
        "teacher", description="learn from the teacher's probabilities (section 3.12), or from labels"
    )
    teacher: TeacherSettings = Field(
        TeacherSettings(), description="settings of the teacher, clarity_teacher"
    )


LEAST_AUC = 0.6
"""Macro AUC on select below which nothing was learnt; chance is 0.5."""

PAPER_512: Mapping[str, Any] = {"image_size": 512, "first_size": 224, "teacher": {"image_size": 512}}
"""CLARiTY-S-16-512, with both of its stages and their teachers (sections 3.12 to 3.14)."""

QUICK_TEACHER: Mapping[str, Any] = {
    "backbone": "small_cnn",
    "widths": (16, 32, 48, 80),
    "weights": "random",
    "image_size": 128,
    "epochs": 24,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "warmup": 2,
    "precision": "auto",
    "channels_last": True,
    "head_dropout": 0.0,
}
"""The same code, small enough to learn on two CPU cores from random weights. A ConvNeXtV2-atto of 6 epochs
reached a macro AUC of 0.73 on phantom14."""

QUICK: Mapping[str, Any] = {
    "backbone": "vit_tiny_patch16_224",
    "stem": "small_cnn",
    "stem_weights": "teacher",
    "patch": 8,
    "depth": 2,
    "width": 64,
    "heads": 2,
    "attention_layers": 2,
    "token_layers": 2,
    "foreground": "straight_through",
    "region_margin": 0.04,
    "weights": "random",
    "image_size": 128,
    "epochs": 16,
    "batch_size": 16,
    "learning_rate": 2e-3,
    "warmup": 1,
    "alpha_class": 0.0756,
    "alpha_patch": 0.0823,
    "alpha_foreground": 0.1322,
    "precision": "auto",
    "channels_last": True,
    "stochastic_depth": 0.0,
    "mlp_dropout": 0.0,
    "attention_dropout": 0.0,
    "teacher": QUICK_TEACHER,
}
"""A smaller transformer on finer patches, since lesions are as small as 8 pixels. Its stem starts from the
first blocks of the teacher, and its foreground passes gradients. The classification losses have a thirtieth
of Table 2's weights: with the whole of them, the losses of regions were too weak to hold the foreground
(docs/clarity.md has the trials, on another phantom than the leaderboard's)."""
