"""Turns images of a dataset into the input of a network, and says which part of the image that shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

import wsbench

if TYPE_CHECKING:
    from ._settings import InputSettings

FINER = 2
"""Images that are not square are read this many times finer than `Input.resize`, because reading squeezes
their longer side."""


@dataclass(frozen=True)
class Input:
    """`InputSettings`, with every field known."""

    side: int
    resize: int
    fit: str
    channels: int
    low: float
    high: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, published: Mapping[str, Any] | None, settings: InputSettings) -> Input:
        """Fill in every field: by the user's word, else by the library's, else for images in [0, 1].

        Raises:
            WsbenchError: sizes or numbers of channels do not fit together.
        """
        chosen = {name: value for name, value in settings.model_dump().items() if value is not None}
        values = {"side": 224, "fit": "crop", "channels": 3, "low": 0.0, "high": 1.0, **(published or {})}
        if "side" in chosen and "resize" in values:  # the library's margin
            values["resize"] = round(values["resize"] / values["side"] * chosen["side"])
        values = {
            "resize": {**values, **chosen}["side"],
            "mean": (0.0,),
            "deviation": (1.0,),
            **values,
            **chosen,
        }
        made = cls(**values)
        if made.resize < made.side:
            raise wsbench.WsbenchError(f"input: resize {made.resize} is less than side {made.side}")
        for name in ("mean", "deviation"):
            if len(values[name]) not in (1, made.channels):
                raise wsbench.WsbenchError(f"input: {name} must have {made.channels} numbers, one a channel")
        return made

    def region(self, width: int, height: int) -> wsbench.Region:
        """Return what the network is shown of an image, in pixels of the original image."""
        if self.fit == "stretch" or width == height:
            return wsbench.geometry.centre_crop(width, height, resized=self.resize, cropped=self.side)
        (x0, x1), (y0, y1) = self._bounds(width, height)
        read = FINER * self.resize
        return wsbench.Region(x0 * width / read, y0 * height / read, x1 * width / read, y1 * height / read)

    def _bounds(self, width: int, height: int) -> list[tuple[int, int]]:
        """Return the first and last pixel of the central square along x and y, in an image that is read at
        `FINER` times `resize`."""
        read, seen = FINER * self.resize, self.side / self.resize * min(width, height)
        starts = [round((1 - seen / size) / 2 * read) for size in (width, height)]
        return [(start, read - start) for start in starts]

    def images(self, view: wsbench.ImageView) -> Tensor:
        """Read images as ``(N, 1, side, side)`` floats in [0, 1]."""
        sizes = view.sizes.tolist()
        plain = [self.fit == "stretch" or width == height for width, height in sizes]
        grey = torch.empty(len(view), 1, self.side, self.side)
        if rows := np.flatnonzero(plain).tolist():
            pixels = torch.from_numpy(view.at(rows).pixels(self.resize, self.resize)[:])[:, None]
            grey[rows] = wsbench.torch.crop_and_augment(self.side)(pixels).float() / 255
        for row in np.flatnonzero(~np.array(plain)).tolist():
            (x0, x1), (y0, y1) = self._bounds(*sizes[row])
            read = FINER * self.resize
            pixels = torch.from_numpy(view.at([row]).pixels(read, read)[:][:, y0:y1, x0:x1])[:, None]
            size = (self.side, self.side)
            resized = nn.functional.interpolate(pixels.float(), size, mode="bilinear", antialias=True)
            grey[row] = resized[0].clamp(0, 255) / 255
        return grey


class Classifier(nn.Module):
    """A network with the scaling of its input.

    Args:
        network: maps ``(N, channels, side, side)`` to ``(N, K)`` logits.
        shown: the range, the channels, the mean and the deviation.
    """

    def __init__(self, network: nn.Module, shown: Input) -> None:
        super().__init__()
        self.network = network
        self.shown = shown
        for module in network.modules():
            if getattr(module, "inplace", False):  # a map's gradients need what an activation would overwrite
                module.inplace = False  # type: ignore[assignment]  # torch: attributes are tensors or modules

    def forward(self, grey: Tensor) -> Tensor:
        """Map ``(N, 1, side, side)`` floats in [0, 1] to ``(N, K)`` logits."""
        shown, shape = self.shown, (1, -1, 1, 1)
        if shown.low == 0:
            scaled = grey * shown.high
        else:  # in the order in which TorchXRayVision does it, so that sums round alike
            scaled = (2 * grey - 1) * ((shown.high - shown.low) / 2) + (shown.high + shown.low) / 2
        mean, deviation = (
            torch.tensor(v, device=grey.device).view(shape) for v in (shown.mean, shown.deviation)
        )
        return self.network(  # type: ignore[no-any-return]  # torch: a module's call is Any
            (scaled.expand(-1, shown.channels, -1, -1) - mean) / deviation
        )


def as_facts(shown: Input) -> dict[str, Any]:
    """Return an input's fields as JSON values for the record."""
    return {field.name: getattr(shown, field.name) for field in fields(shown)}
