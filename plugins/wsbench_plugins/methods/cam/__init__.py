"""Any classifier of torchvision, timm or TorchXRayVision, trained on image labels and seen through any CAM.

It is trained as the teacher of KD-Grad-CAM is, for any number of classes. One training serves every map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import wsbench

from ._settings import AFTER_FIT, QUICK, CamSettings

if TYPE_CHECKING:
    from torch import nn

    from wsbench.contract import Sign

LEARNT = 0.65
"""Macro AUC on select below which a network has hardly learnt: the findings of ChestX-ray14 are published at
0.75 and more."""


class Cam(wsbench.Method):
    """A classifier with one output a class, and a map of each."""

    settings: CamSettings
    explained: wsbench.torch.Explained

    def try_out(self) -> None:
        from . import _network

        _network.try_out(self.settings, len(self.classes))

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _network, _training

        network = _network.build(self.settings, len(self.classes), run.seed_for("weights"))
        _training.fit(network, self.settings, fit, select, run)

    def restore(self, run: wsbench.RunContext) -> None:
        from . import _network, _prediction

        network = _network.build(self.settings, len(self.classes), seed=0, pretrained=False)
        prefix = "network."
        state = {name.removeprefix(prefix): value for name, value in wsbench.torch.best_weights(run).items()}
        network.load_state_dict(state)
        network = network.eval().to(wsbench.torch.torch_device(run.device))
        self.explained = _prediction.explain(network, self.settings)

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        return _prediction.predict(self.explained, images, self.settings)

    def learning(self, run: wsbench.RunContext) -> Sequence[Sign]:
        return wsbench.torch.curve_signs(run, "select_auc", at_least=LEARNT)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"classifier": self.explained.classifier}

    def training_loss(self, upstream: Mapping[str, wsbench.Method]) -> wsbench.torch.NetworkLoss:
        from . import _training_loss

        return _training_loss.of(self.explained.classifier, self.settings)


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="cam",
            summary="any classifier of torchvision or timm, seen through any CAM",
            settings=CamSettings,
            build=Cam,
            presets={"default": {}, "quick": QUICK},
            after_fit=AFTER_FIT,
        )
    ]
