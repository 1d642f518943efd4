"""Where training starts: timm's weights by their tag, or a local file; they must fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import timm
import torch
from torch import Tensor, nn

import wsbench

if TYPE_CHECKING:
    from . import ClaritySettings, TeacherSettings


def read(settings: TeacherSettings | ClaritySettings) -> dict[str, Tensor]:
    """The state dict that ``settings.weights`` names: of timm's backbone, or of a file that holds timm's or a
    checkpoint of this package.

    Raises:
        WsbenchError: it cannot be had.
    """
    path = Path(settings.weights).expanduser()
    try:
        if path.suffix:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
            return {name.removeprefix("network."): value for name, value in state.items()}
        name = f"{settings.backbone}.{settings.weights}"
        return timm.create_model(name, pretrained=True, num_classes=0).state_dict()
    except Exception as error:  # a file, network, proxy or checksum failure: each has its own type
        raise wsbench.WsbenchError(
            f"the weights {settings.weights} of {settings.backbone} cannot be had ({type(error).__name__}: "
            f"{_words(error)}); give -o weights=FILE (timm's state dict, or best.ckpt of a finished run) "
            "or -o weights=random"
        ) from None


def fill(
    network: nn.Module,
    state: Mapping[str, Tensor],
    settings: TeacherSettings | ClaritySettings,
    new: tuple[str, ...],
) -> None:
    """Fill a network.

    Args:
        network: to be filled.
        state: of its parameters.
        settings: what errors name.
        new: beginnings of the names that the state may lack.

    Raises:
        WsbenchError: the state is of another network.
    """
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:  # tensors of another size
        raise misfit(settings, [_words(error)]) from None
    if wrong := [name for name in missing if not name.startswith(new)] + unexpected:
        raise misfit(settings, wrong)


def misfit(settings: TeacherSettings | ClaritySettings, wrong: Sequence[str]) -> wsbench.WsbenchError:
    """What to raise where weights are of another network."""
    return wsbench.WsbenchError(
        f"weights {settings.weights} do not fit {settings.backbone}: {', '.join(wrong)[:200]}"
    )


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
