"""24 cases of an independent implementation of the metric definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from wsbench import plugins
from wsbench.calibration import MATCH_IOU, count_matches
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
        truth=BoxTable.of(truth, classes),
        predicted=BoxTable.of(predicted, classes),
    )
    return scored, content["expected"]


def test_all_cases_are_here() -> None:
    assert len(CASES) == 24


@pytest.mark.parametrize(
    "metric", ["miou", "miou_pooled", "miou_matched", "region_iou", "region_dice", "auc", "ap25", "ap50"]
)
def test_metric_agrees(case: tuple[Scored, dict], metric: str) -> None:
    scored, expected = case
    tolerance = 1e-6 if metric.startswith("ap") else 1e-9
    value = METRICS[metric].compute(scored)
    assert value.value == pytest.approx(expected["macro"][metric], abs=tolerance)
    for name in scored.classes:
        if metric in expected["per_class"][name]:
            assert value.per_class[name] == pytest.approx(expected["per_class"][name][metric], abs=tolerance)


def test_matching_agrees(case: tuple[Scored, dict]) -> None:
    """`loc_f1@0.25`, by which box rules are chosen, counts one-to-one matches."""
    scored, expected = case
    for label, name in enumerate(scored.classes):
        of_label = (scored.truth.label[scored.pairs.truth] == label) & (scored.pairs.iou >= MATCH_IOU)
        matches = count_matches(scored.pairs.truth[of_label], scored.pairs.predicted[of_label])
        boxes = len(scored.truth.of_label(label)) + len(scored.predicted.of_label(label))
        f1 = 2 * matches / boxes if boxes else None
        assert f1 == pytest.approx(expected["per_class"][name]["loc_f1@0.25"], abs=1e-9)
