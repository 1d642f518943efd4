"""What torch's dispatcher sees of a computation: FLOPs, and how many bytes of tensors are alive at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

# torch says nothing of the types of these two.
_forward: Callable[..., int] = sdpa_flop_count
_backward: Callable[..., int] = sdpa_backward_flop_count


def _attention(query: Any, key: Any, value: Any, *more: Any, out_val: Any = None, **options: Any) -> int:
    return _forward(query.shape, key.shape, value.shape)


def _attention_backward(
    gradient: Any, query: Any, key: Any, value: Any, *more: Any, out_val: Any = None, **options: Any
) -> int:
    return _backward(gradient.shape, query.shape, key.shape, value.shape)


# Attention on a CPU, which torch has formulas for since 2.15 only.
FORMULAS = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    **flop_registry,
}


class Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch says nothing of its types
    """A context that counts the operations inside it.

    FLOPs are those of torch's own formulas: matrix products, convolutions and attention, forward and
    backward, two for a multiply-accumulate; elementwise operations, normalisation and pooling count nothing.
    torch's `FlopCounterMode`, which has the same formulas, also follows modules through the backward pass and
    fails where `torch.autograd.grad` asks for the gradient of an input.

    Bytes are those of storages, from birth to death: a CPU's allocator keeps no peak, and a process's
    resident memory hides what is taken from memory that it freed before. Scratch memory that an operation
    frees before it ends is not seen, nor are tensors that were there before.

    Attributes:
        flops: so far.
        peak_bytes: the most that were alive at once.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch says nothing of its types
        self.flops = 0
        self.peak_bytes = 0
        self._alive: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        formula = FORMULAS.get(getattr(func, "_overloadpacket", func))
        if formula is None and isinstance(func, torch._ops.OpOverload):
            # Without gradients, a linear layer arrives whole; its matrix product is inside.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=result)
        self._keep((args, kwargs), result)
        return result

    def _keep(self, given: Any, result: Any) -> None:
        known = {storage._cdata for storage in _storages(given)} | self._alive.keys()
        for storage in _storages(result):
            if storage._cdata not in known:
                self._alive[storage._cdata] = storage.nbytes()
                weakref.finalize(storage, self._alive.pop, storage._cdata, None).atexit = False
        self.peak_bytes = max(self.peak_bytes, sum(self._alive.values()))


def _storages(values: Any) -> list[torch.UntypedStorage]:
    tensors = (leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor))
    return [tensor.untyped_storage() for tensor in tensors if tensor.layout is torch.strided]
