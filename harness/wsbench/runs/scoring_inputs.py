"""What scoring is handed: what is true of a dataset's roles, what was predicted of them, and their draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from wsbench.contract.base import Method
from wsbench.contract.specs import BoxSupervision, MethodSpec
from wsbench.data.dataset import Loaded
from wsbench.data.nuisances import corners_of_nuisances
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.masks import Mask
from wsbench.predictions import store
from wsbench.scoring.bootstrap import DRAWS, Resamples
from wsbench.scoring.inputs import Draws, Paper, RolePredictions
from wsbench.scoring.table import Truth
from wsbench.types import Role, ScoredBox
from wsbench.utils.hashing import seed_from


def truths_of(loaded: Loaded) -> dict[Role, Truth]:
    """What is true of the images of every role that scores depend on."""
    return {role: truth_of(loaded, loaded.roles.members[role], role) for role in store.SCORED_ROLES}


def truth_of(loaded: Loaded, names: Sequence[str], role: Role) -> Truth:
    """What is true of the images of a role, and what is known of it.

    Boxes are not known of a class that is present without one where only some images were annotated. Those
    of calibrate count for nothing in test, where its images may be for their labels.
    """
    boxed = loaded.views.boxed(names)
    classes = loaded.dataset.classes
    labels = boxed.labels.astype(bool)
    boxes = BoxTable.of(boxed.boxes, classes)
    known = np.ones_like(labels)
    if not loaded.dataset.boxes_complete:
        known[labels] = False
        known[boxes.image, boxes.label] = True
    if role == "test":
        known[np.isin(names, loaded.roles.members["calibrate"])] = False
    boxes = boxes.where(known[boxes.image, boxes.label])
    masks = {place: mask for place, mask in _masks_of(loaded, names).items() if known[place]}
    nuisances = corners_of_nuisances(loaded.samples, names)
    return Truth(classes, tuple(names), boxed.sizes, labels, known, boxes, masks=masks, nuisances=nuisances)


def _masks_of(loaded: Loaded, names: Sequence[str]) -> dict[tuple[int, int], Mask]:
    """The truth masks of some images, by the row of the image and the index of the class."""
    if not loaded.has_masks:
        return {}
    masks_of = {sample.name: sample.masks for sample in loaded.samples}
    index = {name: column for column, name in enumerate(loaded.dataset.classes)}
    return {(row, index[mask.label]): mask for row, name in enumerate(names) for mask in masks_of[name]}


def predicted_of(folder: Path, loaded: Loaded) -> dict[Role, RolePredictions]:
    """The stored predictions by role; an external program may have none of select and calibrate.

    Args:
        folder: where `wsbench.predictions.store` stored them.
        loaded: the dataset.
    """
    return {
        role: RolePredictions(*store.read_role(folder, role, loaded.dataset.classes))
        for role in store.SCORED_ROLES
        if store.has_role(folder, role)
    }


def paper_of(
    spec: MethodSpec,
    method: Method,
    loaded: Loaded,
    folder: Path,
    predicted: Mapping[Role, RolePredictions],
) -> Paper | None:
    """What protocol ``paper`` is made of: boxes of the method's own, or weights or an objective of its paper.
    Where nothing has boxes it is the method's own operating point; else there is none.

    Args:
        spec, method: it needs not be fitted.
        loaded: the dataset.
        folder: where `wsbench.predictions.store` stored what was predicted.
        predicted: `predicted_of` that folder.
    """
    where = store.of_protocol(folder, store.PAPER)
    if where != folder:
        predicted = predicted_of(where, loaded)
    boxes = _own_boxes(spec, method, loaded, predicted["test"])
    if boxes is None and not any(sample.boxes for sample in loaded.samples):
        boxes = [() for _ in predicted["test"].names]
    if boxes is not None:
        return Paper(predicted, boxes, method.paper_operating_point)
    if spec.paper_objective is not None:
        return Paper(predicted, objective=spec.paper_objective)
    return None


def _own_boxes(
    spec: MethodSpec, method: Method, loaded: Loaded, test: RolePredictions
) -> Sequence[Sequence[ScoredBox]] | None:
    """The boxes that a method gives, or makes of its maps by its paper's rule; None where it has neither."""
    if test.prediction.heatmaps is None:
        return test.prediction.boxes
    declared = spec.box_supervision is not BoxSupervision.NONE
    boxed = loaded.views.boxed(loaded.roles.members["calibrate"]) if declared else None
    return method.paper_boxes(loaded.views.images(test.names), test.prediction, boxed)


def draws_of(loaded: Loaded) -> Draws:
    """The draws of a dataset."""
    members = loaded.roles.members
    return Draws(
        test=resamples(loaded, members["test"]),
        select=resamples(loaded, members["select"], "select"),
        calibrate=resamples(loaded, members["calibrate"], "calibrate"),
    )


def resamples(loaded: Loaded, names: Sequence[str], *role: str) -> Resamples:
    """A thousand draws of some images, patient by patient where patients are known.

    Args:
        loaded: the dataset.
        names: of the images.
        role: other words give other draws.
    """
    patient = {sample.name: sample.patient for sample in loaded.samples}
    units = [patient[name] or f"image {name}" for name in names]
    return Resamples.draw(units, DRAWS, seed_from("bootstrap", *role, loaded.fingerprint))
