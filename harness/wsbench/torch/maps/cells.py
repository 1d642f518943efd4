"""The centres of the cells of a layer, in pixels of the network's input.

A CAM is usually stretched over the image, as if its cells divided it. Those of a ResNet do not: its strided
convolutions are centred on every second pixel from the first one on, so that a cell of layer3, 16 pixels
wide, looks 7.5 pixels to the left of and above where it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wsbench.errors import WsbenchError
from wsbench.torch.hooks import removed_at_end
from wsbench.torch.maps.kinds import tapped
from wsbench.torch.maps.layers import Tap

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True)
class Cells:
    """A row of cells. A column of a square grid is the same.

    Attributes:
        first: the centre of what the first cell sees, in pixels. Pixel k spans k to k + 1.
        step: the distance between neighbouring centres, in pixels.
        count: the number of cells.
    """

    first: float
    step: float
    count: int

    def after(self, window: int, stride: int, padding: int, dilation: int, count: int) -> Cells:
        """The cells of a convolution or pooling over these (Araujo, Norris, Sim: Computing Receptive Fields
        of Convolutional Neural Networks).

        Args:
            window: the side of its kernel, in these cells.
            stride, padding, dilation: its other parameters, in these cells.
            count: the number of its cells.
        """
        shift = (window - 1) * dilation / 2 - padding
        return Cells(self.first + shift * self.step, self.step * stride, count)

    def span(self) -> tuple[float, float]:
        """The left and the right end of the row, in pixels, where each cell is as wide as a step."""
        left = self.first - self.step / 2
        return left, left + self.step * self.count


def cells_of(classifier: nn.Module, tap: Tap, side: int) -> Cells:
    """The cells behind a tap, derived from the convolutions and pooling layers that lead there.

    Where several paths lead there, the first one that reaches the number of cells counts.

    Args:
        classifier: the network, in evaluation mode.
        tap: the tap behind one of its layers.
        side: the side of its input, in pixels.

    Raises:
        WsbenchError: the grid became smaller in another way.
    """
    known = {side: Cells(0.5, 1.0, side)}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        before, count = inputs[0].shape[-1], output.shape[-1]
        if before in known and count not in known and (cells := _after(known[before], module, count)):
            known[count] = cells

    hooks = [
        module.register_forward_hook(note) for module in classifier.modules() if isinstance(module, WINDOWS)
    ]
    device = next(classifier.parameters()).device
    with removed_at_end(hooks), torch.no_grad():
        _, grid = tapped(classifier, tap, torch.full((1, 1, side, side), 0.5, device=device))
    if grid.shape[-1] not in known:
        raise WsbenchError(
            f"cells=centred: no convolutions and pooling lead to the layer's {grid.shape[-1]} cells a row; "
            "use -o cells=stretched"
        )
    return known[grid.shape[-1]]


def _after(cells: Cells, module: nn.Module, count: int) -> Cells | None:
    """The cells behind a module; None if its parameters do not explain their number."""
    if isinstance(module, nn.AdaptiveAvgPool2d):
        window, left = divmod(cells.count, count)
        return None if left else cells.after(window, window, 0, 1, count)
    sizes: list[Any] = [
        _same_on_both_axes(getattr(module, name, 1))
        for name in ("kernel_size", "stride", "padding", "dilation")
    ]
    if None in sizes:
        return None
    window, stride, padding, dilation = sizes
    steps = cells.count + 2 * padding - dilation * (window - 1) - 1
    expected = -(-steps // stride) if getattr(module, "ceil_mode", False) else steps // stride
    return cells.after(window, stride, padding, dilation, count) if count == expected + 1 else None


def _same_on_both_axes(value: int | str | tuple[int, int]) -> int | None:
    """The number of both axes; None if they differ."""
    if isinstance(value, int):
        return value
    return value[0] if len(set(value)) == 1 and isinstance(value, tuple) else None
