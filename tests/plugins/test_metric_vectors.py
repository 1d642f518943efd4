"""24 cases of an independent implementation of the metric definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import measured
from wsbench import plugins
from wsbench.scored import BoxTable, Scored
from wsbench.types import Box, ScoredBox

CASES = sorted((Path(__file__).parents[1] / "data" / "metric-vectors").glob("*.json"))
METRICS = plugins.find().metrics


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> tuple[Scored, dict]:
    content = json.loads(request.param.read_text())
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


@pytest.mark.parametrize("metric", [*LOCALISATION, *ACCURACIES, "auc", "ap25", "ap50", "udp"])
def test_metric_agrees(case: tuple[Scored, dict], metric: str) -> None:
    scored, expected = case
    tolerance = 1e-6 if metric.startswith("ap") else 1e-9
    result = measured(METRICS[metric].compute, scored)
    assert result["value"] == pytest.approx(expected["macro"][metric], abs=tolerance)
    for name in scored.classes:
        if metric in expected["per_class"][name]:
            assert result["per_class"][name] == pytest.approx(
                expected["per_class"][name][metric], abs=tolerance
            )


def test_nothing_of_the_vectors_is_left_out() -> None:
    tested = {*LOCALISATION, *ACCURACIES, "auc", "ap25", "ap50", "udp"}
    for path in CASES:
        expected = json.loads(path.read_text())["expected"]
        named = set(expected["macro"]).union(*expected["per_class"].values())
        assert named <= tested
