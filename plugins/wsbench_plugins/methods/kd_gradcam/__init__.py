"""KD-Grad-CAM: tuberculosis localised by the Grad-CAM of a distilled ResNet.

Shawkat, Hasan, Hasan: Weakly Supervised Tuberculosis Localization in Chest X-rays through Knowledge
Distillation. The teacher is an ordinary classifier; the student has the same network and start and learns
from the teacher's softened outputs besides the labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import wsbench

from ._settings import AFTER_FIT, AFTER_PREDICT, QUICK, StudentSettings, TeacherSettings

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
