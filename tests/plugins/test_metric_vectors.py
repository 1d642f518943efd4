"""24 cases of an independent implementation of the metric definitions.

It has no rule for classes that are seldom predicted. What it defines is compared on every case with the
functions without that rule; the metrics, which have it, are compared on the classes that it leaves alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from conftest import measured
from wsbench.contract import plugins
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored
from wsbench.types import Box, ScoredBox
from wsbench_plugins.metrics import localisation

CASES = sorted((Path(__file__).parents[1] / "data" / "metric-vectors").glob("*.json"))
METRICS = plugins.find().metrics
Compute = Callable[[Scored, Resamples], np.ndarray]


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> tuple[Scored, dict]:
    return read(request.param)


def read(path: Path) -> tuple[Scored, dict]:
    """The table of a case and what it expects."""
    content = json.loads(path.read_text())
    classes, images = tuple(content["classes"]), content["images"]
    truth = [[Box(b["label"], *b["box"]) for b in image["truth"]] for image in images]
    predicted = [
        [ScoredBox(b["label"], *b["box"], b["score"]) for b in image["predicted"]] for image in images
    ]
    scored = Scored(
        classes=classes,
        names=tuple(image["image"] for image in images),
        sizes=np.array([(image["width"], image["height"]) for image in images]),
        labels=np.array([[bool(image["labels"][name]) for name in classes] for image in images]),
        scores=np.array([[image["scores"][name] for name in classes] for image in images]),
        operating_points=np.full(len(classes), 0.5),
        known=np.ones((len(images), len(classes)), dtype=bool),
        truth=BoxTable.of(truth, classes),
        predicted=BoxTable.of(predicted, classes),
    )
    return scored, content["expected"]


def test_all_cases_are_here() -> None:
    assert len(CASES) == 24


IOUS = ("0.1", "0.25", "0.5", "0.75", "0.9")
LOCALISATION = ["miou", "miou_pooled", "miou_matched", "region_iou", "region_dice", "loc_f1@0.25", "msli"]
ACCURACIES = [f"{name}@{iou}" for name in ("iou_accuracy", "iou_accuracy_all") for iou in IOUS]


def without_rule(metric: str) -> Compute:
    """What computes a metric as the vectors define it."""
    if metric == "msli":
        return localisation.published_msli
    if metric == "udp":
        return lambda scored, resamples: localisation.mean_of_tasks(
            localisation.auc(scored, resamples), localisation.published_msli(scored, resamples)
        )
    name, _, iou = metric.partition("@")
    if name == "iou_accuracy":
        return partial(localisation.iou_accuracy, iou=float(iou), called=True)
    return METRICS[metric].compute


@pytest.mark.parametrize("metric", [*LOCALISATION, *ACCURACIES, "auc", "ap25", "ap50", "udp"])
def test_metric_agrees(case: tuple[Scored, dict], metric: str) -> None:
    scored, expected = case
    tolerance = 1e-6 if metric.startswith("ap") else 1e-9
    result = measured(without_rule(metric), scored)
    assert result["value"] == pytest.approx(expected["macro"][metric], abs=tolerance)
    for name in scored.classes:
        if metric in expected["per_class"][name]:
            assert result["per_class"][name] == pytest.approx(
                expected["per_class"][name][metric], abs=tolerance
            )


def often_predicted(scored: Scored, name: str) -> bool:
    """Whether a class is predicted on the images of at least half of its truth boxes, counted one by one."""
    label = scored.classes.index(name)
    images = scored.truth.image[scored.truth.label == label].tolist()
    return 2 * sum(scored.scores[image, label] >= 0.5 for image in images) >= len(images)


def of_often_predicted(case: tuple[Scored, dict], ious: Sequence[str]) -> dict[str, float | None]:
    """By class, the expected iou_accuracy, averaged over thresholds; None where it is seldom predicted."""
    scored, expected = case
    values: dict[str, float | None] = {}
    for name in scored.classes:
        accuracies = [expected["per_class"][name][f"iou_accuracy@{iou}"] for iou in ious]
        there = None not in accuracies and often_predicted(scored, name)
        values[name] = float(np.mean(accuracies)) if there else None
    return values


def mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


@pytest.mark.parametrize(
    ("metric", "ious"), [("msli", IOUS), *((f"iou_accuracy@{iou}", (iou,)) for iou in IOUS)]
)
def test_only_classes_that_are_often_predicted_have_a_value(
    case: tuple[Scored, dict], metric: str, ious: Sequence[str]
) -> None:
    values = of_often_predicted(case, ious)
    result = measured(METRICS[metric].compute, case[0])
    assert result["per_class"] == pytest.approx(values, abs=1e-9)
    assert result["value"] == pytest.approx(mean(values.values()), abs=1e-9)


def test_udp_takes_msli_of_classes_that_are_often_predicted(case: tuple[Scored, dict]) -> None:
    scored, expected = case
    msli, auc = mean(of_often_predicted(case, IOUS).values()), expected["macro"]["auc"]
    result = measured(METRICS["udp"].compute, scored)["value"]
    assert result == (None if None in (msli, auc) else pytest.approx((auc + msli) / 2, abs=1e-9))


def test_the_vectors_hold_classes_of_both_kinds() -> None:
    seldom = 0
    for path in CASES:
        scored, _ = read(path)
        seldom += sum(not often_predicted(scored, name) for name in scored.classes)
    assert seldom == 6


def test_nothing_of_the_vectors_is_left_out() -> None:
    tested = {*LOCALISATION, *ACCURACIES, "auc", "ap25", "ap50", "udp"}
    for path in CASES:
        expected = json.loads(path.read_text())["expected"]
        named = set(expected["macro"]).union(*expected["per_class"].values())
        assert named <= tested
