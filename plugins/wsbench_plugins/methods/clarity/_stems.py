"""Patch tokens from convolutions, which learn from fewer images than one projection does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from timm.models.xcit import ConvPatchEmbed
from torch import Tensor, nn

import wsbench

from ._small_network import blocks


class ConvolutionalStem(ConvPatchEmbed):
    """Patch tokens from strided 3 x 3 convolutions (Xiao et al.: Early Convolutions Help Transformers See
    Better), as timm's XCiT has them, in the form that timm's ViT takes."""

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int, **_: object) -> None:
        if patch_size not in (8, 16):
            raise wsbench.WsbenchError(
                f"stem=convolutions takes patches of 8 or 16 pixels, not {patch_size}; stem=small_cnn takes "
                "any power of 2"
            )
        super().__init__(img_size, patch_size, in_chans, embed_dim)
        self.grid_size = (img_size // patch_size, img_size // patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """``(N, 3, H, W)`` -> ``(N, P, D)``."""
        return super().forward(images)[0]  # type: ignore[no-any-return, no-untyped-call]  # untyped in timm


class SmallStem(nn.Module):
    """Patch tokens from blocks like those of the small teacher, each of which halves the image.

    Args:
        widths: channels of every block.
        img_size: side of the input, in pixels.
        patch_size: side of a patch, in pixels: 2 to the number of blocks.
        in_chans: channels of the input.
        embed_dim: D, of tokens.
    """

    def __init__(
        self,
        widths: Sequence[int],
        img_size: int,
        patch_size: int,
        in_chans: int,
        embed_dim: int,
        **_: object,
    ) -> None:
        super().__init__()
        if 2 ** len(widths) != patch_size:
            raise wsbench.WsbenchError(
                f"stem=small_cnn with {len(widths)} stem_widths makes patches of {2 ** len(widths)} pixels, "
                f"not {patch_size}"
            )
        self.grid_size = (img_size // patch_size, img_size // patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.blocks = blocks(in_chans, widths)
        self.project = nn.Linear(widths[-1], embed_dim)

    def forward(self, images: Tensor) -> Tensor:
        """``(N, 3, H, W)`` -> ``(N, P, D)``."""
        cells: Tensor = self.blocks(images)
        tokens: Tensor = self.project(cells.flatten(2).transpose(1, 2))
        return tokens


def stem_of(word: str, widths: Sequence[int]) -> Callable[..., nn.Module] | None:
    """timm's ``embed_layer`` for the setting ``stem``; None is the backbone's own.

    Args:
        word: ``patches``, ``convolutions`` or ``small_cnn``.
        widths: of `SmallStem`.
    """
    stems: dict[str, Callable[..., nn.Module] | None] = {
        "patches": None,
        "convolutions": ConvolutionalStem,
        "small_cnn": functools.partial(SmallStem, tuple(widths)),
    }
    return stems[word]
