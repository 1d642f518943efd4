"""A method that trains in no time and is best at one value of its setting, for tests of tuning.

It is also a plugin of wsbench, with the toy dataset, so that commands in other processes find both.
"""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

import wsbench
from wsbench import testing
from wsbench.contract.base import Method, RunContext
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import DatasetSpec, MethodSpec
from wsbench.data.catalog import Entry
from wsbench.data.dataset import Loaded
from wsbench.data.views import ImageView, WeakView
from wsbench.files.writing import write_text
from wsbench.runs.plan import make_plan
from wsbench.settings import Settings
from wsbench.studies.tuning.form import SearchFile, parse_words
from wsbench.studies.tuning.space import space_of
from wsbench.studies.tuning.tuning import Tuning
from wsbench.types import Prediction

BEST = 2.0
"""The value of ``gain`` at which predictions hold no noise."""


class Inner(Settings):
    """Settings inside settings."""

    depth: int = Field(3, ge=1, le=9, description="changes nothing")
    width: int = Field(5, ge=1, description="changes nothing")


class DialSettings(Settings):
    """What can be searched: every kind of setting."""

    gain: float = Field(1.0, ge=0, le=4, description="the nearer to 2, the less noise")
    rate: float = Field(0.1, gt=0, lt=1, description="changes nothing")
    weight: float = Field(1.0, ge=0, description="changes nothing, and has no upper bound")
    steps: int = Field(4, gt=1, lt=9, description="changes nothing")
    invert: bool = Field(False, description="gives the darkest image the highest score")
    cells: Literal[4, 8, 16] = Field(8, description="side of the map")
    margin: float = Field(0.0, ge=0, le=1, description="of the method's own boxes")
    inner: Inner = Field(Inner(), description="settings inside")
    epochs: int = Field(3, ge=1, description="epochs")
    pause: float = Field(0.0, ge=0, description="seconds an epoch")
    fails: float = Field(4.0, ge=0, le=4, description="the gain from which it refuses to train")


class Dial(Method):
    """Brightness, with noise that depends on ``gain``."""

    predicted: list[str]
    """Names of all images that were predicted, of all objects."""

    def fit(self, fit: WeakView, select: WeakView, run: RunContext) -> None:
        history = run.folder / "history.csv"
        rows = list(csv.reader(history.read_text().splitlines()[1:])) if history.exists() else []
        if self.settings.gain > self.settings.fails:
            raise wsbench.WsbenchError(f"gain {self.settings.gain:.2f} is too high")
        for epoch in range(len(rows), self.settings.epochs):
            time.sleep(self.settings.pause)
            loss = abs(self.settings.gain - BEST) + 1 / (epoch + 1)
            rows.append([str(epoch), "0.1", repr(loss)])
            write_text(history, "\n".join(["epoch,seconds,select_loss", *map(",".join, rows)]) + "\n")
            run.epoch_ended(epoch, {"select_loss": loss})

    def predict(self, images: ImageView) -> Prediction:
        Dial.predicted += images.names
        share = min(1.0, (abs(self.settings.gain - BEST) / 2) ** 0.5)
        cells = self.settings.cells
        grey = images.pixels(cells, cells)[:] / 255.0
        maps = (1 - share) * grey + share * np.stack(
            [np.random.default_rng(sum(map(ord, name))).random((cells, cells)) for name in images.names]
        )
        scores = maps.max(axis=(1, 2))
        return Prediction((1 - scores if self.settings.invert else scores)[:, None], maps[:, None])


Dial.predicted = []

SPEC = MethodSpec(
    "dial",
    "brightness with noise",
    DialSettings,
    Dial,
    presets={"plain": {}, "quick": {"epochs": 2, "rate": 0.2}},
    after_fit=("cells",),
    after_predict=("margin",),
)


def held_out_toy() -> Loaded:
    """The toy dataset with most of its images in select and calibrate."""
    shares = {"train": {"fit": 0.2, "select": 0.4, "calibrate": 0.4}, "test": {"test": 1.0}}
    return replace(testing.toy(), entry=Entry(roles=shares))


def tuning(runs: Path, *search: str, loaded: Loaded | None = None, **form: object) -> Tuning:
    """A tuning of this method on the toy dataset.

    Args:
        runs: the folder of runs.
        search: as words of ``--search``.
        loaded: the toy dataset.
        form: keys of a search file, and ``options`` and ``preset``. The objective is ``labels``,
            which takes less time.
    """
    fixed, preset = form.pop("options", {}), form.pop("preset", None)
    data, file = loaded or held_out_toy(), SearchFile.model_validate({"objective": "labels", **form})
    plan = make_plan(SPEC, preset, fixed, dataset=testing.TOY, seed=0, device="cpu", runs=runs)
    space = space_of({**file.forms("file"), **parse_words(search)}, SPEC)
    return Tuning(plan, fixed, space, file, data, Plugins(methods={"dial": SPEC}))


@wsbench.hookimpl
def wsbench_methods() -> list[MethodSpec]:
    """The method."""
    return [SPEC]


@wsbench.hookimpl
def wsbench_datasets() -> list[DatasetSpec]:
    """The toy dataset."""
    return [testing.TOY]
