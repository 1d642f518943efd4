"""A method and a dataset that are quick to run, and sweeps of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PLUGIN = '''
import os
import time

import numpy as np
import pydantic

import wsbench


class Settings(wsbench.Settings):
    offset: float = pydantic.Field(0.0, ge=0, le=1, description="added to class scores")
    shift: int = pydantic.Field(0, ge=0, le=9, description="of the map, in cells; needs no second training")
    sizes: list[int] = [1]
    fails: bool = False


class Lamp(wsbench.Method):
    """Noise. Its training leaves a line in a file for every time that it is done."""

    def fit(self, fit, select, run):
        if self.settings.fails:
            raise wsbench.WsbenchError("lamp: it was told to fail")
        time.sleep(float(os.environ.get("LAMP_SECONDS", "0")))
        with open(os.environ["LAMP_LOG"], "a") as file:
            threads = os.environ.get("OMP_NUM_THREADS")
            file.write(f"{run.folder.parent.name} {run.seed} threads={threads}\\\\n")

    def restore(self, run):
        self.seed = run.seed

    def predict(self, images):
        maps = np.random.default_rng(self.seed).random((len(images.names), 1, 8, 8))
        maps = np.roll(maps, self.settings.shift, axis=3).astype(np.float32)
        scores = np.clip(maps.max(axis=(2, 3)) * (1 - self.settings.offset), 0, 1)
        return wsbench.Prediction(scores, maps)


@wsbench.hookimpl
def wsbench_methods():
    # It says that it never looks at an image, so that image-blind methods are not run beside it.
    return [wsbench.MethodSpec("lamp", "noise", Settings, Lamp, after_fit=("shift",), reads_image=False)]
'''

DATA = {"images": 60, "size": 64}


def write_plugin(folder: Path) -> Path:
    """Write the plugin into a folder, and return its file."""
    path = folder / "lamp.py"
    path.write_text(PLUGIN.replace("\\\\n", "\\n"))
    return path


def study(**changes: Any) -> dict[str, Any]:
    """What the file of a sweep of two settings and one seed holds, with changes."""
    values: dict[str, Any] = {
        "methods": "lamp",
        "datasets": "phantom",
        "options": {"offset": [0, 0.5]},
        "data_options": dict(DATA),
        "references": False,
        "device": "cpu",
    }
    return {**values, **changes}
