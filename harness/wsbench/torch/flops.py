"""Counts the FLOPs of a computation, and the bytes of tensors that are alive at the same time."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

# torch does not annotate these two functions.
_forward: Callable[..., int] = sdpa_flop_count
_backward: Callable[..., int] = sdpa_backward_flop_count


def _attention(query: Any, key: Any, value: Any, *more: Any, out_val: Any = None, **options: Any) -> int:
    return _forward(query.shape, key.shape, value.shape)


def _attention_backward(
    gradient: Any, query: Any, key: Any, value: Any, *more: Any, out_val: Any = None, **options: Any
) -> int:
    return _backward(gradient.shape, query.shape, key.shape, value.shape)


# torch has formulas for attention on a CPU only since 2.15.
FORMULAS = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    **flop_registry,
}


class FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch does not annotate it
    """A context that counts the operations inside it.

    FLOPs follow torch's own formulas for matrix products, convolutions and attention, forward and backward.
    A multiply-accumulate counts as two. Elementwise operations, normalisation and pooling count as none.
    torch's `FlopCounterMode` has the same formulas, but it also follows modules through the backward pass and
    fails where `torch.autograd.grad` asks for the gradient of an input.

    Bytes are counted by storage, from its creation to its end. A CPU's allocator records no peak, and a
    process's resident memory does not show memory that is used a second time. Not counted are tensors that
    existed before, and scratch memory that an operation frees before it returns.

    Attributes:
        flops: FLOPs so far.
        peak_bytes: the most bytes that were alive at the same time.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch does not annotate it
        self.flops = 0
        self.peak_bytes = 0
        self._alive: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        formula = FORMULAS.get(getattr(func, "_overloadpacket", func))
        if formula is None and isinstance(func, torch._ops.OpOverload):
            # Without gradients a linear layer arrives as one operation; its matrix product is a part of it.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=result)
        self._keep((args, kwargs), result)
        return result

    def _keep(self, arguments: Any, result: Any) -> None:
        known = {storage._cdata for storage in _storages(arguments)} | self._alive.keys()
        for storage in _storages(result):
            if storage._cdata not in known:
                self._alive[storage._cdata] = storage.nbytes()
                weakref.finalize(storage, self._alive.pop, storage._cdata, None).atexit = False
        self.peak_bytes = max(self.peak_bytes, sum(self._alive.values()))


def _storages(values: Any) -> list[torch.UntypedStorage]:
    tensors = (leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor))
    return [tensor.untyped_storage() for tensor in tensors if tensor.layout is torch.strided]
