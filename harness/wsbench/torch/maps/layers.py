"""Chooses the module whose output is mapped, and arranges its cells as a grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from wsbench.errors import WsbenchError, choose
from wsbench.torch.hooks import removed_at_end


class Tap(nn.Module):
    """Stands behind a layer and shows its output as a grid ``(N, K, h, w)``, whatever its own layout.

    Tools that hook modules can hook the tap in place of the layer.

    Args:
        layer: the layer that it stands behind.
        width: K, the number of the layer's channels.
    """

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.width = width
        layer.register_forward_hook(lambda module, inputs, output: self._behind(output))

    def forward(self, grid: Tensor) -> Tensor:
        """The grid as it is, a new tensor: what follows the layer may overwrite its input."""
        return grid.clone()

    def _behind(self, output: Tensor) -> Tensor:
        grid: Tensor = self(as_grid(output, self.width))
        if output.ndim == 3:
            cells = grid.flatten(2).transpose(1, 2)
            return torch.cat([output[:, : output.shape[1] - cells.shape[1]], cells], dim=1)
        return grid if output.shape[1] == self.width else grid.permute(0, 2, 3, 1)


def as_grid(output: Tensor, width: int) -> Tensor:
    """Arrange the output of a module as ``(N, K, h, w)``.

    Maps ``(N, K, h, w)`` stay as they are, maps ``(N, h, w, K)`` are turned, and tokens ``(N, T, K)`` are
    laid out in rows. The last of T tokens that fill a square are cells. Those before them (class token,
    registers) are left out.

    Args:
        output: the output.
        width: K, which tells channels from cells.
    """
    if output.ndim == 3:
        side = isqrt(output.shape[1])
        cells = output[:, output.shape[1] - side * side :]
        return cells.transpose(1, 2).reshape(len(output), -1, side, side)
    return output if output.shape[1] == width else output.permute(0, 3, 1, 2)


def find_layer(network: nn.Module, grey: Tensor, name: str) -> tuple[nn.Module, int]:
    """Find the layer that ``MapSettings.layer`` names, and the number of its channels.

    ``auto`` is the last module whose output has cells that a score depends on, among those as wide as the
    last of all: of a convolutional network what is pooled; of a transformer with a class token the
    normalisation before its last attention, after which its patches reach no score.

    Args:
        network: the network, in evaluation mode.
        grey: any image, ``(1, 1, H, W)`` in [0, 1].
        name: the name of a module of the network, or ``auto``.

    Raises:
        WsbenchError: the network has no such module, or its output has no cells.
    """
    modules = dict(network.named_modules())
    widths = _widths(network, grey)
    if name == "auto":
        last = _last(network, modules, widths, grey)
        return modules[last], widths[last]
    module = choose(name, modules, "layer")
    if name not in widths:
        raise WsbenchError(
            f"layer {name}: its output has no cells; the last that have: {', '.join(list(widths)[-3:])}"
        )
    return module, widths[name]


def _last(network: nn.Module, modules: Mapping[str, nn.Module], widths: dict[str, int], grey: Tensor) -> str:
    for name in reversed(widths):
        as_wide = widths[name] == widths[next(reversed(widths))]
        if as_wide and _reaches_a_score(network, modules[name], grey, widths[name]):
            return name
    raise WsbenchError("no layer of this backbone has cells that reach a score; try -o layer=NAME")


def _widths(network: nn.Module, grey: Tensor) -> dict[str, int]:
    """Channels of every module whose output has cells, in the order of their last calls."""
    widths: dict[str, int] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            widths.pop(name, None)
            if (width := _width(output)) is not None:
                widths[name] = width

        return hook

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in network.named_modules()
        if module != network
    ]
    with removed_at_end(hooks), torch.no_grad():
        network(grey)
    return widths


def _width(output: Any) -> int | None:
    """K of an output with more than one cell; None of any other. Where it can be read both ways, channels
    come first."""
    if not isinstance(output, Tensor):
        return None
    if output.ndim == 3 and output.shape[1] >= 4:
        return output.shape[2]
    if output.ndim != 4:
        return None
    _, first, middle, last = output.shape
    if middle == last > 1:
        return first
    return last if first == middle > 1 else None


def _reaches_a_score(network: nn.Module, layer: nn.Module, grey: Tensor, width: int) -> bool:
    outputs: list[Tensor] = []
    hook = layer.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    with removed_at_end([hook]), torch.enable_grad():
        scores = network(grey.detach().clone().requires_grad_(True))
        (gradient,) = torch.autograd.grad(scores.sum(), outputs[-1], allow_unused=True)
    return gradient is not None and bool(as_grid(gradient, width).count_nonzero())
