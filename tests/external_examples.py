"""A small phantom, a run on it, and predictions of it as external programs give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import wsbench
from wsbench.contract import plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.predictions import external
from wsbench.runs import rescoring
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

SMALL = {"images": 80}
GUESS = """
import numpy as np
import wsbench

class Settings(wsbench.Settings):
    pass

class Guess(wsbench.Method):
    # One blob somewhere in the upper half, and a score, both drawn from the pixels.
    def predict(self, images):
        pixels = images.pixels(24, 24)[:]
        seeds = [wsbench.seed_from(image.tobytes().hex()) for image in pixels]
        draws = np.array([np.random.default_rng(seed).random(3) for seed in seeds])
        y, x = np.mgrid[:24, :24] / 24
        distance = (y - draws[:, 0, None, None] / 2) ** 2 + (x - draws[:, 1, None, None]) ** 2
        maps = np.exp(-distance / 0.03)[:, None]
        return wsbench.Prediction(draws[:, 2:], maps, box_grid=(40, 36))

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("guess", "", Settings, Guess)]
"""


def finished_run(folder: Path) -> tuple[Record, Path]:
    """A finished run in a folder, and the plugin file of its method."""
    (folder / "guess.py").write_text(GUESS)
    record = wsbench.run(
        "guess", "phantom", data_options=SMALL, runs=folder / "runs", plugin_files=[folder / "guess.py"]
    )
    return record, folder / "guess.py"


def small_phantom() -> Loaded:
    """The data of the run."""
    return load_dataset(plugins.find(), "phantom", SMALL, Silent())


def scored(path: Path, loaded: Loaded, **options: object) -> Record:
    """The record of a file of predictions."""
    read = external.read_predictions(path, "program", loaded, **options)
    return rescoring.evaluate(read, loaded, plugins.find(), path.parent / "outside")


def results_of(*boxes: tuple[object, list[float], float]) -> str:
    """A list of results of class tb: image, box and score of each."""
    return json.dumps(
        [{"image_id": image, "category_id": "tb", "bbox": box, "score": score} for image, box, score in boxes]
    )


def scaled_results(loaded: Loaded, form: Callable[[str], object], by: float = 1.0) -> str:
    """The truth of the test role as results, its images called so, its boxes scaled."""
    boxes = [
        (form(s.name), [b.x0 * by, b.y0 * by, (b.x1 - b.x0) * by, (b.y1 - b.y0) * by], 0.9)
        for s in loaded.samples_of("test")
        for b in s.boxes
    ]
    return results_of(*boxes)
