"""What scoring a transfer is handed: select and calibrate of the dataset that was trained on, and the test
role of another one. There is no way in for other roles of that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wsbench.contract.specs import BoxSupervision
from wsbench.predictions import store
from wsbench.runs.job import Job
from wsbench.runs.scoring_inputs import predicted_of, truths_of
from wsbench.runs.target import Target, with_columns
from wsbench.scoring.inputs import Paper, RolePredictions
from wsbench.scoring.table import Truth
from wsbench.types import Prediction, Role, ScoredBox

CHOOSING: Sequence[Role] = ("select", "calibrate")


def tested_predictions(
    job: Job, target: Target, own: Path, folder: Path
) -> tuple[Mapping[Role, RolePredictions], Paper | None]:
    """Predictions of select and calibrate as they were made, with those of the target as role test, and what
    protocol ``paper`` is made of. Both have the shared classes alone.

    Args:
        job: the run on the dataset that was trained on.
        target: the test role of another dataset.
        own: the folder of that run's predictions.
        folder: the folder of the predictions of the target.
    """
    predicted = _with_target(job, own, folder)
    where = store.of_protocol(folder, store.PAPER)
    own_paper = store.of_protocol(own, store.PAPER)
    of_paper = predicted if where == folder else _with_target(job, own_paper, where)
    boxes = _boxes(job, target, of_paper["test"])
    shared = of_classes(predicted, job, target)
    paper_shared = shared if of_paper is predicted else of_classes(of_paper, job, target)
    if boxes is not None:
        shown = [[box for box in of_image if box.label in target.classes] for of_image in boxes]
        return shared, Paper(paper_shared, shown, job.build().paper_operating_point)
    if job.plan.spec.paper_objective is not None:
        return shared, Paper(paper_shared, objective=job.plan.spec.paper_objective)
    return shared, None


def of_classes(
    predicted: Mapping[Role, RolePredictions], job: Job, target: Target
) -> Mapping[Role, RolePredictions]:
    """Predictions of the classes that a target shares."""
    classes = job.loaded.dataset.classes
    if tuple(target.classes) == classes:
        return predicted
    columns = [classes.index(name) for name in target.classes]
    return {
        role: replace(part, prediction=_of_columns(part.prediction, columns, target.classes))
        for role, part in predicted.items()
    }


def own_truths(job: Job, target: Target) -> dict[Role, Truth]:
    """What is true of the images of the dataset that was trained on, of the classes that a target shares."""
    columns = [job.loaded.dataset.classes.index(name) for name in target.classes]
    return {role: with_columns(truth, columns) for role, truth in truths_of(job.loaded).items()}


def _with_target(job: Job, own: Path, folder: Path) -> dict[Role, RolePredictions]:
    predicted = predicted_of(own, job.loaded)
    chosen_on: dict[Role, RolePredictions] = {role: predicted[role] for role in CHOOSING}
    test = RolePredictions(*store.read_role(folder, "test", job.loaded.dataset.classes))
    return {**chosen_on, "test": test}


def _of_columns(prediction: Prediction, columns: Sequence[int], classes: Mapping[str, str]) -> Prediction:
    boxes = prediction.boxes
    if boxes is not None:
        boxes = [[box for box in of_image if box.label in classes] for of_image in boxes]
    maps = None if prediction.heatmaps is None else prediction.heatmaps[:, columns]
    return replace(prediction, scores=prediction.scores[:, columns], heatmaps=maps, boxes=boxes)


def _boxes(job: Job, target: Target, test: RolePredictions) -> Sequence[Sequence[ScoredBox]] | None:
    """The method's own boxes on the target, as `scoring_inputs.paper_of` takes them on the own test role."""
    loaded, boxes = job.loaded, test.prediction.boxes
    if test.prediction.heatmaps is not None:
        declared = job.plan.spec.box_supervision is not BoxSupervision.NONE
        boxed = loaded.views.boxed(loaded.roles.members["calibrate"]) if declared else None
        boxes = job.build().paper_boxes(target.images, test.prediction, boxed)
    if boxes is None and not any(sample.boxes for sample in loaded.samples):
        return [() for _ in test.names]
    return boxes
