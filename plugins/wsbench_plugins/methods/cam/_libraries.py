"""Libraries of networks: their names, how they are built, and where their published weights are."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import timm
import torchvision
from torch import Tensor, nn

import wsbench

from ._features import TimmFeatures, at_its_size, of_torchvision

PRETRAINED = "pretrained"
UNAIDED: Mapping[str, Mapping[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}
"""Auxiliary classifiers of torchvision's networks are left out: they play no part in a prediction."""


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

    def features(self, network: nn.Module, name: str) -> nn.Module:
        """The part of a network that ends in a grid of cells."""
        return of_torchvision(network, name)

    def at_its_size(self, network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of images of another size, made to fit where that is known how."""
        return state


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

    def features(self, network: nn.Module, name: str) -> nn.Module:
        return TimmFeatures(network)

    def at_its_size(self, network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
        return at_its_size(network, state)

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
