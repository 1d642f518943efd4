"""Randomisation of what was learnt: parameters are drawn again, and labels are permuted among images.

The two randomisations of Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018), sections 4 and 5.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from wsbench.data.dataset import Loaded
from wsbench.data.splits import Roles
from wsbench.torch.hooks import removed_at_end
from wsbench.types import Role, Sample
from wsbench.utils.hashing import seed_from

LEARNT_FROM: tuple[Role, ...] = ("fit", "select")

SPREAD = 0.02
"""Standard deviation of the numbers that replace a tensor of zeros, as in a new vision transformer."""

Layer = tuple[str, nn.Module]
"""The name of a module in its network, and the module, which has parameters of its own."""


def layers(network: nn.Module) -> list[Layer]:
    """The modules of a network that have parameters or statistics of their own, in the order of their
    definition."""
    return [
        (name, module)
        for name, module in network.named_modules()
        if any(True for _ in module.parameters(recurse=False))
        or (hasattr(module, "reset_parameters") and any(True for _ in module.buffers(recurse=False)))
    ]


def by_depth(networks: Mapping[str, nn.Module], run: Callable[[], object]) -> dict[str, list[Layer]]:
    """The layers that each network uses, from its input to its output, in the order of their last calls.

    A layer that is not called itself (the projection inside ``nn.MultiheadAttention``) takes the time of the
    nearest module around it that is called. A layer of which only inner modules are called (a vision
    transformer, which holds its tokens) counts as the input.

    Args:
        networks: the networks by name.
        run: computes with all of them once.

    Returns:
        The layers of each network, by the network's name.
    """
    called: dict[nn.Module, int] = {}
    clock = itertools.count(1)

    def note(module: nn.Module, _inputs: object) -> None:
        called[module] = next(clock)

    modules = {module: None for network in networks.values() for module in network.modules()}
    with removed_at_end([module.register_forward_pre_hook(note) for module in modules]):
        run()
    depths = {}
    for name, network in networks.items():
        times = {layer: _time(network, *layer, called) for layer in layers(network)}
        used = {layer: time for layer, time in times.items() if time is not None}
        depths[name] = sorted(used, key=used.__getitem__)
    return depths


def _time(network: nn.Module, name: str, layer: nn.Module, called: Mapping[nn.Module, int]) -> int | None:
    """When a layer was used; 0 where only modules inside it were called, None where none was."""
    parts = name.split(".") if name else []
    for length in range(len(parts), -1, -1):
        around = network.get_submodule(".".join(parts[:length]))
        if around in called:
            return called[around]
    return 0 if any(module in called for module in layer.modules()) else None


def stages(
    depths: Mapping[str, Sequence[Layer]], shares: Iterable[float]
) -> Iterator[dict[str, Sequence[Layer]]]:
    """The layers that each stage of a cascade from the output to the input adds to the stages before.

    Args:
        depths: the layers of each network, as `by_depth` returns them.
        shares: the share of every network's layers that is random at each stage, in [0, 1] and ascending. At
            least one layer is random.

    Yields:
        The added layers of each network, by the network's name.
    """
    before = dict.fromkeys(depths, 0)
    for share in shares:
        counts = {name: max(1, round(share * len(ordered))) for name, ordered in depths.items()}
        yield {
            name: ordered[max(0, len(ordered) - counts[name]) : len(ordered) - before[name]]
            for name, ordered in depths.items()
        }
        before = counts


def redraw(chosen: Mapping[str, Sequence[Layer]], seed: int) -> None:
    """Draw the parameters of some layers again, in place. All other parameters keep every bit.

    ``reset_parameters`` gives a layer the parameters and statistics of an untrained one. Parameters that it
    does not change, and those of modules without it, are drawn from a normal distribution with the mean and
    the standard deviation of the tensor. The numbers depend on the seed and on the layer's name alone.

    Args:
        chosen: the layers, by the name of their network.
        seed: the seed of the draw.
    """
    for network, named in chosen.items():
        for name, layer in named:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed_from(seed, network, name))
                _redraw(layer)


def _redraw(layer: nn.Module) -> None:
    device = next((parameter.device for parameter in layer.parameters(recurse=False)), None)
    layer.cpu()  # the generator of another device would draw other numbers
    parameters = [parameter for parameter in layer.parameters(recurse=False) if parameter.is_floating_point()]
    learnt = [parameter.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.fill_(torch.nan)  # what is still NaN later was not reset
    reset = getattr(layer, "reset_parameters", None)
    if reset is not None:
        of_submodules = {name: value.clone() for name, value in layer.state_dict().items() if "." in name}
        reset()
        layer.load_state_dict(of_submodules, strict=False)
    for parameter, before in zip(parameters, learnt, strict=True):
        if parameter.isnan().any():
            parameter.copy_(_normal(before))
    if device is not None:
        layer.to(device)


def _normal(before: Tensor) -> Tensor:
    """Normal random numbers with the mean and the deviation of another tensor. For a constant tensor the
    deviation is its absolute value, so that a single number changes, too."""
    mean, deviation = before.mean(), before.std(correction=0)
    if deviation == 0:
        deviation = mean.abs() if mean != 0 else torch.tensor(SPREAD)
    return torch.randn(before.shape) * deviation + mean


@dataclass(frozen=True, kw_only=True)
class Relabelled(Loaded):
    """A dataset whose images for training have permuted labels.

    Attributes:
        truth: the dataset with its true labels.
    """

    truth: Loaded

    @cached_property
    def roles(self) -> Roles:
        """The roles by the true labels: permuting labels must not move an image to another role."""
        return self.truth.roles


def with_random_labels(loaded: Loaded, seed: int) -> Relabelled:
    """The dataset with the labels of fit permuted among the images of fit, and likewise those of select.

    An image also gets the other image's attributes, which may name the class. Its boxes are removed, since
    they no longer belong to its labels. The number of images with each class stays the same.

    Args:
        loaded: the dataset.
        seed: the seed of the permutation.
    """
    samples = {sample.name: sample for sample in loaded.samples}
    for role in LEARNT_FROM:
        names = loaded.roles.members[role]
        order = np.random.default_rng(seed_from(seed, role)).permutation(len(names))
        truth = [samples[name] for name in names]
        samples |= {
            sample.name: _like(sample, truth[other]) for sample, other in zip(truth, order, strict=True)
        }
    values = {field.name: getattr(loaded, field.name) for field in fields(loaded)}
    return Relabelled(**{**values, "samples": tuple(samples.values())}, truth=loaded)


def _like(sample: Sample, other: Sample) -> Sample:
    return replace(sample, labels=other.labels, attributes=other.attributes, boxes=())
