"""Keeps runs that leave a group out of training away from leaderboards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsbench.errors import WsbenchError


def refuse(dataset: Mapping[str, Any]) -> None:
    """Raise WsbenchError if a dataset, as a record describes it, leaves out a group, or each in turn."""
    fold, by = dataset.get("fold") or {}, dataset.get("left_out_by")
    if by is None and "attribute" not in fold:
        return
    group = f"{fold['attribute']} {fold['value']} is" if by is None else f"each {by['attribute']} is"
    raise WsbenchError(
        f"{dataset['name']}: {group} left out of training; its scores compare only with others of these "
        "roles and enter no leaderboard"
    )
