"""Forgetting what was learnt: parameters drawn anew, and labels that belong to other images.

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
from wsbench.types import Role, Sample
from wsbench.utils.hashing import seed_from

LEARNT_FROM: tuple[Role, ...] = ("fit", "select")

SPREAD = 0.02
"""Standard deviation of what takes the place of a tensor of zeros: that of a vision transformer's start."""

Layer = tuple[str, nn.Module]
"""A module with parameters of its own, and its name in its network."""


def layers(network: nn.Module) -> list[Layer]:
    """The modules of a network that have parameters or statistics of their own, in the order in which they
    were defined."""
    return [
        (name, module)
        for name, module in network.named_modules()
        if any(True for _ in module.parameters(recurse=False))
        or (hasattr(module, "reset_parameters") and any(True for _ in module.buffers(recurse=False)))
    ]


def by_depth(networks: Mapping[str, nn.Module], run: Callable[[], object]) -> dict[str, list[Layer]]:
    """The layers of every network that are computed with, from its input to its output: in the order of their
    last calls.

    A layer that is not called itself (the projection inside ``nn.MultiheadAttention``) counts with the
    nearest module around it that is. Where only modules inside it are called (a vision transformer that holds
    its tokens), it counts as the input.

    Args:
        networks: by name.
        run: computes with them once.
    """
    called: dict[nn.Module, int] = {}
    clock = itertools.count(1)

    def note(module: nn.Module, _inputs: object) -> None:
        called[module] = next(clock)

    modules = {module: None for network in networks.values() for module in network.modules()}
    hooks = [module.register_forward_pre_hook(note) for module in modules]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    found = {}
    for name, network in networks.items():
        times = {layer: _time(network, *layer, called) for layer in layers(network)}
        used = {layer: time for layer, time in times.items() if time is not None}
        found[name] = sorted(used, key=used.__getitem__)
    return found


def _time(network: nn.Module, name: str, layer: nn.Module, called: Mapping[nn.Module, int]) -> int | None:
    """When a layer was computed with; 0 where only modules inside it were called, None where none was."""
    parts = name.split(".") if name else []
    for length in range(len(parts), -1, -1):
        around = network.get_submodule(".".join(parts[:length]))
        if around in called:
            return called[around]
    return 0 if any(module in called for module in layer.modules()) else None


def stages(
    depths: Mapping[str, Sequence[Layer]], shares: Iterable[float]
) -> Iterator[dict[str, Sequence[Layer]]]:
    """What becomes random at each stage of a cascade from the output to the input: the layers that it adds to
    those of the stages before.

    Args:
        depths: as `by_depth` gives them.
        shares: of every network's layers that are random at a stage, and at least one; in [0, 1], ascending.
    """
    before = dict.fromkeys(depths, 0)
    for share in shares:
        counts = {name: max(1, round(share * len(found))) for name, found in depths.items()}
        yield {
            name: found[max(0, len(found) - counts[name]) : len(found) - before[name]]
            for name, found in depths.items()
        }
        before = counts


def redraw(chosen: Mapping[str, Sequence[Layer]], seed: int) -> None:
    """Draw the parameters of some layers anew, in place; the rest of their networks stays bit by bit.

    ``reset_parameters`` gives a layer the start, and the statistics, of one that never learnt. Parameters
    that it leaves alone, and those of modules without it, come from a normal law with the mean and the
    standard deviation of the tensor. A layer's numbers are a function of the seed and of its name.

    Args:
        chosen: layers by the name of their network.
        seed: of the draw.
    """
    for network, found in chosen.items():
        for name, layer in found:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed_from(seed, network, name))
                _redraw(layer)


def _redraw(layer: nn.Module) -> None:
    device = next((parameter.device for parameter in layer.parameters(recurse=False)), None)
    layer.cpu()  # another device's generator would give other numbers
    own = [parameter for parameter in layer.parameters(recurse=False) if parameter.is_floating_point()]
    learnt = [parameter.clone() for parameter in own]
    for parameter in own:
        parameter.fill_(torch.nan)  # shows what `reset_parameters` leaves alone
    reset = getattr(layer, "reset_parameters", None)
    if reset is not None:
        inside = {name: value.clone() for name, value in layer.state_dict().items() if "." in name}
        reset()
        layer.load_state_dict(inside, strict=False)
    for parameter, before in zip(own, learnt, strict=True):
        if parameter.isnan().any():
            parameter.copy_(_normal(before))
    if device is not None:
        layer.to(device)


def _normal(before: Tensor) -> Tensor:
    """A tensor of a normal law with the mean and the deviation of another; a constant one's deviation is its
    size, so that a single number changes, too."""
    mean, deviation = before.mean(), before.std(correction=0)
    if deviation == 0:
        deviation = mean.abs() if mean != 0 else torch.tensor(SPREAD)
    return torch.randn(before.shape) * deviation + mean


@dataclass(frozen=True, kw_only=True)
class Relabelled(Loaded):
    """A dataset whose images to learn from have each other's labels; all else is the truth's.

    Attributes:
        truth: the dataset.
    """

    truth: Loaded

    @cached_property
    def roles(self) -> Roles:
        """Those of the true labels: they must not move with what is permuted."""
        return self.truth.roles


def with_random_labels(loaded: Loaded, seed: int) -> Relabelled:
    """The dataset with the labels of fit permuted among its images, and so those of select.

    An image gets another one's further words, too, which may tell the class; it has no boxes, which no longer
    belong to its labels. How many images have a class stays.

    Args:
        loaded: the dataset.
        seed: of the permutation.
    """
    samples = {sample.name: sample for sample in loaded.samples}
    for role in LEARNT_FROM:
        names = loaded.roles.members[role]
        order = np.random.default_rng(seed_from(seed, role)).permutation(len(names))
        truth = [samples[name] for name in names]
        samples |= {one.name: _like(one, truth[other]) for one, other in zip(truth, order, strict=True)}
    values = {field.name: getattr(loaded, field.name) for field in fields(loaded)}
    return Relabelled(**{**values, "samples": tuple(samples.values())}, truth=loaded)


def _like(sample: Sample, other: Sample) -> Sample:
    return replace(sample, labels=other.labels, attributes=other.attributes, boxes=())
