"""A released model as it is: its own head, its own preprocessing, no training, seen through any CAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import wsbench

from ._settings import PretrainedSettings

if TYPE_CHECKING:
    from torch import nn

    from ._prediction import Model


class Pretrained(wsbench.Method):
    """A released model whose outputs are read as the classes of a dataset."""

    settings: PretrainedSettings
    model: Model
    explained: wsbench.torch.Explained

    def try_out(self) -> None:
        from . import _prediction

        _prediction.load(self.settings, self.classes)

    def restore(self, run: wsbench.RunContext) -> None:
        from . import _prediction

        self.model = _prediction.load(self.settings, self.classes)
        self.model.classifier.to(wsbench.torch.torch_device(run.device))
        self.explained = wsbench.torch.explain(self.model.classifier, self.settings, self.model.shown.side)

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        from . import _prediction

        return _prediction.predict(self.model, self.explained, images, self.settings)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"classifier": self.model.classifier}

    def trained_on(self) -> Sequence[str]:
        return self.model.trained_on

    def facts(self) -> Mapping[str, Any]:
        from ._input import as_facts

        model = self.model
        outputs = {name: model.names[place] for name, place in zip(self.classes, model.places, strict=True)}
        return {"epochs": 0, "outputs": outputs, "input": as_facts(model.shown)}


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="pretrained",
            summary="a released model as it is, with its own head: no training",
            settings=PretrainedSettings,
            build=Pretrained,
            deterministic=True,
            after_fit=wsbench.settings.MAP_SETTINGS,
        )
    ]
