"""Settings of the saliency-map CNN, published and quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

import wsbench

BLOCKS = 5
BY_PIXEL = ("saliency", "guided_backprop", "deconvolution")
MAPS = (*BY_PIXEL, *(f"gradcam:{block}" for block in range(1, BLOCKS + 1)))
"""Kinds of heatmaps: the input's gradient, as it is or changed at every ReLU, or Grad-CAM of a block before
its pooling."""
AFTER_FIT = ("map", "smoothing", "kept")


class SaliencySettings(wsbench.TrainingSettings):
    """Published settings. Descriptions say what the paper leaves open."""

    LATER: ClassVar[tuple[str, ...]] = ("pool_padding", "last_pooling", "initial", "class_weights", "kept")

    image_size: int = Field(512, ge=64, description="side of the central square (Methods)")
    read_size: int = Field(
        1024, ge=64, description="side at which images are read before they are cropped; not in the paper"
    )
    black: int = Field(
        0, ge=0, le=255, description="highest grey level of a black border; the paper gives no number"
    )
    widths: tuple[int, int, int, int, int] = Field(
        (16, 32, 48, 64, 80), description="feature maps of the five blocks (Fig. 1)"
    )
    merge: Literal["mean", "sum"] = Field(
        "mean",
        description="how convolutions and shortcut are merged: mean as in the authors' program, or sum as "
        "in the paper",
    )
    pool_padding: Literal[0, 1] = Field(
        1,
        description="cells by which poolings pad an edge: 1, so that the first block reduces by 8 (Methods), "
        "or 0 as in the authors' program",
    )
    last_pooling: bool = Field(
        False,
        description="whether the last block is pooled as the others are, as the paper can be read; the "
        "authors' program does not",
    )
    initial: Literal["paper", "authors", "torch"] = Field(
        "paper",
        description="initial weights: He's normal with a smaller last layer (Methods); as in the authors' "
        "program, He's truncated normal in all layers; or torch's own",
    )
    class_weights: Literal["equal", "balanced"] = Field(
        "equal",
        description="weights of images in the loss: equal, as in the paper, or so that both classes weigh "
        "the same",
    )
    deformed: float = Field(0.8, ge=0, le=1, description="share of elastically deformed images (Methods)")
    tiles: int = Field(4, ge=2, description="tiles along a side of the deformation's grid (Methods)")
    displacement: float = Field(
        32.0, ge=0, description="standard deviation of a vertex's displacement, in pixels (Methods)"
    )
    epochs: int = Field(150, ge=1, description="epochs to train (Methods)")
    patience: int = Field(150, ge=1, description="epochs without a lower select loss; the paper has no stop")
    batch_size: int = Field(4, ge=1, description="images a step (Methods)")
    learning_rate: float = Field(8e-5, gt=0, description="learning rate of Adam (Methods)")
    betas: tuple[float, float] = Field((0.9, 0.999), description="betas of Adam (Methods)")
    epsilon: float = Field(1e-8, gt=0, description="epsilon of Adam (Methods)")
    kept: Literal["best", "last"] = Field(
        "best",
        description="epoch whose weights predict: that of the lowest loss on select, or the last; the paper "
        "does not say",
    )
    map: Literal[
        "saliency",
        "guided_backprop",
        "deconvolution",
        "gradcam:1",
        "gradcam:2",
        "gradcam:3",
        "gradcam:4",
        "gradcam:5",
    ] = Field(
        "saliency",
        description="the heatmap: the paper prefers saliency to Grad-CAM (Results); how saliency passes the "
        "ReLUs is not said",
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        description="standard deviation of a Gaussian that smooths the heatmap, in pixels of the input; not "
        "in the paper",
    )

    @model_validator(mode="after")
    def _leaves_a_cell(self) -> Self:
        smallest = smallest_side(self.pool_padding, BLOCKS - 1 + self.last_pooling)
        if self.image_size < smallest:
            raise ValueError(f"image_size must be at least {smallest} with poolings that pad nothing")
        return self


def smallest_side(padding: int, poolings: int) -> int:
    """The side of the smallest image of which poolings leave a cell.

    Args:
        padding: cells by which a pooling of 3 cells and stride 2 pads an edge.
        poolings: their number, behind the first block's two strides.
    """
    cells = 1
    for _ in range(poolings):
        cells = 2 * (cells - 1) + 3 - 2 * padding
    return 4 * (cells - 1) + 1


QUICK: Mapping[str, Any] = {
    "image_size": 256,
    "read_size": 256,
    "displacement": 16.0,
    "epochs": 20,
    "patience": 20,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "smoothing": 4.0,
    "precision": "auto",
    "channels_last": True,
}
"""The same network on half the pixels a side; learns the phantom on two CPU cores within minutes."""
