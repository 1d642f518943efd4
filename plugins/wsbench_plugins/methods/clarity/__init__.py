"""CLARiTY and its teacher.

Statheros, Wang, Klein: CLARiTY: A Vision Transformer for Multi-Label Classification and Weakly-Supervised
Localization of Chest X-ray Pathologies.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

import wsbench

if TYPE_CHECKING:
    import numpy as np
    from timm.models.convnext import ConvNeXt
    from torch import nn

    from . import _network

CITATION = (
    "Statheros, Wang, Klein: CLARiTY: A Vision Transformer for Multi-Label Classification and "
    "Weakly-Supervised Localization of Chest X-ray Pathologies"
)


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

    backbone: str = Field("convnextv2_base", description="timm ConvNeXtV2 (section 3.12)")
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


class Trained(wsbench.Method):
    """The common base of teacher and student: a network, saved at its best epoch."""

    network: Any

    @abstractmethod
    def start(self, seed: int, *, pretrained: bool) -> Any:
        """The network before training."""

    @abstractmethod
    def predict_batch(self, images: wsbench.ImageView) -> wsbench.Prediction:
        """Scores and maps of a few images."""

    def restore(self, run: wsbench.RunContext) -> None:
        self.load(wsbench.torch.best_weights(run), run)

    def load(self, state: Mapping[str, Any], run: wsbench.RunContext) -> None:
        """Predict with these weights from now on."""
        import torch

        network = self.start(seed=0, pretrained=False)
        network.load_state_dict(wsbench.torch.network_weights(state))
        layout = torch.channels_last if self.settings.channels_last else torch.contiguous_format
        self.network = network.eval().to(wsbench.torch.torch_device(run.device), memory_format=layout)

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        return _prediction.in_batches(self.predict_batch, images, self.settings)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"network": self.network}


class ClarityTeacher(Trained):
    """A ConvNeXtV2 on image labels, chosen by its macro AUC on select, seen through Grad-CAM.

    The paper shows no maps of it; Grad-CAM at its last features is this benchmark's choice.
    """

    settings: TeacherSettings

    def start(self, seed: int, *, pretrained: bool) -> ConvNeXt:
        from . import _teacher

        return _teacher.build(self.settings, len(self.classes), seed, pretrained=pretrained)

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _teacher

        network = self.start(wsbench.seed_from(run.seed, run.dataset, "clarity weights"), pretrained=True)
        _teacher.fit(network, self.settings, fit, select, run)

    def predict_batch(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _teacher

        return wsbench.Prediction(*_teacher.predict(self.network, images, self.settings))


class ClaritySettings(AugmentationSettings):
    """Settings of sections 3.13 to 3.15. Descriptions say what the paper leaves open."""

    backbone: str = Field("vit_small_patch16_224", description="timm ViT (section 3.13)")
    stem: Literal["patches", "convolutions"] = Field(
        "patches",
        description="patches: one projection, as in the paper; convolutions: four of stride 2, which learn "
        "from fewer images; not in the paper",
    )
    weights: str = Field(
        "dino",
        description="weights to start from: timm's tag (section 3.14: DINO), `random`, or a local file: a "
        "ViT's state dict, or best.ckpt of clarity at another size, whose positions are interpolated",
    )
    image_size: int = Field(224, ge=32, description="side of the input: 224 or 512 (section 3.13)")
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
    alpha_class: float = Field(2.2674, ge=0, description="weight of the class tokens' loss (Table 2)")
    alpha_patch: float = Field(2.4678, ge=0, description="weight of the patch tokens' loss (Table 2)")
    alpha_foreground: float = Field(3.9670, ge=0, description="weight of the foreground's loss (Table 2)")
    beta_background: float = Field(0.4377, ge=0, description="weight of background suppression (Table 2)")
    beta_area: float = Field(1.4, ge=0, description="weight of the area constraint (Table 2)")
    gamma_proximity: float = Field(0.0898, ge=0, description="weight of mask proximity (Table 2)")
    gamma_confinement: float = Field(2.1624, ge=0, description="weight of mask confinement (Table 2)")
    delta: float = Field(2.6375, ge=0, description="weight of the class tokens' orthogonality (Table 2)")
    anatomy: Literal["organs", "none"] = Field(
        "organs", description="regions of Table 1 from organ masks; none: Table 6's ablation"
    )
    segment: bool = Field(True, description="SegmentCAM; false: Table 6's ablation, attention alone")
    classification_loss: Literal["wbce", "mlsm"] = Field(
        "wbce", description="equation (3); mlsm: Table 6's ablation"
    )
    pooling: Literal["attention", "mean"] = Field(
        "attention", description="pooling of class tokens (equation 9); mean: Table 6's ablation"
    )
    pooling_deviation: float = Field(
        1.0, ge=0, description="standard deviation of attention pooling's first weights; not given"
    )
    token_loss: Literal["oct", "cct", "none"] = Field(
        "oct", description="equation (7); cct: equation (20), Table 6's ablation"
    )
    distill: Literal["teacher", "none"] = Field(
        "teacher", description="learn from the teacher's probabilities (section 3.12), or from labels"
    )
    teacher: TeacherSettings = Field(
        TeacherSettings(), description="settings of the teacher, clarity_teacher"
    )


class Clarity(Trained):
    """A vision transformer with a token for every class; its maps are their attention inside the foreground.

    The epoch is that of the highest macro AUC on select; under protocol ``paper``, that of the highest UDP on
    select and on the boxes of calibrate (section 3.14).
    """

    settings: ClaritySettings

    def start(self, seed: int, *, pretrained: bool) -> _network.Clarity:
        from . import _training

        return _training.start(self.settings, len(self.classes), seed, pretrained=pretrained)

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _training

        network = self.start(wsbench.seed_from(run.seed, run.dataset, "clarity weights"), pretrained=True)
        _training.fit(network, self.settings, fit, select, run)

    def restore_paper(self, run: wsbench.RunContext) -> bool:
        state = wsbench.torch.paper_weights(run)
        if state is not None:
            self.load(state, run)
        return state is not None

    def predict_batch(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        return _prediction.predict(self.network, images, self.settings)

    def inner_maps(self, images: wsbench.ImageView) -> Mapping[str, np.ndarray]:
        from . import _prediction

        return _prediction.inner_maps(self.network, images, self.settings)


def teacher_of(settings: ClaritySettings) -> Mapping[str, wsbench.Requirement]:
    """The teacher a student learns from, unless it learns from labels."""
    if settings.distill == "none":
        return {}
    return {"teacher": wsbench.Requirement("clarity_teacher", settings.teacher.model_dump())}


QUICK_TEACHER: Mapping[str, Any] = {
    "backbone": "convnextv2_atto",
    "weights": "random",
    "image_size": 128,
    "epochs": 6,
    "batch_size": 16,
    "learning_rate": 7e-4,
    "warmup": 1,
    "precision": "auto",
    "channels_last": True,
    "stochastic_depth": 0.0,
}
"""The same code, small enough to learn on two CPU cores from random weights."""

QUICK: Mapping[str, Any] = {
    "backbone": "vit_tiny_patch16_224",
    "stem": "convolutions",
    "weights": "random",
    "image_size": 128,
    "epochs": 8,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "warmup": 1,
    "precision": "auto",
    "channels_last": True,
    "stochastic_depth": 0.0,
    "mlp_dropout": 0.0,
    "attention_dropout": 0.0,
    "teacher": QUICK_TEACHER,
}


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="clarity_teacher",
            summary="ConvNeXtV2 with Grad-CAM, the teacher of CLARiTY",
            settings=TeacherSettings,
            build=ClarityTeacher,
            citation=CITATION,
            presets={"paper": {}, "quick": QUICK_TEACHER},
        ),
        wsbench.MethodSpec(
            name="clarity",
            summary="CLARiTY: class tokens' attention, confined to anatomy and distilled",
            settings=ClaritySettings,
            build=Clarity,
            citation=CITATION,
            presets={"paper": {}, "quick": QUICK},
            box_supervision=wsbench.BoxSupervision.PAPER,
            box_use="on the calibrate role, box thresholds are those of the highest MSLI (section 3.9) and "
            "the epoch that of the highest UDP (section 3.14)",
            paper_objective="msli",
            after_fit=("attention_layers",),
            requires=teacher_of,
        ),
    ]
