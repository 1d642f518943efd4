"""The inputs of metrics: the table of predictions and truth, draws of its images, boxes, and fixed boxes.

The public names are listed here alone. The module is imported when one of them is first used.
"""

from wsbench.contract.specs import TABLES
from wsbench.geometry.box_table import BoxTable, overlaps
from wsbench.scoring.auc import macro_auc
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.coco_objects import coco_object
from wsbench.scoring.objectives import MSLI_IOUS
from wsbench.scoring.priors import FIXED_COUNTS, as_fractions, fixed_boxes, on_every_image
from wsbench.scoring.table import Heatmaps, Scored, Truth

__all__ = [
    "FIXED_COUNTS",
    "MSLI_IOUS",
    "TABLES",
    "BoxTable",
    "Heatmaps",
    "Resamples",
    "Scored",
    "Truth",
    "as_fractions",
    "coco_object",
    "fixed_boxes",
    "macro_auc",
    "on_every_image",
    "overlaps",
    "ratio",
]
