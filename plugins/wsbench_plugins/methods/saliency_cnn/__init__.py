"""The saliency-map CNN: a small network for tuberculosis, and where it looks.

Pasa, Golkov, Pfeiffer, Cremers, Pfeiffer: Efficient Deep Network Architectures for Fast Chest X-Ray
Tuberculosis Screening and Visualization.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import wsbench

from ._settings import AFTER_FIT, MAPS, QUICK, SaliencySettings

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from wsbench.contract import Sign

    from ._network import SmallNetwork

CITATION = (
    "Pasa, Golkov, Pfeiffer, Cremers, Pfeiffer: Efficient Deep Network Architectures for Fast Chest X-Ray "
    "Tuberculosis Screening and Visualization"
)

LEARNT = 0.7
"""AUC on select below which a network has hardly learnt. Of 100 positives and 100 negatives, chance alone
reaches 0.58 once in 40 times."""


class SaliencyCnn(wsbench.Method):
    """The network, and the input's gradient or a block's Grad-CAM as its heatmap."""

    settings: SaliencySettings
    network: SmallNetwork

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _network, _training

        if len(self.classes) != 1:
            raise wsbench.WsbenchError(
                f"the saliency-map CNN tells one class from its absence; this dataset has {len(self.classes)}"
            )
        network = _network.build(self.settings, run.seed_for("weights"))
        _training.fit(network, self.settings, fit, select, run)

    def restore(self, run: wsbench.RunContext) -> None:
        from . import _network

        network = _network.build(self.settings, seed=0)
        weights_of = (
            wsbench.torch.best_weights if self.settings.kept == "best" else wsbench.torch.last_weights
        )
        state = weights_of(run)
        network.load_state_dict(wsbench.torch.network_weights(state))
        self.network = network.eval().to(wsbench.torch.torch_device(run.device))

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        return _prediction.predict(self.network, images, self.settings)

    def inner_maps(self, images: wsbench.ImageView) -> Mapping[str, np.ndarray]:
        from . import _prediction

        return {name: _prediction.maps_of(self.network, images, self.settings, name) for name in MAPS}

    def learning(self, run: wsbench.RunContext) -> Sequence[Sign]:
        return wsbench.torch.curve_signs(run, "select_auc", at_least=LEARNT)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"classifier": self.network}

    def training_loss(self, upstream: Mapping[str, wsbench.Method]) -> wsbench.torch.NetworkLoss:
        from . import _training_loss

        return _training_loss.of(self.network, self.settings)


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="saliency_cnn",
            summary="small CNN for tuberculosis, seen through saliency maps or Grad-CAM",
            settings=SaliencySettings,
            build=SaliencyCnn,
            citation=CITATION,
            presets={"paper": {}, "quick": QUICK},
            after_fit=AFTER_FIT,
        )
    ]
