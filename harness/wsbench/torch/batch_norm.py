"""Batch normalisation by the statistics of all processes, on a CPU, where torch has none."""

from __future__ import annotations

import functools
from typing import Any

import torch
from lightning.pytorch.plugins.layer_sync import LayerSync
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SynchronisedBatchNorm(LayerSync):
    """Normalises by the mean and variance over the rows of all processes."""

    def apply(self, model: nn.Module) -> nn.Module:
        for layer in _layers(model):
            layer.forward = functools.partial(normalised, layer)  # type: ignore[method-assign]
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        for layer in _layers(model):
            layer.__dict__.pop("forward", None)
        return model


def _layers(model: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]


def normalised(layer: _BatchNorm, inputs: Tensor) -> Tensor:
    """What a layer of batch normalisation gives, by the statistics of the inputs of all processes.

    Running statistics are updated as torch does it: the variance by that of a sample.

    Args:
        layer: of any number of dimensions, in training or not.
        inputs: ``(N, C, ...)``; N may differ between processes.
    """
    if not layer.training:
        output: Tensor = type(layer).forward(layer, inputs)
        return output
    values = inputs.to(torch.promote_types(inputs.dtype, torch.float32))  # bf16 would lose digits
    axes = [axis for axis in range(values.ndim) if axis != 1]
    count = values.new_tensor([values.numel() / values.shape[1]])
    total = _sum(torch.cat([values.sum(axes), count]))
    count, mean = total[-1].detach(), total[:-1] / total[-1].detach()
    shape = [1, -1, *[1] * (values.ndim - 2)]
    # In two passes, as torch does it: squares less the square of the mean would lose digits.
    centred = values - mean.view(shape)
    variance = _sum(centred.square().sum(axes)) / count
    if layer.track_running_stats:
        _update(layer, mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
    result = centred * (variance + layer.eps).rsqrt().view(shape)
    if layer.affine:
        result = result * layer.weight.view(shape) + layer.bias.view(shape)
    return result.to(inputs.dtype)


class _Sum(torch.autograd.Function):
    """The sum over all processes. Each of them has it, so the gradient of a term is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Sum.forward(ctx, gradients[0])


def _sum(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)
    return total


@torch.no_grad()
def _update(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics towards those of a batch."""
    assert layer.running_mean is not None and layer.running_var is not None
    assert layer.num_batches_tracked is not None
    layer.num_batches_tracked += 1
    momentum = layer.momentum if layer.momentum is not None else 1 / float(layer.num_batches_tracked)
    layer.running_mean.lerp_(mean.to(layer.running_mean.dtype), momentum)
    layer.running_var.lerp_(variance.to(layer.running_var.dtype), momentum)
