"""What enters a leaderboard: only records whose scores compare with those of everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsbench.contract.records import Record
from wsbench.errors import WsbenchError


def refuse_subset(dataset: Mapping[str, Any]) -> None:
    """Raise WsbenchError if a dataset, described as in a record, is a subset of its release, or has the roles
    of a user's split file."""
    _refuse_left_out(dataset)
    if split := dataset.get("split"):
        raise WsbenchError(
            f"{dataset['name']} has the roles of {split['name']}; "
            "its scores compare only with others of that file and enter no leaderboard"
        )
    if dataset["subset"]:
        counts = ", ".join(
            f"{present}/{released} of {split}" for split, (present, released) in dataset["subset"].items()
        )
        raise WsbenchError(
            f"{dataset['name']} is a subset here ({counts} images); "
            "its scores are not comparable and enter no leaderboard"
        )


def refuse_transfer(record: Record) -> None:
    """Raise WsbenchError if a record was trained on another dataset than the one that its page is of."""
    if record.transfer:
        raise WsbenchError(
            f"{record.dataset['name']}: was tested by what was trained on "
            f"{record.transfer['trained_on']['name']}; a transfer enters no leaderboard"
        )


def _refuse_left_out(dataset: Mapping[str, Any]) -> None:
    """Raise WsbenchError if a dataset, as a record describes it, leaves out a group, or each in turn."""
    fold, by = dataset.get("fold") or {}, dataset.get("left_out_by")
    if by is None and "attribute" not in fold:
        return
    group = f"{fold['attribute']} {fold['value']} is" if by is None else f"each {by['attribute']} is"
    raise WsbenchError(
        f"{dataset['name']}: {group} left out of training; its scores compare only with others of these "
        "roles and enter no leaderboard"
    )
