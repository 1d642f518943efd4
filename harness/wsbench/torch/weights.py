"""Where networks start from: published weights, or a local file; they must fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zipfile import is_zipfile

import torch
from torch import Tensor, nn

from wsbench.errors import WsbenchError, words_of
from wsbench.files.checksums import is_intact_archive
from wsbench.files.user_files import expanded

LONGEST = 200
"""Characters of a reason that an error repeats."""

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Entries under which training programs keep a state dict beside epochs, optimisers and settings."""

PREFIXES = ("module.", "_orig_mod.", "model.", "network.")
"""What DataParallel, torch.compile, Lightning modules and `train` write before every parameter's name."""


def read_weights(where: str, network: str, fetch: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The state dict of a local file or of published weights.

    A file holds a state dict, or a checkpoint of a training program with one under one of `WRAPPERS`; the
    `PREFIXES` that all its names begin with are taken off.

    Args:
        where: a file, which has a suffix, or the name of published weights.
        network: what errors call the network.
        fetch: gives published weights; its own WsbenchErrors pass.

    Raises:
        WsbenchError: they cannot be had, or the file holds no state dict.
    """
    path = expanded(where)
    try:
        if not path.suffix:
            return dict(fetch())
        if is_zipfile(path) and not is_intact_archive(path):  # torch would read a flipped bit in silence
            raise WsbenchError(f"weights {where}: a part of the file is damaged; copy or download it again")
        state = _unwrapped(torch.load(path, map_location="cpu", weights_only=True), where)
        return {name.removeprefix("network."): value for name, value in _bare(state).items()}
    except WsbenchError:
        raise
    except Exception as error:  # a file, network, proxy or checksum failure: each has its own type
        raise WsbenchError(
            f"the weights {where} of {network} cannot be had ({type(error).__name__}: {_words(error)}); "
            "give -o weights=FILE (a state dict of it) or -o weights=random"
        ) from None


def fill_weights(
    module: nn.Module,
    state: Mapping[str, Tensor],
    where: str,
    network: str,
    *,
    new: tuple[str, ...] = (),
) -> None:
    """Fill a network with what `read_weights` gave.

    Args:
        module: to be filled.
        state: of its parameters; those in ``new`` are left out.
        where, network: what errors name.
        new: beginnings of the names of parameters that keep their first values.

    Raises:
        WsbenchError: the state is of another network.
    """
    own = module.state_dict()
    named = _named_as(own, {name: value for name, value in state.items() if not name.startswith(new)})
    if wrong := _misfits(own, named, new):
        raise weights_misfit(where, network, wrong)
    module.load_state_dict(named, strict=False)


def weights_misfit(where: str, network: str, wrong: Sequence[str]) -> WsbenchError:
    """What to raise where weights are of another network.

    Args:
        where, network: as in `read_weights`.
        wrong: reasons, in words.
    """
    return WsbenchError(f"weights {where} do not fit {network}: {'; '.join(wrong)[:LONGEST]}")


def _unwrapped(content: Any, where: str) -> Mapping[str, Tensor]:
    """The state dict in what a file holds."""
    while isinstance(content, Mapping):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping):
        raise WsbenchError(f"weights {where}: the file holds a {type(content).__name__}, and no state dict")
    if not any(isinstance(value, Tensor) for value in content.values()):
        names = ", ".join(map(str, content))[:LONGEST]
        raise WsbenchError(f"weights {where}: the file holds no tensor, but {names or 'nothing'}")
    return content


def _bare(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The same tensors without the prefixes that all names share."""
    for prefix in PREFIXES if state else ():
        if all(name.startswith(prefix) for name in state):
            return _bare({name.removeprefix(prefix): value for name, value in state.items()})
    return state


def _named_as(own: Mapping[str, Any], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The state with the names that the network has for it, where a prefix makes the difference: a network's
    own names may all begin with one of `PREFIXES`, too."""
    bare_names, bare_state = _bare(own), _bare(state)
    if bare_state.keys() - own.keys() and not bare_state.keys() - bare_names.keys():
        full = dict(zip(bare_names, own, strict=True))
        return {full[name]: value for name, value in bare_state.items()}
    return bare_state if state.keys() - own.keys() else state


def _misfits(own: Mapping[str, Any], state: Mapping[str, Any], new: tuple[str, ...]) -> list[str]:
    """What is wrong with a state, in words."""
    missing = [name for name in own if name not in state and not name.startswith(new)]
    unknown = [name for name in state if name not in own]
    if state and len(unknown) == len(state):
        return [f"none of its {len(state)} names is the network's; the first is {unknown[0]}"]
    sizes = [
        f"{name} is {_size(state[name])}, the network's {_size(own[name])}"
        for name in own
        if name in state and _size(state[name]) != _size(own[name])
    ]
    return [
        f"{len(names)} {what}: {names[0]}{' ...' if len(names) > 1 else ''}"
        for names, what in ((missing, "missing"), (unknown, "unexpected"), (sizes, "of another size"))
        if names
    ]


def _size(value: Any) -> str:
    return "x".join(map(str, getattr(value, "shape", ()))) or "one number"


def _words(error: Exception) -> str:
    return words_of(error)[:LONGEST]
