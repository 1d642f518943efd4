"""A classifier of any library around one interface: grey images in, logits out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

import wsbench

from ._features import cut, grid_of
from ._libraries import LIBRARIES, Library
from ._pooling import POOLINGS, Pooled

if TYPE_CHECKING:
    from ._settings import CamSettings

RANDOM = "random"
REASON_CHARACTERS = 80
"""Characters of another library's reason that an error repeats."""
XRAY_RANGE = 1024.0
"""TorchXRayVision's networks take one channel from -1024 to 1024."""


class Classifier(nn.Module):
    """A network with the normalisation of its input.

    Args:
        network: ``(N, 3, H, W)``, or ``(N, 1, H, W)`` of TorchXRayVision -> ``(N, C)`` logits.
        settings: mean, standard deviation, memory format and weights of classes.
        xray: whether it is one of TorchXRayVision's.

    Attributes:
        class_weights: ``(2,)`` weights of negative and positive labels in its training's loss; None: all
            weigh 1.
    """

    class_weights: Tensor | None

    def __init__(self, network: nn.Module, settings: CamSettings, *, xray: bool) -> None:
        super().__init__()
        self.network = network
        self.mean, self.deviation = settings.mean, settings.standard_deviation
        self.channels_last = settings.channels_last
        self.xray = xray
        balanced = settings.class_weights == "balanced"
        self.register_buffer("class_weights", torch.ones(2) if balanced else None)

    def forward(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` uint8, or floats in [0, 1] -> ``(N, C)`` logits."""
        return self.network(self.normalised(grey))  # type: ignore[no-any-return]  # torch: a call is Any

    def normalised(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` uint8, or floats in [0, 1] -> what ``network`` takes."""
        if self.xray:
            scaled = grey if grey.is_floating_point() else grey.float() / 255
            return (2 * scaled - 1) * XRAY_RANGE
        return wsbench.torch.three_channels(grey, self.mean, self.deviation, channels_last=self.channels_last)


@dataclass(frozen=True)
class Backbone:
    """A network's name and whose it is."""

    library: str
    name: str

    @classmethod
    def of(cls, words: str) -> Backbone:
        """Read `CamSettings.backbone`; without a library, torchvision is asked first.

        Raises:
            WsbenchError: no such library or network; the message names the nearest.
        """
        library, slash, name = words.rpartition("/")
        if slash:
            if library not in LIBRARIES:
                raise wsbench.WsbenchError(
                    f"backbone {words}: libraries are {', '.join(LIBRARIES)}, not '{library}'"
                )
            wsbench.choose(name, dict.fromkeys(LIBRARIES[library].names()), f"network of {library}")
            return cls(library, name)
        both = {known: library for library in ("timm", "torchvision") for known in LIBRARIES[library].names()}
        return cls(wsbench.choose(words, both, "backbone"), words)


def build(settings: CamSettings, classes: int, seed: int, *, pretrained: bool = True) -> Classifier:
    """The classifier before training.

    Args:
        settings: backbone, weights and normalisation.
        classes: C, the outputs.
        seed: of random weights, and of the new head.
        pretrained: False leaves the weights to be filled from a checkpoint.

    Raises:
        WsbenchError: no such network, or its weights could not be loaded or do not fit.
    """
    backbone = Backbone.of(settings.backbone)
    library = LIBRARIES[backbone.library]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = library.create(backbone.name, classes, settings.crop)
    if pretrained and settings.weights != RANDOM:
        names = settings.weights, backbone.name
        where = backbone.name, settings.weights, classes, settings.crop
        state = wsbench.torch.read_weights(*names, lambda: library.published(*where))
        state = library.at_its_size(network, state)
        wsbench.torch.fill_weights(
            network, state, *names, new=_head(network, state, library, backbone, settings)
        )
    xray = backbone.library == "torchxrayvision"
    if settings.pooling in POOLINGS:
        features = library.features(network, backbone.name)
        features = cut(features, settings.until, backbone.name) if settings.until else features
        network = _pooled(features, settings, classes, seed, 1 if xray else 3)
    for module in network.modules():
        if getattr(module, "inplace", False):  # a map's gradients need what an activation would overwrite
            module.inplace = False  # type: ignore[assignment]  # torch: attributes are tensors or modules
    return Classifier(network, settings, xray=xray)


def _pooled(features: nn.Module, settings: CamSettings, classes: int, seed: int, channels: int) -> Pooled:
    width, cells = grid_of(features, settings.crop, channels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(wsbench.seed_from(seed, "pooling"))
        return Pooled(features, POOLINGS[settings.pooling](width, classes, cells, settings.sharpness))


def try_out(settings: CamSettings, classes: int) -> None:
    """Send one black image through the untrained network.

    Raises:
        WsbenchError: no such network, or it cannot take images of the crop's side.
    """
    backbone = Backbone.of(settings.backbone)
    try:
        classifier = build(settings, classes, seed=0, pretrained=False).eval()
        with torch.inference_mode():
            classifier(torch.zeros(1, 1, settings.crop, settings.crop, dtype=torch.uint8))
    except wsbench.WsbenchError:
        raise
    except Exception as error:  # each network has its own way of failing
        side = LIBRARIES[backbone.library].side(backbone.name)
        if side is None or side == settings.crop:
            reason = " ".join(str(error).split())[:REASON_CHARACTERS]
            advice = f"cannot take images of {settings.crop} pixels ({reason}); give another -o crop"
        else:
            resize = side * 256 // 224  # the usual margin of the central crop
            advice = f"takes images of {side} pixels; give -o resize={resize} -o crop={side}"
        raise wsbench.WsbenchError(f"{backbone.name} {advice}") from None


def _head(
    network: nn.Module,
    state: Mapping[str, Tensor],
    library: Library,
    backbone: Backbone,
    settings: CamSettings,
) -> tuple[str, ...]:
    """Names of parameters whose size depends on the number of classes, and of what comes with published
    weights beside the network."""
    ours = network.state_dict()
    classes = next(reversed(ours.values())).shape[0]
    other = library.create(backbone.name, classes + 1, settings.crop).state_dict()
    sized = {name for name, value in ours.items() if value.shape != other[name].shape}
    aside = {name for name in state if name not in ours and "aux" in name.lower()}
    return tuple(sorted(sized | aside))
