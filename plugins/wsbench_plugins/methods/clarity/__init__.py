"""CLARiTY and its teacher.

Statheros, Wang, Klein: CLARiTY: A Vision Transformer for Multi-Label Classification and Weakly-Supervised
Localization of Chest X-ray Pathologies.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import wsbench

from ._settings import LEAST_AUC, PAPER_512, QUICK, QUICK_TEACHER, ClaritySettings, TeacherSettings

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from . import _network, _teacher

CITATION = (
    "Statheros, Wang, Klein: CLARiTY: A Vision Transformer for Multi-Label Classification and "
    "Weakly-Supervised Localization of Chest X-ray Pathologies"
)


class Trained(wsbench.Method):
    """The common base of teacher and student: a network, saved at its best epoch."""

    network: Any

    @abstractmethod
    def start(self, seed: int, *, pretrained: bool) -> Any:
        """The network before training."""

    @abstractmethod
    def predict_batch(self, images: wsbench.ImageView) -> wsbench.Prediction:
        """Scores and maps of a few images."""

    def try_out(self) -> None:
        self.start(seed=0, pretrained=False)

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

    def start(self, seed: int, *, pretrained: bool) -> _teacher.Network:
        from . import _teacher

        return _teacher.build(self.settings, len(self.classes), seed, pretrained=pretrained)

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _teacher

        network = self.start(wsbench.seed_from(run.seed, run.dataset, "clarity weights"), pretrained=True)
        _teacher.fit(network, self.settings, fit, select, run)

    def learning(self, run: wsbench.RunContext) -> Sequence[wsbench.contract.Sign]:
        return wsbench.torch.curve_signs(run, "select_auc", at_least=LEAST_AUC)

    def predict_batch(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _teacher

        return wsbench.Prediction(*_teacher.predict(self.network, images, self.settings))


class Clarity(Trained):
    """A vision transformer with a token for every class; its maps are their attention inside the foreground.

    The epoch is that of the highest macro AUC on select; under protocol ``paper``, that of the highest UDP on
    select and on the boxes of calibrate (section 3.14).
    """

    settings: ClaritySettings

    def try_out(self) -> None:
        from . import _training

        super().try_out()
        _training.refuse(self.settings, self.classes)

    def start(self, seed: int, *, pretrained: bool) -> _network.Clarity:
        from . import _training

        return _training.start(self.settings, len(self.classes), seed, pretrained=pretrained)

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _training

        seed, first = wsbench.seed_from(run.seed, run.dataset, "clarity weights"), run.upstream.get("first")
        network = self.start(seed, pretrained=first is None)
        if first is not None:
            assert isinstance(first, Clarity)
            _training.go_on_from(network, first.network)
        elif _training.shares_stem(self.settings):
            teacher = run.upstream["teacher"]
            assert isinstance(teacher, ClarityTeacher)
            _training.share_stem(network, teacher.network)
        _training.fit(network, self.settings, fit, select, run)

    def learning(self, run: wsbench.RunContext) -> Sequence[wsbench.contract.Sign]:
        from . import _learning

        return _learning.signs(run)

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


def built_on(settings: ClaritySettings) -> Mapping[str, wsbench.Requirement]:
    """The teacher a student learns from, unless it learns from labels, and the first of two stages.

    The teacher is asked about the student's images, so their sizes agree. Their normalisation need not: each
    normalises grey images itself. The first stage's weights go on in this one, which sees images as it did.
    """
    needed = {}
    if settings.distill == "teacher":
        teacher = settings.teacher.model_dump()
        needed["teacher"] = wsbench.Requirement("clarity_teacher", teacher, agree=("image_size",))
    if settings.first_size is not None:
        first = first_stage(settings, settings.first_size).model_dump()
        needed["first"] = wsbench.Requirement("clarity", first, agree=("mean", "standard_deviation"))
    return needed


def first_stage(settings: ClaritySettings, size: int) -> ClaritySettings:
    """The settings of the first of two stages: the same at another size, with a teacher of that size
    (sections 3.12 and 3.14)."""
    teacher = settings.teacher.model_copy(update={"image_size": size})
    return settings.model_copy(update={"image_size": size, "first_size": None, "teacher": teacher})


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="clarity_teacher",
            summary="ConvNeXtV2 or a small network with Grad-CAM, the teacher of CLARiTY",
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
            presets={"paper": {}, "paper512": PAPER_512, "quick": QUICK},
            box_supervision=wsbench.BoxSupervision.PAPER,
            box_use="on the calibrate role, box thresholds are those of the highest MSLI (section 3.9) and "
            "the epoch that of the highest UDP (section 3.14)",
            paper_objective="msli",
            after_fit=("attention_layers",),
            requires=built_on,
        ),
    ]
