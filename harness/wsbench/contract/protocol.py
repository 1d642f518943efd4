"""What the protocol decides: its version, and which measure ranks."""

from __future__ import annotations

PROTOCOL_VERSION = 2
"""1: ``ap25`` ranked, with one integer a row, by the normal law. 2: ``cond_ap25`` ranks, with rank
intervals."""

RANKED_BY = "cond_ap25"
RANKED_WITHOUT_BOXES = "auc"


def ranked_by(boxes: int) -> str:
    """The measure that rows are ranked by.

    Args:
        boxes: of the test role.
    """
    return RANKED_BY if boxes else RANKED_WITHOUT_BOXES
