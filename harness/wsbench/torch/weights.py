"""Weights that networks start from: published ones, or a local file. They must fit the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zipfile import is_zipfile

import torch
from torch import Tensor, nn

from wsbench.errors import WsbenchError, words_of
from wsbench.files.checksums import is_intact_archive
from wsbench.files.user_files import expanded

REASON_CHARACTERS = 200
"""Most characters of a reason that an error message repeats."""

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Entries of a checkpoint under which training programs store the state dict."""

PREFIXES = ("module.", "_orig_mod.", "model.", "network.")
"""Prefixes that DataParallel, torch.compile, Lightning modules and `train` add to parameter names."""


def read_weights(where: str, network: str, fetch: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Read the state dict of a local file or of published weights.

    A file holds a state dict, or a checkpoint with a state dict under one of `WRAPPERS`. `PREFIXES` that all
    names begin with are removed.

    Args:
        where: path of a file, which has a suffix, or the name of published weights.
        network: name of the network, for error messages.
        fetch: returns the published weights; a WsbenchError that it raises is passed on.

    Returns:
        Tensors on the CPU, by the names of parameters and buffers.

    Raises:
        WsbenchError: the weights could not be loaded, or the file holds no state dict.
    """
    path = expanded(where)
    try:
        if not path.suffix:
            return dict(fetch())
        # Torch does not check the checksums in its files, and would use damaged weights without an error.
        if is_zipfile(path) and not is_intact_archive(path):
            raise WsbenchError(f"weights {where}: the file is damaged; copy or download it again")
        state = _unwrapped(torch.load(path, map_location="cpu", weights_only=True), where)
        return {name.removeprefix("network."): value for name, value in _bare(state).items()}
    except WsbenchError:
        raise
    except Exception as error:  # failures of a file, network, proxy or checksum have types of their own
        reason = f"{type(error).__name__}: {_words(error)}"
        raise WsbenchError(
            f"the weights {where} of {network} could not be loaded ({reason}); "
            "give -o weights=FILE (its state dict) or -o weights=random"
        ) from None


def read_pickled_network(path: str, parts: Iterable[type]) -> dict[str, Tensor]:
    """Read the state dict of a file that holds one, or a whole pickled network.

    Args:
        path: the file.
        parts: the classes that a pickled network may be made of. No other class is let in.

    Returns:
        Tensors on the CPU, by the names of parameters and buffers.

    Raises:
        UnpicklingError: the file holds anything else.
    """
    with torch.serialization.safe_globals([*parts, set]):
        content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, nn.Module):
        for module in content.modules():  # files of old versions of torch lack it
            vars(module).setdefault("_non_persistent_buffers_set", set())
        content = content.state_dict()
    return dict(content)


def fill_weights(
    module: nn.Module,
    state: Mapping[str, Tensor],
    where: str,
    network: str,
    *,
    new: tuple[str, ...] = (),
) -> None:
    """Load weights into a network, and refuse those of another network.

    Args:
        module: the network.
        state: the weights, as `read_weights` returns them.
        where: file or name of the weights, for error messages.
        network: name of the network, for error messages.
        new: prefixes of the names of parameters that keep their present values.

    Raises:
        WsbenchError: the weights belong to another network.
    """
    expected = module.state_dict()
    named = _named_as(expected, {name: value for name, value in state.items() if not name.startswith(new)})
    if wrong := _misfits(expected, named, new):
        raise weights_misfit(where, network, wrong)
    module.load_state_dict(named, strict=False)


def weights_misfit(where: str, network: str, wrong: Sequence[str]) -> WsbenchError:
    """The error to raise where weights belong to another network.

    Args:
        where: file or name of the weights.
        network: name of the network.
        wrong: the reasons, in words.

    Returns:
        The error; you raise it.
    """
    return WsbenchError(f"weights {where} do not fit {network}: {'; '.join(wrong)[:REASON_CHARACTERS]}")


def _unwrapped(content: Any, where: str) -> Mapping[str, Tensor]:
    """The state dict in the content of a file."""
    while isinstance(content, Mapping):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping):
        raise WsbenchError(f"weights {where}: the file holds a {type(content).__name__}, not a state dict")
    if not any(isinstance(value, Tensor) for value in content.values()):
        names = ", ".join(map(str, content))[:REASON_CHARACTERS]
        raise WsbenchError(f"weights {where}: the file holds no tensor, but {names or 'nothing'}")
    return content


def _bare(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The same tensors without the prefixes that all names share."""
    for prefix in PREFIXES if state else ():
        if all(name.startswith(prefix) for name in state):
            return _bare({name.removeprefix(prefix): value for name, value in state.items()})
    return state


def _named_as(expected: Mapping[str, Any], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The state under the network's names, where only a prefix differs. The names of a network may all begin
    with one of `PREFIXES`, too."""
    bare_names, bare_state = _bare(expected), _bare(state)
    if bare_state.keys() - expected.keys() and not bare_state.keys() - bare_names.keys():
        full = dict(zip(bare_names, expected, strict=True))
        return {full[name]: value for name, value in bare_state.items()}
    return bare_state if state.keys() - expected.keys() else state


def _misfits(expected: Mapping[str, Any], state: Mapping[str, Any], new: tuple[str, ...]) -> list[str]:
    """The reasons why a state does not fit, in words."""
    missing = [name for name in expected if name not in state and not name.startswith(new)]
    unknown = [name for name in state if name not in expected]
    if state and len(unknown) == len(state):
        return [f"none of its {len(state)} names is the network's; the first is {unknown[0]}"]
    sizes = [
        f"{name} is {_size(state[name])}, the network's {_size(expected[name])}"
        for name in expected
        if name in state and _size(state[name]) != _size(expected[name])
    ]
    return [
        f"{len(names)} {problem}: {names[0]}{' ...' if len(names) > 1 else ''}"
        for names, problem in ((missing, "missing"), (unknown, "unexpected"), (sizes, "of another size"))
        if names
    ]


def _size(value: Any) -> str:
    return "x".join(map(str, getattr(value, "shape", ()))) or "one number"


def _words(error: Exception) -> str:
    return words_of(error)[:REASON_CHARACTERS]
