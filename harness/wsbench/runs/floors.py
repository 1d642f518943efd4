"""The boxes of image-blind methods under the harness's rules, kept beside their predictions: every other
method's class scores are measured with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import geometry, scoring
from wsbench.contract.plugins import Plugins
from wsbench.data.dataset import Loaded
from wsbench.files.locks import PATIENCE
from wsbench.files.writing import atomic
from wsbench.geometry.box_table import BoxTable
from wsbench.runs import scoring_inputs
from wsbench.runs.plan import Plan, blind_plans
from wsbench.runs.scoring_inputs import draws_of, predicted_of, truths_of
from wsbench.runs.stages import Checks, Stage, finished, locked, stage
from wsbench.scoring.protocols import by_objectives
from wsbench.utils.hashing import source_hash

FILE = "boxes.npz"


def floors_of(plan: Plan, loaded: Loaded, plugins: Plugins) -> dict[str, Stage]:
    """By name, the boxes of the methods that never look at an image and do the same for every seed; those
    that have not been run beside the plan's run are left out."""
    result = {}
    for blind in blind_plans(plugins, loaded.spec, runs=plan.runs, calibrate_for=plan.calibrate_for):
        folder = blind.folder(loaded)
        if blind.spec.deterministic and (folder / "predict" / "stage.json").exists():
            with locked(folder, loaded.progress.say, patience=PATIENCE):
                result[blind.spec.name] = keep_boxes(blind, loaded, finished(folder, "predict"))
    return result


def keep_boxes(plan: Plan, loaded: Loaded, prediction: Stage, table: BoxTable | None = None) -> Stage:
    """Keep the boxes that the harness's rules make of a run's predictions; skipped if nothing has changed.

    Args:
        plan: of the run, whose folder this process holds.
        loaded: its dataset.
        prediction: its stage.
        table: the boxes, where they are at hand; else they are made from the predictions.
    """

    def work(stage_folder: Path) -> Mapping[str, Any]:
        columns = asdict(_boxes_of(plan, loaded, prediction) if table is None else table)
        with atomic(stage_folder / FILE) as file:
            np.savez_compressed(file, **columns)
        return {}

    inputs = {
        "predict": prediction.key,
        "calibrate_for": plan.calibrate_for,
        "source": source_hash(geometry, scoring, scoring_inputs),
    }
    return stage(prediction.folder.parent, "floor", inputs, work, Checks(say=loaded.progress.say))


def read_boxes(kept: Stage) -> BoxTable:
    """The boxes that `keep_boxes` kept."""
    with np.load(kept.folder / FILE, allow_pickle=False) as columns:
        return BoxTable(**columns)


def _boxes_of(plan: Plan, loaded: Loaded, prediction: Stage) -> BoxTable:
    predicted = predicted_of(prediction.folder, loaded)
    made = by_objectives(predicted, truths_of(loaded), draws_of(loaded), [plan.calibrate_for])
    return made[plan.calibrate_for].boxes
