"""Submissions that try to win without looking, made from the predictions of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from wsbench.data.dataset import Loaded
from wsbench.files.writing import write_text
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import xyxy_to_xywh
from wsbench.geometry.iou import intersection_over_union
from wsbench.runs.scoring_inputs import truth_of
from wsbench.scoring.priors import as_fractions, fixed_boxes, on_every_image
from wsbench.types import Role

Kind = Literal["blind", "leaning", "seeing", "cheating"]
Lists = Sequence[tuple[np.ndarray, np.ndarray]]
"""By class, boxes ``(n, 4)`` as fractions of any image, and their weights ``(n,)``."""

LOWEST = 0.015
"""A share of the best box that only the lowest threshold of the box rules, 0.01, keeps."""

CELLS = 128
"""Side of a coded heatmap."""


@dataclass(frozen=True)
class Material:
    """What a run predicted, and what anybody may know of its dataset.

    Attributes:
        loaded: the dataset.
        scores: ``(N, C)`` class scores, by role.
        own: the run's boxes of calibrate and test by the harness's rules.
        count: by class, how many fixed boxes are the floor's.
    """

    loaded: Loaded
    scores: Mapping[Role, np.ndarray]
    own: Mapping[Role, BoxTable]
    count: Sequence[int]

    def names(self, role: Role) -> Sequence[str]:
        """The images of a role."""
        return self.loaded.roles.members[role]

    def sizes(self, role: Role) -> np.ndarray:
        """``(N, 2)`` of the images of a role."""
        return self.loaded.views.images(self.names(role)).sizes

    def fixed(self, counts: Sequence[int]) -> Lists:
        """The best so many boxes of calibrate's annotations, by class."""
        truth = truth_of(self.loaded, self.names("calibrate"), "calibrate")
        by_class = [as_fractions(truth.truth.of_label(c), truth.sizes) for c in range(len(counts))]
        return [fixed_boxes(boxes, count) for boxes, count in zip(by_class, counts, strict=True)]

    def everywhere(self, lists: Lists, role: Role, scores: np.ndarray) -> BoxTable:
        """The same boxes on every image of a role, each scored by its weight times ``(N, C)`` scores."""
        sizes = self.sizes(role)
        parts = enumerate(lists)
        return BoxTable.joined([on_every_image(b, w, c, sizes, scores[:, c]) for c, (b, w) in parts])

    def annotated(self, role: Role, further: float = LOWEST) -> BoxTable:
        """The annotated boxes of a role: the first of an image and class scored 1, the others ``further``."""
        truth = truth_of(self.loaded, self.names(role), role).truth
        cell = truth.image * len(self.count) + truth.label
        order = np.argsort(cell, kind="stable")
        score = np.full(len(truth), further)
        score[order[np.diff(cell[order], prepend=-1) > 0]] = 1.0
        return BoxTable(truth.image, truth.label, truth.xyxy, score)


@dataclass(frozen=True)
class Submission:
    """A file of predictions.

    Attributes:
        name: in a few words.
        does: one sentence for the page.
        kind: ``blind``: the same boxes with the same weights on every image. ``leaning``: the same boxes,
            which of them are shown or how they weigh depends on the class score. ``seeing``: some boxes are
            the run's own. ``cheating``: made from the tested annotations.
        scores: ``(N, C)`` by role.
        boxes: of calibrate and test; empty where it has heatmaps.
        floor: of a blind one, the boxes of test with equal class scores.
        heatmap: ``(C, h, w)`` the map of every image.
    """

    name: str
    does: str
    kind: Kind
    scores: Mapping[Role, np.ndarray]
    boxes: Mapping[Role, BoxTable] = field(default_factory=dict)
    floor: BoxTable | None = None
    heatmap: np.ndarray | None = None


def submissions(material: Material, seed: int = 0) -> list[Submission]:
    """Twenty submissions, blind ones first.

    Args:
        material: of a run.
        seed: of the jitter.
    """
    return [*_blind(material), *_leaning(material), *_seeing(material), _jittered(material, seed)]


def _blind(material: Material) -> list[Submission]:
    scores, head = material.scores, material.fixed(material.count)
    ranks = [(boxes, (1 - np.argsort(np.argsort(-w)) / (1 + len(w)))) for boxes, w in head]
    equal = {role: np.ones_like(values) for role, values in scores.items()}

    def fixed(name: str, does: str, lists: Lists = head, **other: Any) -> Submission:
        class_scores, box_scores = other.get("scores", scores), other.get("box_scores", scores)
        boxes = {role: material.everywhere(lists, role, box_scores[role]) for role in ("calibrate", "test")}
        boxes |= other.get("boxes", {})
        floor = material.everywhere(lists, "test", equal["test"])
        return Submission(name, does, "blind", class_scores, boxes, floor)

    def changed(change: Callable[[np.ndarray], np.ndarray]) -> dict[Role, np.ndarray]:
        return {role: change(values) for role, values in scores.items()}

    answers = {"boxes": {"calibrate": material.annotated("calibrate")}}
    classes = range(len(material.count))
    many = {number: [_with_low_boxes(material, c, number) for c in classes] for number in (64, 100)}
    return [
        fixed("fixed boxes", "The floor's boxes on every image, each scored by class score times weight."),
        fixed("two fixed boxes", "The best two boxes of calibrate.", material.fixed([2] * len(head))),
        fixed("4 levels", "Class scores rounded to 4 levels, box scores as before.",
              scores=changed(lambda s: np.round(s * 3) / 3)),
        fixed("yes or no", "Class scores 0 or 1, box scores as before.",
              scores=changed(lambda s: (s >= np.median(s)).astype(float))),
        fixed("constant", "The class score 0.5 on every image, box scores as before.",
              scores=changed(lambda s: np.full_like(s, 0.5))),
        fixed("apart", "Box scores are the weights alone, class scores the run's.", box_scores=equal),
        fixed("ranks", "The boxes of each image are scored by their rank instead of their weight.", ranks),
        fixed("64 boxes", "Further boxes of calibrate behind the floor's, with low scores, 64 in all; the "
              "boxes of calibrate are its annotations, scored so that the box rule keeps everything.",
              many[64], **answers),
        fixed("100 boxes", "The same with 100 boxes an image and class.", many[100], **answers),
        fixed("other select", "Class scores of select are turned round, so that operating points are wrong.",
              scores={**scores, "select": 1 - scores["select"]}),
        fixed("perfect calibrate", "Calibrate has its annotations as boxes, test the fixed ones.", **answers),
        Submission("coded map", "A heatmap that paints fixed boxes in grey levels, the same on every image.",
                   "blind", scores, heatmap=np.stack([_painted(*of_class) for of_class in head])),
    ]  # fmt: skip


def _leaning(material: Material) -> list[Submission]:
    scores, head = material.scores, material.fixed(material.count)
    boxes = {role: material.everywhere(head, role, scores[role]) for role in ("calibrate", "test")}
    share = {role: material.everywhere(head, role, np.ones_like(scores[role])) for role in boxes}
    answers = material.annotated("calibrate")
    of_class = {role: scores[role][table.image, table.label] for role, table in boxes.items()}
    best = np.array([weights.max(initial=1e-9) for _, weights in head])
    relative = share["test"].score / best[share["test"].label]
    lean = of_class["test"] * relative ** (1.1 - 0.1 * of_class["test"])
    called = {role: table.where(of_class[role] >= 0.5) for role, table in boxes.items()}
    zero = {role: _scored(table, table.score * (of_class[role] >= 0.5)) for role, table in boxes.items()}
    leaning = {"calibrate": answers, "test": _scored(boxes["test"], lean)}
    return [
        Submission("leaning weights", "Fixed boxes; the higher the class score, the closer all boxes of an "
                   "image score to its best one: many boxes where more lesions are likely.",
                   "blind", scores, leaning, floor=share["test"]),
        Submission("where called", "Fixed boxes on images whose class score is at least 0.5.",
                   "leaning", scores, called),
        Submission("zeros", "Fixed boxes whose scores are 0 where the class score is below 0.5.",
                   "leaning", scores, zero),
    ]  # fmt: skip


def _seeing(material: Material) -> list[Submission]:
    scores, own = material.scores, material.own["test"]
    boxes = {"calibrate": material.annotated("calibrate")}
    pair = material.everywhere(material.fixed([2] * len(material.count)), "test", scores["test"])
    head = material.everywhere(material.fixed(material.count), "test", scores["test"])
    of_class = scores["test"]
    filled = _scored(pair, 0.3 * of_class[pair.image, pair.label]).where(~_covered(pair, own))
    result = [
        Submission("filled", "The run's boxes, and a fixed box at 0.3 of the class score where none of them "
                   "lies.", "seeing", scores,
                   {**boxes, "test": BoxTable.joined([own, filled])})
    ]  # fmt: skip
    for weight in (0.3, 0.6, 0.9):
        hedged = BoxTable.joined([own, _scored(head, weight * head.score)])
        does = f"The run's boxes with all fixed boxes at {weight:g} of their score."
        result.append(Submission(f"hedged {weight:g}", does, "seeing", scores, {**boxes, "test": hedged}))
    return result


def _jittered(material: Material, seed: int) -> Submission:
    """Annotated boxes of test, moved by about a tenth of their sides, with the run's class scores."""
    boxes = {}
    for role in ("calibrate", "test"):
        truth = material.annotated(role, further=0.9)
        sides = np.tile(truth.xyxy[:, 2:] - truth.xyxy[:, :2], 2)
        moved = truth.xyxy + np.random.default_rng(seed).normal(0, 0.1, truth.xyxy.shape) * sides
        limits = np.tile(material.sizes(role)[truth.image], 2)
        class_scores = material.scores[role][truth.image, truth.label]
        moved = moved.clip(0, limits)
        boxes[role] = BoxTable(truth.image, truth.label, moved, truth.score * class_scores)
    does = "The annotations of test, moved by a tenth of their sides, declared to be made without boxes."
    return Submission("annotations", does, "cheating", material.scores, boxes)


def _with_low_boxes(material: Material, label: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The floor's fixed boxes of a class, and after them others with ever lower weights."""
    count = material.count[label]
    boxes, weights = material.fixed([number] * len(material.count))[label]
    lowest = weights[:count].min()
    low = np.geomspace(lowest, LOWEST * weights[:count].max(), 1 + number)[1 : 1 + len(boxes) - count]
    return boxes, np.append(weights[:count], low)


def _painted(boxes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``(CELLS, CELLS)`` map in which boxes that do not touch a better one have a grey level each."""
    painted = np.zeros((CELLS, CELLS))
    for place, row in enumerate(np.argsort(-weights, kind="stable")):
        x0, y0, x1, y1 = np.round(boxes[row] * CELLS).astype(int)
        if not painted[max(y0 - 1, 0) : y1 + 1, max(x0 - 1, 0) : x1 + 1].any():
            painted[y0:y1, x0:x1] = 1.0 - 0.05 * place
    return painted


def _scored(boxes: BoxTable, score: np.ndarray) -> BoxTable:
    return BoxTable(boxes.image, boxes.label, boxes.xyxy, score)


def _covered(boxes: BoxTable, others: BoxTable) -> np.ndarray:
    """``(M,)`` bool: a box of the same image and class overlaps by at least 0.1."""
    result = np.zeros(len(boxes), dtype=bool)
    for row, (image, label, corners) in enumerate(zip(boxes.image, boxes.label, boxes.xyxy, strict=True)):
        near = others.xyxy[(others.image == image) & (others.label == label)]
        tiled = np.tile(corners, (len(near), 1))
        result[row] = (intersection_over_union(tiled, near) >= 0.1).any()
    return result


def write(submission: Submission, loaded: Loaded, folder: Path) -> Path:
    """Write a submission as the file that an external program would hand in; returns its path."""
    path = folder / submission.name.replace(" ", "_")
    if submission.heatmap is not None:
        return _write_maps(submission, loaded, path.with_suffix(".npz"))
    classes, size = loaded.dataset.classes, {s.name: (s.width, s.height) for s in loaded.samples}
    images, annotations = [], []
    for role, scores in submission.scores.items():
        first = len(images)
        for name, row in zip(loaded.roles.members[role], scores.tolist(), strict=True):
            width, height = size[name]
            by_class = dict(zip(classes, row, strict=True))
            images.append(
                {"id": len(images), "file_name": name, "width": width, "height": height, "scores": by_class}
            )
        boxes = submission.boxes.get(role, BoxTable.joined([]))
        annotations += [
            {
                "image_id": first + image,
                "category_id": label,
                "bbox": list(xyxy_to_xywh(tuple(corners))),
                "corners": corners,
                "score": score,
            }
            for image, label, corners, score in zip(
                *(getattr(boxes, name).tolist() for name in ("image", "label", "xyxy", "score")), strict=True
            )
        ]
    categories = [{"id": label, "name": name} for label, name in enumerate(classes)]
    path = path.with_suffix(".json")
    content = {"images": images, "categories": categories, "annotations": annotations}
    write_text(path, json.dumps(content))
    return path


def _write_maps(submission: Submission, loaded: Loaded, path: Path) -> Path:
    assert submission.heatmap is not None
    names = {role: loaded.roles.members[role] for role in submission.scores}
    mapped = [*names["calibrate"], *names["test"]]
    size = {sample.name: (sample.width, sample.height) for sample in loaded.samples}
    np.savez_compressed(
        path,
        names=np.array([name for role in names for name in names[role]]),
        classes=np.array(loaded.dataset.classes),
        scores=np.concatenate([submission.scores[role] for role in names]),
        map_names=np.array(mapped),
        heatmaps=np.broadcast_to(submission.heatmap, (len(mapped), *submission.heatmap.shape)),
        regions=np.array([(0, 0, *size[name]) for name in mapped], dtype=float),
    )
    return path
