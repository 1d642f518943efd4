"""my_plugin: bright squares in noise, which stand for your images.

Replace this text by what the dataset is. Lines that begin with "REPLACE" say what else is yours to change. It
is computed, so that it runs at once; files take its place step by step. For a folder of images with a COCO or
CSV file you need no plugin (`wsbench data new FOLDER`). How to go on: docs/how-to/dataset.md of wsbench.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

import wsbench

SIDE = 100
"""Side of an image, in pixels."""


class MyPluginSettings(wsbench.Settings):
    """The settings. `-D NAME=VALUE` changes one.

    REPLACE: what users may choose of your data, such as a task or which labels count.
    """

    images: int = Field(120, ge=40, description="number of images")


class MyPlugin(wsbench.Dataset):
    """Every second image holds a bright square, and a box around it."""

    classes = ("square",)  # REPLACE: the names of your classes

    def __init__(self, settings: MyPluginSettings) -> None:
        # REPLACE: list your files in a fixed order. `wsbench.images.image_files(folder)` lists images, and
        # `wsbench.images.read_text` reads tables. Each wrong file is a `wsbench.Problem` in self.problems.
        self.samples = tuple(_sample(number) for number in range(settings.images))

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        """REPLACE by `wsbench.images.read_radiograph(file, height, width)` of the sample's file."""
        random = np.random.default_rng(int(sample.name))  # seeded by the name: the same at every call
        pixels = random.integers(0, 100, (SIDE, SIDE), dtype=np.uint8)
        for box in sample.boxes:
            pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] += 150
        rows, columns = np.arange(height) * SIDE // height, np.arange(width) * SIDE // width
        return pixels[np.ix_(rows, columns)]


def _sample(number: int) -> wsbench.Sample:
    """REPLACE: one image of yours, with its labels and, where it was annotated, its boxes."""
    x, y = 10 + number * 7 % 60, 10 + number * 13 % 60
    boxes = (wsbench.Box("square", x, y, x + 20, y + 20),) if number % 2 else ()
    return wsbench.Sample(
        name=f"{number:04d}",  # unique, and the same on every machine
        width=SIDE,
        height=SIDE,
        split="test" if number % 4 < 2 else "train",  # the official split; datasets.yaml makes roles of it
        labels=("square",) if boxes else (),
        boxes=boxes,  # half-open, in pixels of the original image
        content=str(number),  # of files: a hash of their bytes, so that copies are found
        patient=None,  # REPLACE: a patient's images share a role
    )


def _load(settings: MyPluginSettings, source: wsbench.Source) -> MyPlugin:
    # REPLACE: source.root is the folder of files (`--root`); hand it on, and say computed=False below.
    return MyPlugin(settings)


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="my_plugin",
            summary="bright squares in noise",  # REPLACE
            settings=MyPluginSettings,
            load=_load,
            citation="",  # REPLACE: the publication of the data
            computed=True,
        )
    ]
