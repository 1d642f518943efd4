"""Where networks start from: published weights, or a local file; they must fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from wsbench.errors import WsbenchError, words_of

LONGEST = 200
"""Characters of a reason that an error repeats."""


def read_weights(where: str, network: str, fetch: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The state dict of a local file, plain or a checkpoint of `train`, or of published weights.

    Args:
        where: a file, which has a suffix, or the name of published weights.
        network: what errors call the network.
        fetch: gives published weights; its own WsbenchErrors pass.

    Raises:
        WsbenchError: they cannot be had.
    """
    path = Path(where).expanduser()
    try:
        if not path.suffix:
            return dict(fetch())
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)
        return {name.removeprefix("network."): value for name, value in state.items()}
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
    kept = {name: value for name, value in state.items() if not name.startswith(new)}
    try:
        missing, unexpected = module.load_state_dict(kept, strict=False)
    except RuntimeError as error:  # tensors of another size
        raise weights_misfit(where, network, [_words(error)]) from None
    if wrong := [name for name in missing if not name.startswith(new)] + unexpected:
        raise weights_misfit(where, network, wrong)


def weights_misfit(where: str, network: str, wrong: Sequence[str]) -> WsbenchError:
    """What to raise where weights are of another network.

    Args:
        where, network: as in `read_weights`.
        wrong: names of parameters, or other reasons.
    """
    return WsbenchError(f"weights {where} do not fit {network}: {', '.join(wrong)[:LONGEST]}")


def _words(error: Exception) -> str:
    return words_of(error)[:LONGEST]
