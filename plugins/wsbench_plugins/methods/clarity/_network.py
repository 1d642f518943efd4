"""CLARiTY's network: a ViT with C class tokens, whose heads are pooling and SegmentCAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import timm
import torch
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

import wsbench

from ._heads import AttentionPooling, MeanPooling, SegmentCAM
from ._stems import stem_of


@dataclass(frozen=True)
class Logits:
    """The outputs that the training losses use, for N images and C classes.

    Attributes:
        class_token: ``(N, C)``.
        foreground, patch, background: ``(N, C)``, of SegmentCAM's features inside the foreground, of all,
            and of those outside.
        heatmaps: ``(N, C, n, n)`` in (0, 1), of SegmentCAM's heatmap head.
        tokens: ``(N, C, D)`` class tokens after each block.
    """

    class_token: Tensor
    foreground: Tensor
    patch: Tensor
    background: Tensor
    heatmaps: Tensor
    tokens: Sequence[Tensor]

    def float(self) -> Logits:
        """The same in float32, in which losses are computed."""
        values = (getattr(self, field.name) for field in fields(self))
        return Logits(
            *(  # type: ignore[arg-type]  # only the last, the tokens, are a list
                [v.float() for v in value] if isinstance(value, list) else value.float() for value in values
            )
        )

    @property
    def classification(self) -> Tensor:
        """``(N, C)`` mean of the class token and the foreground logits: the classifier's answer."""
        return (self.class_token + self.foreground) / 2


@dataclass(frozen=True)
class Predicted:
    """The predictions of a trained network for N images.

    Attributes:
        probabilities: ``(N, C)``.
        attention: ``(N, C, n, n)`` of class tokens to patches.
        foreground: ``(N, C, n, n)`` of 0 and 1, or in (0, 1) where it is soft.
    """

    probabilities: Tensor
    attention: Tensor
    foreground: Tensor

    @property
    def heatmaps(self) -> Tensor:
        """``(N, C, n, n)`` attention in the foreground (equation 2)."""
        return self.attention * self.foreground


class Clarity(nn.Module):
    """The network of CLARiTY: a vision transformer with C class tokens, and its heads.

    Args:
        backbone: a timm vision transformer, for its patch embedding and blocks.
        classes: C.
        pool: class tokens -> logits.
        threshold: t of SegmentCAM.
        pooling_dropout: of class tokens before they are pooled.
        foreground: how SegmentCAM's foreground follows from its heatmaps.
    """

    def __init__(
        self,
        backbone: VisionTransformer,
        classes: int,
        pool: nn.Module,
        threshold: float = 0.5,
        pooling_dropout: float = 0.0,
        foreground: str = "threshold",
    ) -> None:
        super().__init__()
        width = backbone.embed_dim
        self.patch_embed = backbone.patch_embed
        self.blocks = backbone.blocks
        self.norm = backbone.norm
        self.position_dropout = backbone.pos_drop
        self.class_tokens = nn.Parameter(torch.empty(classes, width))
        self.positions = nn.Parameter(torch.empty(classes + backbone.patch_embed.num_patches, width))
        nn.init.trunc_normal_(self.class_tokens, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.pooling_dropout = nn.Dropout(pooling_dropout)
        self.pool = pool
        self.segment = SegmentCAM(width, classes, threshold, foreground)

    def forward(self, images: Tensor) -> Logits:
        """``(N, 3, H, W)`` images -> the outputs that the losses use."""
        states = self.embed(images)
        tokens = []
        for block in self.blocks:
            states = block(states)
            tokens.append(self._class_part(states))
        return self._logits(self.norm(states), tokens)

    def predict(self, images: Tensor, layers: int, *, segment: bool = True) -> Predicted:
        """Probabilities, and what localises: the class tokens' attention to patches, averaged over heads and
        the last ``layers`` blocks, and the foreground (equations 1, 2).

        Args:
            images: ``(N, 3, H, W)``.
            layers: p.
            segment: False leaves SegmentCAM out: class tokens alone, with attention everywhere.
        """
        states = self.embed(images)
        attention, tokens = [], []
        for index, block in enumerate(self.blocks):
            if index >= len(self.blocks) - layers:
                attention.append(
                    class_attention(block, states, self.classes)  # type: ignore[arg-type]  # they are Blocks
                )
            states = block(states)
            tokens.append(self._class_part(states))
        logits = self._logits(self.norm(states), tokens)
        mean = (
            torch.stack(attention)  # type: ignore[no-untyped-call]  # torch leaves `unflatten` untyped
            .mean(dim=0)
            .unflatten(2, self.grid)
        )
        if not segment:
            return Predicted(logits.class_token.sigmoid(), mean, torch.ones_like(mean))
        return Predicted(logits.classification.sigmoid(), mean, self.segment.foreground(logits.heatmaps))

    def fuse_attention(self, fused: bool) -> None:
        """Choose whether blocks use torch's fused attention. It is fast on a GPU, but on a CPU the backward
        pass of its bf16 form takes several times as long as plain matrix products."""
        for block in self.blocks:
            block.attn.fused_attn = fused  # type: ignore[union-attr]  # timm's blocks have it

    @property
    def classes(self) -> int:
        """C."""
        return len(self.class_tokens)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.patch_embed.grid_size  # type: ignore[no-any-return]  # timm: a patch embedding is Any

    def embed(self, images: Tensor) -> Tensor:
        """``(N, 3, H, W)`` -> ``(N, C + P, D)``: class tokens, then patch tokens, with their positions."""
        patches = self.patch_embed(images)
        tokens = self.class_tokens.expand(len(patches), -1, -1)
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            self.position_dropout(torch.cat([tokens, patches], dim=1) + self.positions)
        )

    def _class_part(self, states: Tensor) -> Tensor:
        return states[:, : self.classes]

    def _logits(self, states: Tensor, tokens: Sequence[Tensor]) -> Logits:
        patches = (
            states[:, self.classes :]  # type: ignore[no-untyped-call]  # torch leaves `unflatten` untyped
            .transpose(1, 2)
            .unflatten(2, self.grid)
        )
        foreground, patch, background, heatmaps = self.segment(patches)
        pooled = self.pool(self.pooling_dropout(self._class_part(states)))
        return Logits(pooled, foreground, patch, background, heatmaps, tokens)


def class_attention(block: Block, states: Tensor, classes: int) -> Tensor:
    """``(N, C, P)`` attention of class tokens to patches in one block, averaged over heads.

    Only the class tokens' queries are needed, so it costs a small part of the block.

    Args:
        block: of a timm vision transformer.
        states: ``(N, C + P, D)`` its input.
        classes: C.
    """
    attention: Any = block.attn
    normalised = block.norm1(states)
    queries, keys, _ = attention.qkv(normalised).unflatten(2, (3, attention.num_heads, -1)).unbind(dim=2)
    queries, keys = attention.q_norm(queries[:, :classes]), attention.k_norm(keys)
    scores = torch.einsum("nchd,nkhd->nhck", queries * attention.scale, keys)
    return scores.softmax(dim=3).mean(dim=1)[:, :, classes:]


@dataclass(frozen=True)
class Dropout:
    """Rates of what training leaves out (section 3.14); none by default."""

    stochastic_depth: float = 0.0
    mlp: float = 0.0
    attention: float = 0.0
    pooling: float = 0.0


@dataclass(frozen=True)
class Shape:
    """The backbone: a timm vision transformer, of which any number may be replaced.

    Attributes:
        backbone: its name, such as ``vit_small_patch16_224``.
        stem, stem_widths: of `stem_of`.
        patch, depth, width, heads: side of a patch in pixels, blocks, size of a token and heads of attention;
            None is the backbone's own.
    """

    backbone: str
    stem: str = "patches"
    stem_widths: tuple[int, ...] = (16, 32, 48)
    patch: int | None = None
    depth: int | None = None
    width: int | None = None
    heads: int | None = None

    def arguments(self) -> dict[str, Any]:
        """For timm, those that replace a number or the stem."""
        given = {
            "patch_size": self.patch,
            "depth": self.depth,
            "embed_dim": self.width,
            "num_heads": self.heads,
            "embed_layer": stem_of(self.stem, self.stem_widths),
        }
        return {name: value for name, value in given.items() if value is not None}


def build(
    shape: Shape,
    image_size: int,
    classes: int,
    *,
    threshold: float = 0.5,
    foreground: str = "threshold",
    dropout: Dropout | None = None,
    attention_pooling: bool = True,
    pooling_deviation: float = 1.0,
) -> Clarity:
    """The network before training, with random weights.

    Args:
        shape: of the backbone.
        image_size: side of the input, in pixels; a multiple of the patch.
        classes: C.
        threshold: t of SegmentCAM.
        foreground: how its foreground follows from its heatmaps.
        dropout: rates.
        attention_pooling: else class tokens are averaged, as in Table 6's ablation.
        pooling_deviation: of attention pooling's first weights.

    Raises:
        WsbenchError: the backbone cannot be built with these numbers.
    """
    dropout = dropout or Dropout()
    try:
        vit: VisionTransformer = timm.create_model(  # type: ignore[assignment]  # by its name it is one
            shape.backbone,
            pretrained=False,
            img_size=image_size,
            num_classes=0,
            drop_path_rate=dropout.stochastic_depth,
            proj_drop_rate=dropout.mlp,
            attn_drop_rate=dropout.attention,
            **shape.arguments(),
        )
    except (AssertionError, ValueError) as error:  # such as a width that the heads do not divide
        reason = " ".join(str(error).split())
        raise wsbench.WsbenchError(f"no {shape.backbone} can be built as set: {reason}") from None
    pool = AttentionPooling(classes, vit.embed_dim, pooling_deviation) if attention_pooling else MeanPooling()
    return Clarity(vit, classes, pool, threshold, dropout.pooling, foreground)
