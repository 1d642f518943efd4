"""The words of leaderboard pages."""

from __future__ import annotations

from wsbench.contract.protocol import RANKED_BY, RANKED_WITHOUT_BOXES
from wsbench.reports.rows import BLIND, BOXED

PREFACE = f"""Made by `wsbench leaderboard` from the records beside it; do not edit. Rows stand in the
order of their mean `{RANKED_BY}` under protocol `uniform`: average precision at IoU 0.25 on the images
that have the finding, with boxes ranked by their place among the boxes of their image. It rewards boxes
that hit lesions, and no class score can change it. **rank** is an interval: it holds for all rows of a
table at once with a chance of 95 % (Behrens-Fisher tests with moderated variances over seeds, Holm's
correction over all pairs). In bold are the rows that nothing is better than by more than noise. *rank
alone* holds for one row looked at by itself. Several seeds give mean ± sample standard deviation; *95 %*
is the interval of what the method reaches over seeds, images and choices of thresholds, *these networks*
that of the trained networks at hand.

`cond_gain` is the difference to the best boxes that never look at the image: at or below 0, a reader with
these boxes does as well. `top1_blind` is the best fixed box beside `top1_hit`. `ap25` counts all images,
healthy ones included, so class scores lift it; `ap25_fixed` and `ap25_oracle` are what fixed boxes and
perfect boxes reach with the same class scores, `ap25_share` is where `ap25` lies between them. `map_gain`
is `ap25` less that of fixed boxes scored by the class score; it depends on the class scores, too.
`near_fixed` is the share of boxes that stand where fixed boxes stand. {BLIND} never looks at the image.
{BOXED} uses annotated boxes of the calibrate role under this protocol; `wsbench describe METHOD` says for
what. Rows of external programs are compared with all others and count in nobody else's rank. Where no
test image has a box, rows stand in the order of `{RANKED_WITHOUT_BOXES}`, and measures of boxes are left
out.
"""

COSTS = """## Cost

Of predicting one image, with its heatmap, and of training; times and memory are those of the machine that is
named. What each column is: [docs/efficiency.md](../docs/efficiency.md).
"""

NO_RECORDS = """Made by `wsbench leaderboard`; do not edit. No run of wsbench on this dataset has been
submitted yet.
"""

PUBLISHED = """## Published

As the papers print them. Splits, boxes, thresholds and training differ, so nothing here is ranked with, or
compares with, the rows above.
"""

RANDOM = {"parameters": "all parameters", "labels": "labels", "reference": "nothing, another image"}
"""Sanity checks that pages show."""

UPSTREAM = """### Less what they build on

Rows that build on another row, less that row: the network of each seed less the one that it was trained
from, on the same draws of test images. At an interval around 0, no difference is shown. *p* is corrected
over the lines.
"""

SANITY = """## Saliency sanity checks

How alike maps are to those of the trained method when what it learnt is random (`wsbench sanity`): 1 is an
equal map, which cannot depend on what was learnt. In the rows of another image nothing is random: so alike
are the trained method's maps of two images. Means over maps, without those that are constant.
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

FAITHFULNESS = """## Faithfulness

Class scores when pixels are removed by a map, at a reduced size (`wsbench sanity --faithfulness`). *most* and
*least*: without the most and the least relevant pixels. ROAD: half their difference (higher is better).
*insertion* and *deletion*: the area under the class score while pixels are inserted (higher is better) or
deleted (lower is better). A map that is no better than the other three does not say what the score depends
on.
"""

TITLES = {
    "uniform": "## Protocol `uniform`: boxes and thresholds chosen by the harness\n",
    "paper": "## Protocol `paper`: every method's own boxes and thresholds\n",
}
