"""A classifier of any library around one interface: grey images in, logits out."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import timm
import torch
import torchvision
from torch import Tensor, nn

import wsbench

if TYPE_CHECKING:
    from ._settings import CamSettings

RANDOM, PRETRAINED = "random", "pretrained"
UNAIDED: Mapping[str, Mapping[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}
"""Auxiliary classifiers of torchvision's networks are left out: they play no part in a prediction."""
REASON_CHARACTERS = 80
"""Characters of another library's reason that an error repeats."""
XRAY_RANGE = 1024.0
"""TorchXRayVision's networks take one channel from -1024 to 1024."""


class Classifier(nn.Module):
    """A network with the normalisation of its input.

    Args:
        network: ``(N, 3, H, W)``, or ``(N, 1, H, W)`` of TorchXRayVision -> ``(N, C)`` logits.
        settings: mean, standard deviation and memory format.
        xray: whether it is one of TorchXRayVision's.
    """

    def __init__(self, network: nn.Module, settings: CamSettings, *, xray: bool) -> None:
        super().__init__()
        self.network = network
        self.mean, self.deviation = settings.mean, settings.standard_deviation
        self.channels_last = settings.channels_last
        self.xray = xray

    def forward(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` uint8, or floats in [0, 1] -> ``(N, C)`` logits."""
        return self.network(self.normalised(grey))  # type: ignore[no-any-return]  # torch: a call is Any

    def normalised(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` uint8, or floats in [0, 1] -> what ``network`` takes."""
        if self.xray:
            scaled = grey if grey.is_floating_point() else grey.float() / 255
            return (2 * scaled - 1) * XRAY_RANGE
        return wsbench.torch.three_channels(grey, self.mean, self.deviation, channels_last=self.channels_last)


class Library(ABC):
    """A library of networks."""

    @abstractmethod
    def names(self) -> list[str]:
        """The names of all its networks."""

    @abstractmethod
    def create(self, name: str, classes: int, side: int) -> nn.Module:
        """A network with random weights and a head of ``classes`` outputs, for images of that side."""

    @abstractmethod
    def side(self, name: str) -> int | None:
        """The side of the images that a network is published for, where it is known."""

    @abstractmethod
    def published(self, name: str, weights: str, classes: int, side: int) -> Mapping[str, Tensor]:
        """Published weights; what belongs to the head may be missing or of other sizes."""


class Torchvision(Library):
    """torchvision.models' classifiers."""

    def names(self) -> list[str]:
        return (  # type: ignore[no-any-return]  # torchvision has no types
            torchvision.models.list_models(module=torchvision.models)
        )

    def create(self, name: str, classes: int, side: int) -> nn.Module:
        # Transformers of fixed size take the side, and no other network does.
        sized = {"image_size": side} if name.startswith("vit_") else {}
        return torchvision.models.get_model(  # type: ignore[no-any-return]  # torchvision has no types
            name, weights=None, num_classes=classes, **sized, **UNAIDED.get(name, {})
        )

    def side(self, name: str) -> int | None:
        weights = list(torchvision.models.get_model_weights(name))
        return weights[0].transforms().crop_size[0] if weights else None

    def published(self, name: str, weights: str, classes: int, side: int) -> Mapping[str, Tensor]:
        enumeration = torchvision.models.get_model_weights(name)
        known = {entry.name: entry for entry in enumeration}
        if weights == PRETRAINED and known:
            return (  # type: ignore[no-any-return]  # torchvision has no types
                enumeration.DEFAULT.get_state_dict(progress=False, check_hash=True)
            )
        if weights not in known:
            raise wsbench.WsbenchError(
                f"{name} has no weights '{weights}' (known: {', '.join(known)}); "
                "give -o weights=FILE (a torchvision state dict) or -o weights=random"
            )
        return (  # type: ignore[no-any-return]  # torchvision has no types
            known[weights].get_state_dict(progress=False, check_hash=True)
        )


class Timm(Library):
    """timm's networks."""

    def names(self) -> list[str]:
        return timm.list_models()

    def create(self, name: str, classes: int, side: int) -> nn.Module:
        return self._created(name, classes, side, pretrained=False)

    def side(self, name: str) -> int | None:
        published = timm.models.get_pretrained_cfg(name)
        return published.input_size[-1] if published else None

    def published(self, name: str, weights: str, classes: int, side: int) -> Mapping[str, Tensor]:
        tagged = name if weights == PRETRAINED else f"{name}.{weights}"
        return self._created(tagged, classes, side, pretrained=True).state_dict()

    def _created(self, name: str, classes: int, side: int, *, pretrained: bool) -> nn.Module:
        with contextlib.suppress(TypeError):  # only networks of fixed size take one
            return timm.create_model(name, pretrained=pretrained, num_classes=classes, img_size=side)
        return timm.create_model(name, pretrained=pretrained, num_classes=classes)


class TorchXRayVision(Library):
    """TorchXRayVision's DenseNets and ResNet, trained on several sets of chest X-rays."""

    def names(self) -> list[str]:
        if find_spec("torchxrayvision") is None:
            raise wsbench.WsbenchError("TorchXRayVision is not there; pip install 'wsbench[anatomy]'")
        import torchxrayvision

        return [name for name in torchxrayvision.models.model_urls if "-res" in name]

    def create(self, name: str, classes: int, side: int) -> nn.Module:
        import torchxrayvision

        if name.startswith("resnet"):
            network: nn.Module = torchvision.models.resnet50(weights=None, num_classes=classes)
            network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
            return network
        return (  # type: ignore[no-any-return]  # torchxrayvision has no types
            torchxrayvision.models.DenseNet(num_classes=classes, in_channels=1, apply_sigmoid=False)
        )

    def side(self, name: str) -> int | None:
        return 512 if name.startswith("resnet") else 224

    def published(self, name: str, weights: str, classes: int, side: int) -> Mapping[str, Tensor]:
        import torchxrayvision

        if weights != PRETRAINED:
            raise wsbench.WsbenchError(f"weights '{weights}': the name {name} says them; leave them out")
        return read_pickled(torchxrayvision.models.get_weights(name))


def read_pickled(path: str) -> dict[str, Tensor]:
    """Read the state dict of a file of TorchXRayVision, which holds one, or a pickled DenseNet.

    Raises:
        UnpicklingError: the file holds anything else.
    """
    import torchxrayvision

    parts = {type(module) for module in torchxrayvision.models.DenseNet().modules()}
    state = wsbench.torch.read_pickled_network(path, parts)
    return {name: value for name, value in state.items() if name != "op_threshs"}


LIBRARIES: Mapping[str, Library] = {
    "torchvision": Torchvision(),
    "timm": Timm(),
    "torchxrayvision": TorchXRayVision(),
}


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
        wsbench.torch.fill_weights(
            network, state, *names, new=_head(network, state, library, backbone, settings)
        )
    for module in network.modules():
        if getattr(module, "inplace", False):  # a map's gradients need what an activation would overwrite
            module.inplace = False  # type: ignore[assignment]  # torch: attributes are tensors or modules
    return Classifier(network, settings, xray=backbone.library == "torchxrayvision")


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
