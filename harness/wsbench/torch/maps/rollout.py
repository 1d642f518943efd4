"""Attention rollout (Abnar, Zuidema: Quantifying Attention Flow in Transformers, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import torch
from timm.layers import Attention  # type: ignore[attr-defined]  # timm re-exports it silently
from torch import Tensor, nn

from wsbench.errors import WsbenchError
from wsbench.torch.hooks import removed_at_end


def rollout(attentions: Sequence[Tensor]) -> Tensor:
    """Compute the share of each token's last value that comes from each first value.

    A layer passes on half by its residual connection: ``0.5 A + 0.5 I``, A averaged over heads.

    Args:
        attentions: the attention of every layer in their order, ``(N, heads, T, T)``, rows of sum 1.

    Returns:
        ``(N, T, T)`` shares; rows sum to 1.
    """
    identity = torch.eye(attentions[0].shape[-1], device=attentions[0].device)
    flow = identity.expand(len(attentions[0]), -1, -1)
    for attention in attentions:
        flow = (0.5 * attention.mean(dim=1) + 0.5 * identity) @ flow
    return flow


def rolled_map(flow: Tensor) -> Tensor:
    """``(N, h, w)``: what the class token has of each cell; without one, what all cells have on average.

    Args:
        flow: `rollout` of T tokens, of which the last that fill a square are cells.
    """
    tokens = flow.shape[-1]
    side = isqrt(tokens)
    before = tokens - side * side
    seen = flow[:, 0] if before else flow.mean(dim=1)
    return seen[:, before:].reshape(-1, side, side)


def attentions_of(network: nn.Module, grey: Tensor) -> list[Tensor]:
    """The attention of every layer, as `rollout` takes it.

    Args:
        network: a network of timm with attention over all tokens.
        grey: images, ``(N, 1, H, W)`` in [0, 1].

    Raises:
        WsbenchError: it has no such attention.
    """
    layers = [module for module in network.modules() if isinstance(module, Attention)]
    if not layers:
        raise WsbenchError(
            "attention_rollout needs a vision transformer of timm's, such as timm/vit_small_patch16_224"
        )
    attentions: list[Tensor] = []
    hooks = []
    for layer in layers:
        # A fused kernel never shows its weights.
        layer.fused_attn = False  # type: ignore[misc]  # final for TorchScript only
        hooks.append(
            layer.attn_drop.register_forward_hook(lambda module, inputs, output: attentions.append(output))
        )
    with removed_at_end(hooks), torch.no_grad():
        network(grey)
    if len({attention.shape[-1] for attention in attentions}) != 1 or attentions[0].ndim != 4:
        raise WsbenchError("attention_rollout needs attention over the same tokens in every layer")
    return attentions
