"""Finished runs of methods that cost nothing, on films of many sizes: for tests of pages that show cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wsbench

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.contract.records import Record
    from wsbench.data.dataset import Loaded

ATTACK = "<script>alert(1)</script>\"'|&"
"""A class name that would be a script, were it not escaped."""

SOURCE = '''
import hashlib, numpy as np, wsbench

ATTACK = "<script>alert(1)</script>\\"'|&"

def generator_of(name):
    return np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))

def sample_of(split, number):
    name = f"{split}/film {number} <b>.png"
    generator = generator_of(name)
    width, height = (int(side) for side in generator.integers(60, 200, 2))
    labels, boxes = [], []
    for label in Films.classes:
        if generator.random() < 0.5:
            labels.append(label)
            side = generator.choice([0.15, 0.3, 0.5])
            x, y = generator.random(2) * (1 - side)
            box = [x * width, y * height, (x + side) * width, (y + side) * height]
            boxes.append(wsbench.Box(label, *map(float, box)))
    return wsbench.Sample(name=name, split=split, width=width, height=height, labels=tuple(labels),
                          boxes=tuple(boxes), content=name)

class Films(wsbench.Dataset):
    classes = ("tb", "mass", ATTACK)

    def __init__(self):
        self.samples = tuple(sample_of(split, n) for split in ("train", "test") for n in range(40))

    def read(self, sample, height, width):
        ramp = np.linspace(30, 220, width)[None] * np.linspace(0.5, 1, height)[:, None]
        return ramp.astype(np.uint8)

class Settings(wsbench.Settings):
    pass

class Spots(wsbench.Method):
    """Maps of 9 x 12 cells that cover three quarters of the image."""

    grid = None

    def fit(self, fit, select, run):
        (run.folder / "nothing").write_text("")

    def restore(self, run):
        pass

    def predict(self, images):
        drawn = [generator_of(name + type(self).__name__) for name in images.names]
        maps = np.stack([g.random((3, 9, 12)) ** 3 for g in drawn])
        scores = np.stack([g.random(3) for g in drawn])
        regions = [wsbench.Region(0.0, h * 0.125, w * 0.75, h * 1.0) for w, h in images.sizes]
        return wsbench.Prediction(scores, maps, regions, box_grid=self.grid)

class Fine(Spots):
    """The same on a finer grid."""

    grid = (40, 30)

class Guesses(Spots):
    """Boxes without a heatmap."""

    def predict(self, images):
        boxes = []
        for name, (w, h) in zip(images.names, images.sizes):
            g = generator_of(name)
            boxes.append([wsbench.ScoredBox(label, float(w * x), float(h * y), float(w * (x + 0.3)),
                                            float(h * (y + 0.3)), float(round(s, 1)))
                          for label in images.classes for x, y, s in g.random((3, 3)) * 0.7])
        return wsbench.Prediction(np.full((len(boxes), 3), 0.4), boxes=boxes)

@wsbench.hookimpl
def wsbench_datasets():
    load = lambda settings, source: Films()
    return [wsbench.DatasetSpec("films", "ramps", Settings, load, computed=True)]

@wsbench.hookimpl
def wsbench_methods():
    kinds = [("spots", Spots), ("fine", Fine), ("guesses", Guesses)]
    return [wsbench.MethodSpec(name, "random", Settings, kind) for name, kind in kinds]
'''
METHODS = ("spots", "fine", "guesses")


@dataclass(frozen=True)
class Films:
    """Finished runs of three methods on 40 test images, their dataset, and the file of the plugins."""

    records: tuple[Record, ...]
    loaded: Loaded
    plugins: Plugins
    file: Path


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory, nothing_is_waited_for: None) -> Iterator[Films]:
    """Runs with few bootstrap draws, which nothing here depends on."""
    from wsbench.contract.plugins import find
    from wsbench.runs import scoring_inputs
    from wsbench.runs.rescoring import dataset_of
    from wsbench.utils.progress import Silent

    folder = tmp_path_factory.mktemp("films")
    file = folder / "films.py"
    file.write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scoring_inputs, "DRAWS", 4)
        records = tuple(
            wsbench.run(method, "films", runs=folder / "runs", plugin_files=[file], device="cpu")
            for method in METHODS
        )
    found = find([file])
    yield Films(records, dataset_of(records[0], found, Silent(), None), found, file)
