"""my_plugin: a small convolutional network, and its class activation maps.

Replace this text by what your method does, and the paper that it follows. Lines that begin with "REPLACE"
say what else is yours to change. How to go on: docs/how-to/method.md of wsbench.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

import wsbench

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

# torch is imported in the functions that use it, so that `wsbench list` answers at once.


class MyPluginSettings(wsbench.TrainingSettings):
    """The settings. `-o NAME=VALUE` changes one; epochs, batch_size, learning_rate and others are inherited.

    REPLACE: one field for each choice of your method. The default is the value that you publish.
    """

    epochs: int = Field(20, ge=1, description="most epochs to train")
    size: int = Field(128, ge=32, description="side of the network's input, in pixels")
    channels: int = Field(16, ge=4, description="channels of the first layer")


class MyPlugin(wsbench.Method):
    """Three convolutions, and a map for every class. The score of a class is the mean of its map."""

    settings: MyPluginSettings
    network: nn.Module
    device: torch.device

    def fit(self, fit: wsbench.WeakView, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
        """Learn from image labels. Checkpoints go to ``run.folder``, and a killed training resumes there."""
        settings = self.settings

        def loader(view: wsbench.WeakView, order_seed: int | None = None) -> torch.utils.data.DataLoader[Any]:
            images = wsbench.torch.WeakImages(view, settings.size, settings.size, _as_input)
            return wsbench.torch.keyed_loader(images, settings, order_seed=order_seed)

        # Derive every seed from the run's, by a name of your own. Do not draw from global generators.
        network = _classifier(_network(settings, len(self.classes), run.seed_for("weights")))
        # REPLACE: another loss or optimiser is a class derived from wsbench.torch.Classification.
        module = wsbench.torch.Classification(network, settings)
        wsbench.torch.train(module, loader(fit, run.seed_for("order")), loader(select), run, settings)

    def restore(self, run: wsbench.RunContext) -> None:
        """Load the weights of the epoch with the lowest loss on the select role."""
        self.network = _network(self.settings, len(self.classes), seed=0)
        weights = wsbench.torch.best_weights(run)
        own = {name.removeprefix("network.0."): value for name, value in weights.items()}
        self.network.load_state_dict(own)
        self.device = wsbench.torch.torch_device(run.device)
        self.network.eval().to(self.device)

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        """Scores (N, C) and heatmaps (N, C, size / 8, size / 8), both in [0, 1]."""
        import torch

        size = self.settings.size
        grey = torch.from_numpy(images.pixels(size, size)[:])  # (N, size, size), uint8
        with torch.inference_mode():
            maps = self.network(_as_input(grey[:, None]).to(self.device)).float().cpu()
        scores = maps.mean(dim=(2, 3)).sigmoid().numpy()
        # REPLACE: for boxes of your own, give boxes=... for every image: lists of wsbench.ScoredBox in pixels
        # of the original image. Otherwise wsbench makes boxes of the heatmaps.
        return wsbench.Prediction(scores, maps.sigmoid().numpy())

    def networks(self) -> Mapping[str, nn.Module]:
        """The network, whose parameters and operations the record counts."""
        return {"network": self.network}


def _network(settings: MyPluginSettings, classes: int, seed: int) -> nn.Module:
    """REPLACE: the network. It takes (N, 1, size, size), and returns maps of logits (N, classes, h, w)."""
    import torch
    from torch import nn

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]

    torch.manual_seed(seed)
    width = settings.channels
    blocks = [*block(1, width), *block(width, 2 * width), *block(2 * width, 2 * width)]
    return nn.Sequential(*blocks, nn.Conv2d(2 * width, classes, 1))


def _classifier(network: nn.Module) -> nn.Module:
    """The network with the mean of every map behind it: the logits (N, classes) that are trained."""
    from torch import nn

    return nn.Sequential(network, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _as_input(grey: torch.Tensor) -> torch.Tensor:
    """REPLACE: what the network gets of grey levels 0 to 255. Augmentation of the fit role belongs here, too
    (give the loader of fit a function of its own, and draw from torch: each image has a seed)."""
    return grey.float() / 255 - 0.5


def _build(settings: MyPluginSettings, classes: Sequence[str]) -> MyPlugin:
    return MyPlugin(settings, classes)


@wsbench.hookimpl
def wsbench_methods() -> list[wsbench.MethodSpec]:
    return [
        wsbench.MethodSpec(
            name="my_plugin",
            summary="a small network and its class activation maps",  # REPLACE
            settings=MyPluginSettings,
            build=_build,
            citation="",  # REPLACE: author, title, year and DOI, if it is published
            # Computed datasets, such as the phantom, use "quick", so that everybody can try the method.
            presets={"paper": {}, "quick": {"size": 64, "epochs": 2}},
        )
    ]
