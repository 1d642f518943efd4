"""A plain small network trained on image labels: what a few convolutions learn, and where they look.

It follows no paper. It is a reference: a method whose class scores are worse has not learnt what a hundred
thousand parameters learn from the same labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import wsbench

from ._settings import PlainSettings

if TYPE_CHECKING:
    from torch import nn

    from ._network import PlainNetwork


class PlainCnn(wsbench.Method):
    """Five convolutions, a maximum over the image and a linear layer, with its class activation map."""

    settings: PlainSettings
    network: PlainNetwork

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        from . import _network, _training

        network = _network.build(self.settings, len(self.classes), run.seed_for("weights"))
        _training.fit(network, self.settings, fit, select, run)

    def restore(self, run: wsbench.RunContext) -> None:
        from . import _network

        network = _network.build(self.settings, len(self.classes), seed=0)
        network.load_state_dict(wsbench.torch.network_weights(wsbench.torch.best_weights(run)))
        self.network = network.eval().to(wsbench.torch.torch_device(run.device))

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        return _prediction.predict(self.network, images, self.settings)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"classifier": self.network}

    def learning(self, run: wsbench.RunContext) -> Sequence[wsbench.contract.Sign]:
        return wsbench.torch.curve_signs(run, "select_auc", at_least=0.6)


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="plain_cnn",
            summary="plain small network trained on image labels, with its class activation map",
            settings=PlainSettings,
            build=PlainCnn,
            presets={"default": {"precision": "auto", "channels_last": True}},
            reference="a plain network of five convolutions trained on the same labels",
        )
    ]
