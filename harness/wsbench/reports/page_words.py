"""The words of leaderboard pages."""

from __future__ import annotations

from wsbench.contract.protocol import RANKED_BY, RANKED_WITHOUT_BOXES
from wsbench.reports.labels import BLIND, BOXED

PREFACE = f"""Made by `wsbench leaderboard` from the records beside it; do not edit. Rows stand in the order
of their mean `{RANKED_BY}` under protocol `uniform`: average precision at IoU 0.25 on the images that have
the finding, with boxes ranked by their place among the boxes of their image. No class score can change it.
**rank** is an interval that holds for all rows of a table at once with a chance of 95 %. In bold are the rows
that nothing is better than by more than noise. Several seeds give mean ± sample standard deviation; *95 %* is
the interval of what the method reaches over seeds, images and choices of thresholds.

`cond_gain` is the difference to the best boxes that never look at the image: at or below 0, a reader with
these boxes does as well. `ap25` counts all images, healthy ones included, so class scores lift it; `map_gain`
is `ap25` less that of fixed boxes with the same class scores. Where no test image has a box, rows stand in
the order of `{RANKED_WITHOUT_BOXES}`. `wsbench describe METRIC` says what any measure is.

{BLIND} never looks at the image. {BOXED} uses annotated boxes of the calibrate role under this protocol;
`wsbench describe METHOD` says for what. Rows of external programs are compared with all others and count in
nobody else's rank.
"""

TABLES = {
    "uniform": "all ranks and measures under protocol `uniform`",
    "paper": "under protocol `paper`",
    "upstream": "less what they build on",
    "floors": "image-blind boxes with the class scores of each row",
    "prompts": "the spread over prompts",
    "sanity": "saliency sanity checks",
    "faithfulness": "faithfulness",
    "costs": "what predicting and training cost",
}
"""By name of a table, what it holds."""

ELSEWHERE = "The same rows with all columns, as CSV:"

COSTS = """Of predicting one image, with its heatmap, and of training; times and memory are those of the
machine that is named.
"""

NO_RECORDS = """Made by `wsbench leaderboard`; do not edit. No run of wsbench on this dataset has been
submitted yet.
"""

PUBLISHED = """## Published

As the papers print them. Splits, boxes, thresholds and training differ, so nothing here is ranked with, or
compares with, the rows above. Wide tables are shown without numbers of single
classes; [published](published) has them all.
"""

RANDOM = {"parameters": "all parameters", "labels": "labels", "reference": "nothing, another image"}
"""Sanity checks that pages show."""

UPSTREAM = """### Less what they build on

Rows that build on another row, less that row: the network of each seed less the one that it was trained
from, on the same draws of test images. At an interval around 0, no difference is shown. *p* is corrected
over the lines.
"""

SANITY = """How alike maps are to those of the trained method when what it learnt is random (`wsbench
sanity`): 1 is an equal map, which cannot depend on what was learnt. In the rows of another image nothing is
random: so alike are the trained method's maps of two images. Means over maps, without those that are
constant.
"""

FAITHFULNESS_MEASURES = {
    "road": "ROAD",
    "road_most": "most",
    "road_least": "least",
    "insertion": "insertion",
    "deletion": "deletion",
}
"""The values of faithfulness by their names in records, and their headings."""

FAITHFULNESS_MAPS = {
    "map": "the method's",
    "blank": "blank",
    "random": "random",
    "prior": "boxes of calibrate",
}
"""The maps by which pixels are removed."""

FAITHFULNESS = """Class scores when pixels are removed by a map, at a reduced size (`wsbench sanity
--faithfulness`). *most* and *least*: without the most and the least relevant pixels. ROAD: half their
difference (higher is better). *insertion* and *deletion*: the area under the class score while pixels are
inserted (higher is better) or deleted (lower is better). A map that is no better than the other three does
not say what the score depends on.
"""

TITLES = {
    "uniform": "## Protocol `uniform`: boxes and thresholds chosen by the harness\n",
    "paper": "## Protocol `paper`: every method's own boxes and thresholds\n",
}
