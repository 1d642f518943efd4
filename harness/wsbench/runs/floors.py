"""The boxes of image-blind methods under the harness's rules, kept beside their predictions: every other
method's class scores are measured with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import geometry, scoring
from wsbench.files.writing import atomic
from wsbench.geometry.box_table import BoxTable
from wsbench.runs import scoring_inputs
from wsbench.runs.job import Job
from wsbench.runs.scoring_inputs import draws_of, predicted_of, truths_of
from wsbench.runs.stages import Checks, Stage, finished, locked, stage
from wsbench.scoring.protocols import by_objectives
from wsbench.utils.hashing import source_hash

FILE = "boxes.npz"


def floors_of(job: Job) -> dict[str, Stage]:
    """The stages that hold the boxes of image-blind methods, by the method's name.

    Only methods that do the same for every seed are among them, and those that have not been run beside the
    job's run are left out.
    """
    result = {}
    for blind in job.blind():
        if (blind.folder / "predict" / "stage.json").exists():
            with locked(blind.folder, blind.progress.say, patience=blind.patience) as folder:
                result[blind.plan.spec.name] = keep_boxes(blind, finished(folder, "predict", freed=True))
    return result


def keep_boxes(job: Job, prediction: Stage, table: BoxTable | None = None) -> Stage:
    """Keep the boxes that the harness's rules make of a run's predictions; skipped if nothing has changed.

    Args:
        job: the run, whose folder this process holds.
        prediction: its stage.
        table: the boxes, where they are at hand; else they are made from the predictions.
    """

    def work(stage_folder: Path) -> Mapping[str, Any]:
        columns = asdict(_boxes_of(job, prediction) if table is None else table)
        with atomic(stage_folder / FILE) as file:
            np.savez_compressed(file, **columns)
        return {}

    inputs = {
        "predict": prediction.key,
        "calibrate_for": job.plan.calibrate_for,
        "source": source_hash(geometry, scoring, scoring_inputs),
    }
    return stage(prediction.folder.parent, "floor", inputs, work, Checks(say=job.progress.say))


def read_boxes(floor: Stage) -> BoxTable:
    """The boxes that `keep_boxes` kept in a stage."""
    with np.load(floor.folder / FILE, allow_pickle=False) as columns:
        return BoxTable(**columns)


def _boxes_of(job: Job, prediction: Stage) -> BoxTable:
    prediction.require_files()
    predicted, objective = predicted_of(prediction.folder, job.loaded), job.plan.calibrate_for
    protocols = by_objectives(predicted, truths_of(job.loaded), draws_of(job.loaded), [objective])
    return protocols[objective].boxes
