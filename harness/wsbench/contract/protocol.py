"""Decisions of the protocol: its version, and the metric that ranks."""

from __future__ import annotations

PROTOCOL_VERSION = 2
"""Version 1 ranked by ``ap25`` and gave each row one rank, by a normal approximation. Version 2 ranks by
``cond_ap25`` and gives rank intervals."""

RANKED_BY = "cond_ap25"
RANKED_WITHOUT_BOXES = "auc"


def ranked_by(boxes: int) -> str:
    """The metric that rows are ranked by.

    Args:
        boxes: number of boxes in the test role.
    """
    return RANKED_BY if boxes else RANKED_WITHOUT_BOXES
