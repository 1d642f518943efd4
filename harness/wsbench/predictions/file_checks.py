"""Checks of files of predictions, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.errors import WsbenchError
from wsbench.types import Role

MAX_LISTED_NAMES = 3
"""Names of images that an error lists."""


def require(path: Path, missing: Sequence[str], role: Role, noun: str) -> None:
    """Raise WsbenchError if a file lacks images of a role.

    Args:
        path: the file.
        missing: the names of the images that it lacks.
        role: the role of the images.
        noun: what the file lacks of them, for the message.
    """
    if missing:
        more = " ..." if len(missing) > MAX_LISTED_NAMES else ""
        names = ", ".join(missing[:MAX_LISTED_NAMES]) + more
        raise WsbenchError(f"{path}: {len(missing)} images of role {role} have no {noun}: {names}")


def listed_once(path: Path, names: Sequence[str], noun: str) -> None:
    """Raise WsbenchError if a name occurs twice in a file. Otherwise, the last entry would win silently.

    Args:
        path: the file.
        names: the names in the order of the file.
        noun: what a name stands for, for the message.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise WsbenchError(f"{path}: {noun} {name} is listed twice; list it once")
        seen.add(name)


def scores_in_unit(path: Path, scores: Any, noun: str) -> None:
    """Raise WsbenchError if a score of a file is NaN or not in [0, 1].

    Args:
        path: the file.
        scores: ``(n,)`` numbers.
        noun: the scores in words, for the message.
    """
    values = np.ravel(np.asarray(scores, dtype=np.float64))
    beyond = values[~((values >= 0) & (values <= 1))]
    if len(beyond):
        raise WsbenchError(
            f"{path}: {noun} must lie in [0, 1], found {beyond[0]:g}; pass a detector's logits through a "
            "sigmoid, divide percentages by 100"
        )
