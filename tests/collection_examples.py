"""A plugin file with three collections, one of which holds only images with the class, and two methods."""

from __future__ import annotations

from pathlib import Path

COUNTS = {"north": (40, 20), "south": (60, 36), "east": (30, 30)}
"""By collection, the number of images, and of those with the class."""

PLUGIN = f"""
import json
from pathlib import Path

import numpy as np
import wsbench

COUNTS = {COUNTS}


def sample(name, place, number, label):
    attributes = {{"collection": name, "age": str(number)}}
    if name != "east":
        attributes["sex"] = "FM"[number // 2 % 2]
    return wsbench.Sample(
        f"{{name}}-{{number:03d}}", 16, 16, name, ("tb",) if label else (), content=f"{{name}} {{number}}",
        stratum=name, patient=f"{{name}} {{number // 2}}", attributes=attributes,
    )


class Three(wsbench.Dataset):
    classes = ("tb",)
    samples = tuple(
        sample(name, place, number, number < positive)
        for place, (name, (count, positive)) in enumerate(COUNTS.items())
        for number in range(count)
    )

    def read(self, sample, height, width):
        random = np.random.default_rng(wsbench.seed_from("noise", sample.name))
        noise = random.integers(0, 60, (height, width))
        place = list(COUNTS).index(sample.attributes["collection"])
        return (noise + 1 * bool(sample.labels) + 80 * place).astype(np.uint8)


class Settings(wsbench.Settings):
    only_collection: bool = False


class Brightness(wsbench.Method):
    def __init__(self, settings):
        self.settings = settings

    def fit(self, fit, select, run):
        names = [[sample.name for sample in view.samples] for view in (fit, select)]
        (run.folder / "names").write_text(json.dumps(names))

    def restore(self, run):
        pass

    def predict(self, images):
        grey = images.pixels(16, 16)[:] / 255.0
        scores = grey.mean((1, 2))
        if self.settings.only_collection:
            scores = np.round(scores * 255 / 80) / 4
        return wsbench.Prediction(scores[:, None], grey[:, None])


@wsbench.hookimpl
def wsbench_datasets():
    load = lambda settings, source: Three()
    return [wsbench.DatasetSpec("three", "three collections", wsbench.Settings, load, computed=True)]


@wsbench.hookimpl
def wsbench_methods():
    build = lambda settings, classes: Brightness(settings)
    return [wsbench.MethodSpec("brightness", "mean grey level", Settings, build)]
"""

ENTRY = "three:\n  roles:\n" + "".join(
    f"    {name}: {{fit: 0.4, select: 0.2, calibrate: 0.1, test: 0.3}}\n" for name in COUNTS
)


def written(folder: Path) -> Path:
    """Write the plugin, and its roles into the ``datasets.yaml`` of a folder. Return the plugin's file."""
    (folder / "datasets.yaml").write_text(ENTRY)
    path = folder / "three.py"
    path.write_text(PLUGIN)
    return path
