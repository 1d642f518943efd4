"""TBVA-GAN and the systems its paper compares: Grad-CAM of VGG16, ANT-GAN and MDVA-GAN. Beside
them Fixed-Point GAN.

Zeyu and others: TBVA-GAN: A Class Activation Mapping-Guided Tuberculosis Visual Attribution Generative
Adversarial Network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import wsbench

from ._recogniser_settings import QUICK_RECOGNISER, RecogniserSettings
from ._settings import (
    QUICK_ANT,
    QUICK_GUIDED,
    QUICK_STAR,
    AntGanSettings,
    ChangemapSettings,
    FixedPointGanSettings,
    MdvaGanSettings,
    TranslationSettings,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from ._measuring import Measured
    from ._recogniser import Recogniser
    from ._translation import Translator

CITATION = (
    "Zeyu, Yaakob, Azman, Mohd Rum, Zakaria, Nazri: TBVA-GAN: A Class Activation Mapping-Guided Tuberculosis "
    "Visual Attribution Generative Adversarial Network"
)
ANT = (
    "Sun, Wang, Huang, Ding, Greenspan, Paisley: An adversarial learning approach to medical image synthesis "
    "for lesion detection"
)
MDVA = (
    "Nawaz, Al-Obeidat, Tubaishat, Zia, Maqbool, Rocha: MDVA-GAN: multi-domain visual attribution generative "
    "adversarial networks"
)
FIXED_POINT = (
    "Rahman Siddiquee, Zhou, Tajbakhsh, Feng, Gotway, Bengio, Liang: Learning fixed points in generative "
    "adversarial networks: from image-to-image translation to disease detection and localization"
)


MEASURED = ("score_", "change_", "peak_", "discriminator_auc_")
"""Beginnings of the names of what is measured on the select role."""
RECOGNISER = "recogniser.pth"
"""F, kept in the folder of the translation that it judged."""


class Vgg16(wsbench.Method):
    """The auxiliary recogniser F, seen through its Grad-CAM: a row of Table 1, and what guides TBVA-GAN.

    It learns from healthy and active-tuberculosis images alone.
    """

    settings: RecogniserSettings
    network: Recogniser
    measured: Mapping[str, float]

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _recogniser, _recogniser_training

        _one_class(self.classes)
        network = _recogniser.build(self.settings, run.seed_for("weights"))
        _recogniser_training.fit_recogniser(network, self.settings, fit, select, run)

    def restore(self, run: wsbench.RunContext) -> None:
        from . import _recogniser, _recogniser_training

        network = _recogniser.build(self.settings, seed=0, pretrained=False)
        network.load_state_dict(_part(wsbench.torch.best_weights(run), "network."))
        self.network = network.eval().to(wsbench.torch.torch_device(run.device))
        self.measured = _recogniser_training.measured(run, self.settings)

    def learning(self, run: wsbench.RunContext) -> Sequence[wsbench.contract.Sign]:
        from . import _learning

        return _learning.of_recogniser(run, self.measured)

    def facts(self) -> Mapping[str, Any]:
        return self.measured

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        return _prediction.recognise(self.network, images)

    def paper_boxes(
        self, images: wsbench.ImageView, prediction: wsbench.Prediction, boxed: wsbench.BoxedView | None
    ) -> Sequence[Sequence[wsbench.ScoredBox]]:
        rule = wsbench.geometry.BoxRule(self.settings.cam_threshold, 0.0)
        return wsbench.geometry.boxes_of(prediction, images.sizes, images.classes, [rule])

    def networks(self) -> Mapping[str, nn.Module]:
        return {"recogniser": self.network}


class Translating(wsbench.Method):
    """Active tuberculosis translated to health and back; what changes is the map.

    The heatmap is the changemap's magnitude, on one scale for all images, so that a normal image has a nearly
    empty one: 1 is the mean over tuberculous images of the select role of their greatest change. The score is
    the recogniser's.
    """

    settings: ChangemapSettings
    network: Translator
    recogniser: Recogniser
    measured: Mapping[str, float]
    shared = False
    """Whether one generator translates to both domains."""

    def module(self, network: Translator, recogniser: Recogniser) -> Measured:
        """The translation, to be trained."""
        from . import _training

        settings: Any = self.settings
        return _training.Translation(network, recogniser, settings)

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        import torch

        from . import _learning, _training, _translation

        _one_class(self.classes)
        upstream: Any = run.upstream["recogniser"]
        recogniser = upstream.network
        unfinished = run.folder / f"{RECOGNISER}.part"
        torch.save(recogniser.state_dict(), unfinished)
        unfinished.replace(run.folder / RECOGNISER)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(run.seed_for("weights"))
            network = _translation.Translator(self.settings, shared=self.shared)
            module = self.module(network, recogniser)
        _training.fit_translation(module, fit, select, run)
        _learning.keep_maps(network, recogniser, select, self.settings, run)

    def restore(self, run: wsbench.RunContext) -> None:
        import torch

        from . import _recogniser, _translation

        device = wsbench.torch.torch_device(run.device)
        network = _translation.Translator(self.settings, shared=self.shared)
        network.load_state_dict(_part(wsbench.torch.last_weights(run), "network."))
        self.network = network.eval().to(device)
        recogniser = _recogniser.build(self.settings.recogniser, seed=0, pretrained=False)
        recogniser.load_state_dict(torch.load(run.folder / RECOGNISER, map_location="cpu", weights_only=True))
        self.recogniser = recogniser.eval().to(device)
        self.measured = {k: v for k, v in _last_epoch(run).items() if k.startswith(MEASURED)}

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        peak = self.measured["peak_tuberculous"]
        return _prediction.translate(self.network, self.recogniser, images, self.settings, peak)

    def inner_maps(self, images: wsbench.ImageView) -> Mapping[str, np.ndarray]:
        from . import _prediction

        changed, attention = self.maps(images)
        return {
            "changemap": _prediction.scaled_maps(changed),
            "mask": _prediction.masks_of(changed, attention, self.settings),
            "gradcam": attention,
            "gradcam_red": (attention >= self.settings.cam_region).astype(attention.dtype),
        }

    def maps(self, images: wsbench.ImageView) -> tuple[np.ndarray, np.ndarray]:
        """Changemaps and the recogniser's Grad-CAM, each ``(N, 1, size, size)`` float32 in [0, 1]."""
        from . import _prediction

        return _prediction.changemaps(self.network, self.recogniser, images, self.settings)

    def learning(self, run: wsbench.RunContext) -> Sequence[wsbench.contract.Sign]:
        from . import _learning

        return _learning.of_translation(run, self.settings, _last_epoch(run))

    def networks(self) -> Mapping[str, nn.Module]:
        return {"translator": self.network, "recogniser": self.recogniser}

    def facts(self) -> Mapping[str, Any]:
        return self.measured


class MultiDomainTranslating(Translating):
    """A StarGAN: one generator is told the domain, and one critic names it."""

    shared = True

    def module(self, network: Translator, recogniser: Recogniser) -> Measured:
        from . import _multi_domain

        settings: Any = self.settings
        return _multi_domain.MultiDomain(network, recogniser, settings)


def recogniser_of(settings: ChangemapSettings) -> Mapping[str, wsbench.Requirement]:
    """The recogniser, which gives the score and the mask's region to all, and guides TBVA-GAN."""
    return {"recogniser": wsbench.Requirement("gradcam_vgg16", settings.recogniser.model_dump())}


MASK_SETTINGS = (
    "cam_region",
    "bins",
    "peak_share",
    "erosion",
    "dilation",
    "kernel_scale",
    "smallest_component",
    "smoothing",
)
"""Settings that no training depends on."""


def _last_epoch(run: wsbench.RunContext) -> dict[str, float]:
    """The last epoch's losses, and its measurements on the select role: scores of the recogniser, means and
    mean peaks of changemaps as shares of the range of grey levels, and AUCs of discriminators."""
    import pandas as pd

    last = pd.read_csv(run.folder / wsbench.torch.HISTORY).iloc[-1]
    return {str(name): float(value) for name, value in last.items()}


def _part(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _one_class(classes: tuple[str, ...]) -> None:
    if len(classes) != 1:
        raise wsbench.WsbenchError(
            f"TBVA-GAN translates one class to health; this dataset has {len(classes)} classes"
        )


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    def translation(
        name: str,
        summary: str,
        settings: type[ChangemapSettings],
        quick: Mapping[str, Any],
        build: type[Translating] = Translating,
        citation: str = CITATION,
    ) -> wsbench.MethodSpec:
        return wsbench.MethodSpec(
            name=name,
            summary=summary,
            settings=settings,
            build=build,
            citation=citation,
            presets={"paper": {}, "quick": quick},
            after_fit=MASK_SETTINGS,
            requires=recogniser_of,
        )

    return [
        wsbench.MethodSpec(
            name="gradcam_vgg16",
            summary="VGG16 with Grad-CAM, the auxiliary recogniser of TBVA-GAN",
            settings=RecogniserSettings,
            build=Vgg16,
            citation=CITATION,
            presets={"paper": {}, "quick": QUICK_RECOGNISER},
            after_fit=("cam_threshold",),
        ),
        translation(
            "tbva_gan", "TBVA-GAN: what must change for tuberculosis to go", TranslationSettings, QUICK_GUIDED
        ),
        translation(
            "ant_gan", "ANT-GAN, approximated: a CycleGAN, unguided", AntGanSettings, QUICK_ANT, citation=ANT
        ),
        translation(
            "mdva_gan",
            "MDVA-GAN, approximated: a StarGAN's changemap",
            MdvaGanSettings,
            QUICK_STAR,
            MultiDomainTranslating,
            MDVA,
        ),
        translation(
            "fixed_point_gan",
            "Fixed-Point GAN: a StarGAN that leaves a healthy image as it is",
            FixedPointGanSettings,
            QUICK_STAR,
            MultiDomainTranslating,
            FIXED_POINT,
        ),
    ]


@wsbench.hookimpl
def wsbench_commands() -> list[wsbench.CommandSpec]:
    from . import _commands

    return [
        wsbench.CommandSpec(
            "tbva-picture",
            "draws Figures 3 to 5 of TBVA-GAN: Grad-CAM, changemap, histograms and mask",
            _commands.picture,
        )
    ]
