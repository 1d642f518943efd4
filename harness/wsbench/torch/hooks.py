"""Hooks on modules that end with a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch.utils.hooks import RemovableHandle


@contextmanager
def removed_at_end(hooks: Iterable[RemovableHandle]) -> Iterator[None]:
    """Remove hooks at the end of a block, also where the block raises.

    Args:
        hooks: as ``register_forward_hook`` and its like return them.
    """
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
