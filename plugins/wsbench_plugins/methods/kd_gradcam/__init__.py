"""KD-Grad-CAM: tuberculosis localised by the Grad-CAM of a distilled ResNet.

Shawkat, Hasan, Hasan: Weakly Supervised Tuberculosis Localization in Chest X-rays through Knowledge
Distillation. The teacher is an ordinary classifier; the student has the same network and start and learns
from the teacher's softened outputs besides the labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

import wsbench

if TYPE_CHECKING:
    from torch import nn

    from wsbench.contract import Sign

    from ._network import Classifier

CITATION = (
    "Shawkat, Hasan, Hasan: Weakly Supervised Tuberculosis Localization in Chest X-rays through "
    "Knowledge Distillation"
)

LEARNT = 0.7
"""AUC on select below which a network has hardly learnt. Of 100 positives and 100 negatives, chance alone
reaches 0.58 once in 40 times."""

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


class KDTeacher(wsbench.Method):
    """A classifier trained on image labels, seen through Grad-CAM."""

    settings: TeacherSettings
    network: Classifier

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _training

        self._one_class()
        _training.fit(_training.Teacher(self._start(run), self.settings), fit, select, run)

    def restore(self, run: wsbench.RunContext) -> None:
        from . import _network

        network = _network.build(self.settings, backbone_seed=0, pretrained=False)
        weights_of = (
            wsbench.torch.best_weights if self.settings.kept == "best" else wsbench.torch.last_weights
        )
        state = weights_of(run)
        network.load_state_dict(wsbench.torch.network_weights(state))
        self.network = network.eval().to(wsbench.torch.torch_device(run.device))

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        import numpy as np
        import torch

        from . import _gradcam, _training

        settings = self.settings
        crop = _training.cropped(settings, augment=False)
        device = self.network.head.weight.device
        scores, maps = [], []
        with torch.inference_mode():
            for chunk in images.chunks(settings.batch_size):
                grey = torch.from_numpy(chunk.pixels(settings.resize, settings.resize)[:])[:, None]
                inputs = _training.normalised(crop(grey).to(device), settings)
                logits, cam = self.network.logits_and_cam(inputs, output=1, relu=settings.relu)
                scores.append(logits.softmax(dim=1)[:, 1:].float().cpu().numpy())
                chunk_maps = _gradcam.normalised_maps(cam, settings.crop, settings.interpolation)
                maps.append(chunk_maps.cpu().numpy().astype(np.float16))
        regions = [_gradcam.region(size, settings, settings.cells) for size in images.sizes.tolist()]
        return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps)[:, None], regions)

    def paper_boxes(
        self, images: wsbench.ImageView, prediction: wsbench.Prediction, boxed: wsbench.BoxedView | None
    ) -> Sequence[Sequence[wsbench.ScoredBox]]:
        from . import _gradcam

        assert boxed is not None
        settings = self.settings
        minimum = _gradcam.minimum_share(boxed, settings.minimum, settings.percentile)
        return _gradcam.algorithm_1(images, prediction, settings.threshold, minimum, settings.area)

    def learning(self, run: wsbench.RunContext) -> Sequence[Sign]:
        return wsbench.torch.curve_signs(run, "select_auc", at_least=LEARNT)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"classifier": self.network}

    def training_loss(self, upstream: Mapping[str, wsbench.Method]) -> wsbench.torch.NetworkLoss:
        from . import _training_loss

        return _training_loss.of_teacher(self.network, self.settings)

    def _one_class(self) -> None:
        if len(self.classes) != 1:
            raise wsbench.WsbenchError(
                f"KD-Grad-CAM tells one class from its absence; this dataset has {len(self.classes)}"
            )

    def _start(self, run: wsbench.RunContext) -> Classifier:
        from . import _network

        # The seed leaves out the method's name: teacher and student start from the same weights.
        return _network.build(self.settings, wsbench.seed_from(run.seed, run.dataset, "kd_gradcam backbone"))


class KDStudent(KDTeacher):
    """The same network, distilled from the finished teacher."""

    settings: StudentSettings

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _training

        self._one_class()
        teacher = run.upstream["teacher"]
        assert isinstance(teacher, KDTeacher)
        module = _training.Student(self._start(run), teacher.network, self.settings)
        _training.fit(module, fit, select, run)

    def training_loss(self, upstream: Mapping[str, wsbench.Method]) -> wsbench.torch.NetworkLoss:
        from . import _training_loss

        teacher = upstream["teacher"]
        assert isinstance(teacher, KDTeacher)
        return _training_loss.of_student(self.network, teacher.network, self.settings)


def teacher_of(settings: StudentSettings) -> Mapping[str, wsbench.Requirement]:
    """The teacher a student needs: the same settings without those of distillation, and its seed."""
    shared = {name: getattr(settings, name) for name in TeacherSettings.model_fields}
    return {"teacher": wsbench.Requirement("kd_teacher", shared, settings.teacher_seed)}


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


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    shared: Mapping[str, Any] = {
        "citation": CITATION,
        "presets": {"paper": {}, "quick": QUICK},
        "box_supervision": wsbench.BoxSupervision.PAPER,
        "box_use": "Algorithm 1 drops boxes smaller than the smallest annotated one",
        "after_fit": AFTER_FIT,
        "after_predict": AFTER_PREDICT,
        "repeats": ("head_seed",),
    }
    return [
        wsbench.MethodSpec(
            name="kd_teacher",
            summary="ResNet classifier with Grad-CAM, the teacher of KD-Grad-CAM",
            settings=TeacherSettings,
            build=KDTeacher,
            **shared,
        ),
        wsbench.MethodSpec(
            name="kd_student",
            summary="KD-Grad-CAM: the same network distilled from the teacher",
            settings=StudentSettings,
            build=KDStudent,
            requires=teacher_of,
            **shared,
        ),
    ]


@wsbench.hookimpl
def wsbench_commands() -> list[wsbench.CommandSpec]:
    from . import _commands

    return [
        wsbench.CommandSpec(
            "kd-choices",
            "what a mIOU of KD-Grad-CAM is made of: every reading of its paper",
            _commands.choices,
        ),
        wsbench.CommandSpec(
            "kd-picture",
            "draws Fig. 5 of KD-Grad-CAM: maps and boxes of teacher and student",
            _commands.picture,
        ),
    ]
