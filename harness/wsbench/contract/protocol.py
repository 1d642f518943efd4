"""What protocol version 2 decides: which measure ranks, and which measures stand in a table."""

from __future__ import annotations

PROTOCOL_VERSION = 2
"""1: ``ap25`` ranked, with one integer a row, by the normal law. 2: ``cond_ap25`` ranks, with rank
intervals."""

RANKED_BY = "cond_ap25"
RANKED_WITHOUT_BOXES = "auc"

RANKING_COLUMNS = (
    "cond_gain", "top1_hit", "top1_blind", "ap25", "ap25_fixed", "ap25_oracle", "ap25_share", "map_gain",
    "near_fixed", "auc",
)  # fmt: skip
"""Beside the ranking measure, in the table that ranks."""

COLUMNS = {
    "uniform": (
        "ap50", "lroc", "lroc_blind", "loc_f1_called@0.25", "froc", "pointing_game", "miou", "msli",
        "iou_accuracy_kept", "boxes_per_image", "healthy_with_box", "sensitivity", "specificity",
    ),
    "paper": (
        "miou", "miou_pooled", "miou_matched", "ap25", "msli", "udp", "boxes_per_image",
        "region_iou", "region_dice",
        "accuracy", "auc", "sensitivity", "specificity", "macro_precision", "macro_recall",
    ),
}  # fmt: skip
"""What further tables of each protocol show."""

HEADLINE = (RANKED_BY, *RANKING_COLUMNS, *COLUMNS["uniform"])
"""Measures whose intervals also hold the noise of the thresholds that were chosen on select and calibrate."""

DRAWN = (RANKED_BY, "cond_gain", "ap25", "map_gain", RANKED_WITHOUT_BOXES)
"""Measures whose value in every bootstrap draw is kept, so that rows can be compared draw by draw."""


FLOOR_METRICS = ("ap25", "ap50", "lroc", "froc")
"""Measures of image-blind boxes with a method's class scores; without class scores they are the blind
row's."""


def ranked_by(boxes: int) -> str:
    """The measure that rows are ranked by.

    Args:
        boxes: of the test role.
    """
    return RANKED_BY if boxes else RANKED_WITHOUT_BOXES
