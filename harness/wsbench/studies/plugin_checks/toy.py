"""The toy dataset that methods are checked on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wsbench.contract.base import Dataset
from wsbench.contract.specs import DatasetSpec
from wsbench.data.catalog import Entry
from wsbench.data.dataset import Loaded, load
from wsbench.settings import Settings
from wsbench.types import Box, Sample
from wsbench.utils.progress import Silent


class ToySettings(Settings):
    """Nothing to choose."""


class Toy(Dataset):
    """A toy dataset: sixty images of noise, 48 x 40 pixels. A third of them has the class ``spot`` and one
    or two bright boxes. The attributes are those of tbx11k: ``group`` tb or health, and ``activity``
    active."""

    classes: tuple[str, ...] = ("spot",)

    def __init__(self) -> None:
        self.samples = tuple(_toy_sample(index) for index in range(60))

    def read(self, sample: Sample, height: int, width: int) -> np.ndarray:
        noise = np.random.default_rng(int(sample.content)).integers(0, 60, (40, 48), dtype=np.uint8)
        for box in sample.boxes:
            box_pixels = noise[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
            box_pixels[box_pixels < 150] += 150  # pixels in two boxes are brightened once
        rows, columns = np.arange(height) * 40 // height, np.arange(width) * 48 // width
        return noise[np.ix_(rows, columns)]


def _toy_sample(index: int) -> Sample:
    x, y = 4 + index % 5 * 4, 3 + index % 7 * 2
    both = (Box("spot", x, y, x + 14, y + 12), Box("spot", 30, 26, 44, 36))
    boxes = both[: 1 + index % 2] if index % 3 == 2 else ()
    return Sample(
        name=f"{index:03d}",
        width=48,
        height=40,
        split="test" if index % 4 == 0 else "train",
        labels=("spot",) if boxes else (),
        boxes=boxes,
        content=str(index),
        attributes={"group": "tb", "activity": "active"} if boxes else {"group": "health"},
    )


class TwoClasses(Toy):
    """The toy dataset with a second class, ``dot``, which every second image of ``spot`` has instead."""

    classes = ("spot", "dot")

    def __init__(self) -> None:
        super().__init__()
        with_boxes = [sample.name for sample in self.samples if sample.boxes][::2]
        self.samples = tuple(
            _with_dots(sample) if sample.name in with_boxes else sample for sample in self.samples
        )


def _with_dots(sample: Sample) -> Sample:
    boxes = tuple(replace(box, label="dot") for box in sample.boxes)
    return replace(sample, labels=("dot",), boxes=boxes)


TOY = DatasetSpec(
    name="toy",
    summary="bright boxes in noise",
    settings=ToySettings,
    load=lambda settings, source: Toy(),
    computed=True,
    preset="quick",
)


TOY_OF_TWO = replace(TOY, name="toy_of_two", load=lambda settings, source: TwoClasses())


def toy() -> Loaded:
    """Load the toy dataset, ready for a run."""
    return load(TOY, ToySettings(), Entry(), Silent())


def toy_of_two() -> Loaded:
    """Load the toy dataset with two classes, ready for a run."""
    return load(TOY_OF_TWO, ToySettings(), Entry(), Silent())
