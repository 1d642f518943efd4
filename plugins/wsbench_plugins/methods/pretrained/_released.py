"""Finds released models by their source, with all that is needed to show them images and to read scores."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import wsbench

from . import _sources

if TYPE_CHECKING:
    from ._settings import PretrainedSettings

REASON_CHARACTERS = 70
"""Characters of another library's reason that an error repeats."""


@dataclass(frozen=True)
class Released:
    """A model as its source gives it.

    Attributes:
        network: maps ``(N, channels, side, side)`` to ``(N, K)`` logits.
        outputs: the names of the K outputs. The name of an output that means nothing is empty. There are no
            names where nobody gives them.
        shown_as: the fields of `InputSettings` that the source knows.
        scores: maps ``(N, K)`` logits to scores in [0, 1]. None stands for the softmax of a published model,
            and for the sigmoid of a file.
        trained_on: the releases that it was trained on; empty where the source does not say.
    """

    network: nn.Module
    outputs: tuple[str, ...] = ()
    shown_as: Mapping[str, Any] | None = None
    scores: Callable[[Tensor], Tensor] | None = None
    trained_on: tuple[str, ...] = ()


def sources() -> list[str]:
    """List the prefixes of sources. Each module of `_sources` is one."""
    return sorted(info.name for info in pkgutil.iter_modules(_sources.__path__))


def find(settings: PretrainedSettings) -> Released:
    """Find the model that the settings name, with its own head.

    Raises:
        WsbenchError: there is no such model, or it could not be loaded.
    """
    source, colon, name = settings.weights.partition(":")
    if not colon:
        return _of_file(settings)
    released = _asked(source, name)
    return replace(released, scores=released.scores or softmax)


def _asked(source: str, name: str, *more: int) -> Released:
    """Ask a source for a model. Its failures (network, proxy, checksum, unknown name) become one line."""
    wsbench.choose(source, dict.fromkeys(sources()), "source of weights")
    try:
        module = importlib.import_module(f"{_sources.__name__}.{source}")
        released: Released = module.released(name, *more)
    except wsbench.WsbenchError:
        raise
    except ModuleNotFoundError as error:
        raise wsbench.WsbenchError(
            f"{source}:{name} needs {error.name}: pip install 'wsbench[anatomy]' for torchxrayvision"
        ) from None
    except Exception as error:  # each library and network fails in its own way
        reason = " ".join(str(error).split())[:REASON_CHARACTERS]
        raise wsbench.WsbenchError(
            f"{source}:{name} could not be loaded ({type(error).__name__}: {reason}); "
            "without a network give a file, see docs/how-to/models.md"
        ) from None
    return released


def _of_file(settings: PretrainedSettings) -> Released:
    """Make the network of `PretrainedSettings.architecture`, with the state dict of a file."""
    where, path = settings.weights, Path(settings.weights).expanduser()
    source, slash, name = settings.architecture.partition("/")
    if not path.is_file():
        prefixes = ", ".join(f"{prefix}:NAME" for prefix in sources())
        raise wsbench.WsbenchError(
            f"weights {where}: there is no such file; sources are {prefixes} or a FILE"
        )
    if not slash:
        raise wsbench.WsbenchError(
            f"weights {where}: give -o architecture=timm/NAME or torchvision/NAME, too"
        )
    state = _read(path, where, name)
    outputs, channels = _sizes(state, where, source, name)
    released = _asked(source, name, outputs, channels)
    wsbench.torch.fill_weights(released.network, state, where, name)
    names = released.outputs if len(released.outputs) == outputs else ()
    return replace(released, outputs=names, scores=torch.sigmoid, trained_on=())


def _read(path: Path, where: str, name: str) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise wsbench.WsbenchError(f"weights {where}: not a safetensors file ({error})") from None
    try:
        return wsbench.torch.read_weights(str(path), name, dict)
    except wsbench.WsbenchError as error:
        raise wsbench.WsbenchError(str(error).removesuffix(" or -o weights=random")) from None


def _sizes(state: Mapping[str, Tensor], where: str, source: str, name: str) -> tuple[int, int]:
    """Count the outputs and the input channels of a state dict. The parameters whose size depends on the
    number of outputs tell the first, and the first kernel tells the second."""
    first, second = (_asked(source, name, count).network.state_dict() for count in (7, 8))
    heads = [key for key, value in first.items() if value.shape != second[key].shape]
    if (head := _named(state, heads[-1])) is None:
        raise wsbench.torch.weights_misfit(where, name, [f"the head {heads[-1]} is missing"])
    kernels = [key for key, value in first.items() if value.ndim == 4]
    kernel = _named(state, kernels[0]) if kernels else None
    return len(head), 1 if kernel is not None and kernel.shape[1] == 1 else 3


def _named(state: Mapping[str, Tensor], name: str) -> Tensor | None:
    """Find the parameter of a name. It may have a prefix in the state, or lack a prefix of the network."""
    return next(
        (value for key, value in state.items() if f".{key}".endswith(f".{name}") or name.endswith(f".{key}")),
        None,
    )


def softmax(logits: Tensor) -> Tensor:
    """Compute the softmax of logits over the outputs."""
    return logits.softmax(dim=1)
