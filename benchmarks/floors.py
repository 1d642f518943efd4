"""What boxes that never look at an image reach under published rules: ``python benchmarks/floors.py [DATA]``.

From annotations alone, through wsbench's own metrics. Writes leaderboards/floors.yaml and, from that and what
papers print, docs/papers_beside_the_floor.md. DATA is a folder with tbx11k-boxes.json and nih-metadata/; by
default $WSBENCH_REAL_DATA. With --page, the page is made again from the committed numbers, without data.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import floor_masks
import floor_page
import numpy as np
from floor_annotations import ACTIVE, NEGATIVES, Annotated, read_nih, read_tbx11k, tuberculosis
from floor_boxes import (
    OTHER_HALF,
    TRAINING,
    Fixed,
    crossed,
    everywhere,
    greedy,
    measured,
    placed,
    two_means,
    unlearnt,
    value,
)

from wsbench.errors import WsbenchError
from wsbench.files.writing import write_text
from wsbench.reports.floors import FILE, Floor, papers_by_name, read_file
from wsbench.scoring.priors import as_fractions

ROOT = Path(__file__).parents[1]
LEADERBOARDS = ROOT / "leaderboards"
NUMBERS = LEADERBOARDS / FILE
PAGE = ROOT / "docs" / "papers_beside_the_floor.md"

CLARITY = (*(f"iou_accuracy@{iou:g}" for iou in (0.1, 0.2, 0.3, 0.4, 0.5)), "msli")
OTHER_CUTS = 8
"""Further ways of cutting NIH's patients into halves, which show how much the cut matters."""


def compute(data: Path) -> list[Floor]:
    """All numbers of the page, from a data folder.

    Raises:
        WsbenchError: a file is missing or of another form.
    """
    file, nih = read_tbx11k(data), read_nih(data)
    training, tested = (tuberculosis(file, split) for split in ("train", "val"))
    active = [tuberculosis(file, split, [ACTIVE]) for split in ("train", "val")]
    every = tuberculosis(file, "val", negatives=NEGATIVES)
    positive = f"the {len(tested.units)} images of official val with tuberculosis"
    alone = f"the {len(active[1].units)} images of official val with active tuberculosis alone"
    both = {positive: tested, f"all {len(every.units)} images of official val": every}
    numbers = [
        *on_tbx11k("kd_gradcam", ["miou"], training, {positive: tested}),
        *on_tbx11k("tbva_gan", ["region_iou", "region_dice"], active[0], {alone: active[1]}),
        *clarity(nih),
        *eva_x(nih),
        *on_tbx11k("symformer", ["ap50"], training, both),
        *rsna(nih),
    ]
    return floor_page.headed(numbers)


def on_tbx11k(
    paper: str, names: Sequence[str], training: Annotated, tested: Mapping[str, Annotated]
) -> Iterator[Floor]:
    """Every kind of fixed boxes, chosen on training images and measured on them and on tested ones.

    Args:
        paper: whose rule it is.
        names: of its metrics.
        training: images of official train.
        tested: images of official val, by what they are in words.
    """
    boxes = as_fractions(training.truth.truth, training.truth.sizes)
    for fixed in [*unlearnt(), two_means(boxes), *greedy(boxes, TRAINING)]:
        known = placed(training, {(0, 0): fixed})
        in_training = {name: value(known, name) for name in names}
        for words, images in tested.items():
            results = measured(placed(images, {(0, 0): fixed}), images, names)
            for name in names:
                line = floor(paper, name, words, fixed, results[name])
                yield line.model_copy(update={"in_training": in_training[name]})


def clarity(nih: Annotated) -> Iterator[Floor]:
    """CLARiTY's measures, every class predicted on every image."""
    for choice in [*(everywhere(nih, fixed) for fixed in unlearnt()), *crossed(nih, " a class")]:
        results = measured(placed(nih, choice), nih, CLARITY)
        for name in CLARITY:
            yield floor("clarity", name, _all_boxes(nih), choice[0, 0], results[name])


def eva_x(nih: Annotated) -> Iterator[Floor]:
    """EVA-X's measures of masks that are the same on every image of a half."""
    for fixed in unlearnt():
        yield from _of_maps(nih, floor_masks.masks_of(nih, fixed), fixed.words, fixed.chosen_on)
    cut, chosen = floor_masks.cut_on_other_half(nih), f"{OTHER_HALF}, threshold too"
    others = np.array([floor_masks.of_other_halves(nih, f"cut {number}: ") for number in range(OTHER_CUTS)])
    lines = _of_maps(nih, cut, "the mean box of the class", chosen)
    for line, values in zip(lines, others.T, strict=True):
        spread = float(values.mean()), float(values.std(ddof=1))
        yield line.model_copy(update={"other_cuts": spread})
    chosen = f"{OTHER_HALF}; threshold on the scored boxes, as published"
    yield from _of_maps(nih, floor_masks.of_other_half(nih), "the mean box of the class", chosen)


def rsna(nih: Annotated) -> Iterator[Floor]:
    """The RSNA challenge's measure on the images of NIH on which pneumonia was boxed."""
    boxed = _alone(nih, "Pneumonia")
    words = f"the {len(boxed.units)} images of NIH on which pneumonia was boxed"
    for choice in [*(everywhere(boxed, fixed) for fixed in unlearnt()), *crossed(boxed)]:
        result = measured(placed(boxed, choice), boxed, ["rsna"])["rsna"]
        yield floor("rsna", "rsna", words, choice[0, 0], result)


def floor(paper: str, measure: str, images: str, fixed: Fixed, result: Mapping[str, Any]) -> Floor:
    """One number of the page, from a metric's result as records hold it."""
    return Floor(
        paper=paper,
        measure=measure,
        images=images,
        boxes=fixed.words,
        chosen_on=fixed.chosen_on,
        value=result["value"],
        interval=result["interval"],
    )


def _of_maps(nih: Annotated, maps: np.ndarray, words: str, chosen_on: str) -> Iterator[Floor]:
    results = measured(floor_masks.with_maps(nih, maps), nih, floor_masks.MEASURES)
    fixed = Fixed(words, chosen_on, np.zeros((0, 4)), np.zeros(0))
    for name in floor_masks.MEASURES:
        yield floor("eva_x", name, _all_boxes(nih), fixed, results[name])


def _all_boxes(nih: Annotated) -> str:
    return f"all {len(nih.truth.truth)} boxes of the release"


def _alone(annotated: Annotated, name: str) -> Annotated:
    """The images with a box of one class, with that class alone."""
    truth = annotated.truth
    label = truth.classes.index(name)
    boxes = truth.truth.of_label(label)
    rows, image = np.unique(boxes.image, return_inverse=True)
    boxes = replace(boxes, image=image, label=np.zeros_like(image))
    names, units = (tuple(words[row] for row in rows) for words in (truth.names, annotated.units))
    present = np.ones((len(rows), 1), dtype=bool)
    one = replace(
        truth,
        classes=(name,),
        names=names,
        sizes=truth.sizes[rows],
        labels=present,
        known=present,
        truth=boxes,
    )
    return Annotated(one, units, annotated.half[rows])


def main(words: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("WSBENCH_REAL_DATA"))
    parser.add_argument("--page", action="store_true", help="make the page from the committed numbers alone")
    options = parser.parse_args(words)
    try:
        if not options.page:
            if not options.data:
                raise WsbenchError("no data folder: name it, or set WSBENCH_REAL_DATA")
            floor_page.write_numbers(compute(Path(options.data)), NUMBERS)
        text = floor_page.render(read_file(NUMBERS), papers_by_name(LEADERBOARDS))
    except WsbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_text(PAGE, text)
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
