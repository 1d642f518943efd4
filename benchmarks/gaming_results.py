"""What submissions score, by the code that scores everybody's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from gaming_submissions import Material, Submission, write

from wsbench.contract.base import Method
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import MethodSpec
from wsbench.data.dataset import Loaded
from wsbench.geometry.box_table import BoxTable
from wsbench.predictions import external, store
from wsbench.runs.scoring_inputs import draws_of, paper_of, predicted_of, truths_of
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.metric_values import macro, values
from wsbench.scoring.protocols import Protocol, make_protocols, table_of
from wsbench.scoring.table import Scored
from wsbench_plugins.metrics.detection._fixed import best_counts, cond_ap25

OURS = ("cond_ap25", "cond_gain", "near_fixed", "ap25", "map_gain", "froc", "lroc", "auc")
PAPERS = ("miou", "region_iou", "msli", "iou_accuracy_all@0.25", "iou_accuracy_all@0.5", "ap50")
VERSION_1 = "ap25, version 1"
"""What ranked under version 1: average precision of all boxes of a file; none was left out by a rule."""

MEASURES = ("cond_ap25", "cond_gain", "near_fixed", VERSION_1, *OURS[3:], *PAPERS)


@dataclass(frozen=True)
class Result:
    """What a submission scored.

    Attributes:
        name, does, kind: of the submission; the kind of the run itself is ``honest``.
        values: by measure; None where it does not exist.
        floor: of a blind one, the ranking measure of the same boxes by the same rule with equal class scores.
    """

    name: str
    does: str
    kind: str
    values: Mapping[str, float | None]
    floor: float | None = None


def material_of(
    folder: Path, loaded: Loaded, found: Plugins, spec: MethodSpec, method: Method
) -> tuple[Material, Result]:
    """What submissions are made from, and what the run itself scores.

    Args:
        folder: with the predictions of a run, its stage ``predict``.
        loaded: its dataset.
        found: the plugins, for their metrics.
        spec, method: its method, which needs not be fitted.
    """
    predicted, truth = predicted_of(folder, loaded), truths_of(loaded)
    protocols = _protocols(folder, loaded, spec, method)
    uniform, classes = protocols["uniform"], loaded.dataset.classes
    for role, of_role in predicted.items():
        assert of_role.names == truth[role].names
    calibrate = predicted["calibrate"]
    boxes = calibrate.prediction.boxes
    own = None if boxes is None else BoxTable.of(boxes, classes)
    there = replace(
        uniform, test=calibrate, sizes=truth["calibrate"].sizes, method_boxes=own, redraws=None, _tables={}
    )
    material = Material(
        loaded,
        {role: of_role.prediction.scores for role, of_role in predicted.items()},
        {"calibrate": there.boxes, "test": uniform.boxes},
        best_counts(table_of(uniform, truth), cond_ap25),
    )
    return material, Result(
        "the run", "What its method predicted.", "honest", _measured(loaded, protocols, found)
    )


def result_of(submission: Submission, loaded: Loaded, found: Plugins, folder: Path) -> Result:
    """Write a submission as a file, read it as an external program's, and score it.

    Args:
        submission: to score.
        loaded: the dataset.
        found: the plugins, for their metrics.
        folder: an empty one to work in.
    """
    read = external.read_predictions(write(submission, loaded, folder), "program", loaded)
    for role, part in read.parts.items():
        store.store(part, loaded.views.images(loaded.roles.members[role]), folder, role)
    protocols = _protocols(folder, loaded, read.spec, read.spec.build(read.spec.settings(), ()))
    floor = None
    if submission.kind == "blind":
        blind = table_of(_floor(submission, protocols["uniform"]), truths_of(loaded))
        floor = _value(blind, "cond_ap25", found)
    described = _measured(loaded, protocols, found)
    return Result(submission.name, submission.does, submission.kind, described, floor)


def _protocols(folder: Path, loaded: Loaded, spec: MethodSpec, method: Method) -> dict[str, Protocol]:
    predicted = predicted_of(folder, loaded)
    paper = paper_of(spec, method, loaded, folder, predicted)
    return make_protocols(predicted, truths_of(loaded), draws_of(loaded), paper=paper)


def _floor(submission: Submission, protocol: Protocol) -> Protocol:
    """The same boxes by the same rule, with equal class scores on every image."""
    prediction = protocol.test.prediction
    equal = replace(prediction, scores=np.ones_like(prediction.scores))
    own = None if submission.floor is None else submission.floor.single()
    return replace(protocol, test=replace(protocol.test, prediction=equal), method_boxes=own, _tables={})


def _measured(loaded: Loaded, protocols: Mapping[str, Protocol], found: Plugins) -> dict[str, float | None]:
    uniform = protocols["uniform"]
    truth = truths_of(loaded)
    ours = table_of(uniform, truth)
    paper = protocols.get("paper", uniform)
    papers = table_of(paper, truth)
    every = ours if uniform.method_boxes is None else ours.with_boxes(uniform.method_boxes)
    result = {name: _value(ours, name, found) for name in OURS}
    result |= {name: _value(papers, name, found) for name in PAPERS}
    return {**result, VERSION_1: _value(every, "ap25", found)}


def _value(table: Scored, metric: str, found: Plugins) -> float | None:
    value = float(macro(values(found.metrics[metric], table, Resamples.once(len(table.names))))[0])
    return None if np.isnan(value) else value
