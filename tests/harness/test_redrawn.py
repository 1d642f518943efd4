"""Metrics with the thresholds of every draw: each draw by itself, and what a record holds of it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from conftest import table
from wsbench.contract.specs import MetricSpec
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import BoxRule
from wsbench.scoring import compared_networks, measuring
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.compared_networks import Network
from wsbench.scoring.inputs import Draws, RolePredictions
from wsbench.scoring.protocols import Protocol, Redraws, described_thresholds, make_protocols, table_of
from wsbench.scoring.table import Scored, Truth
from wsbench.types import Box, Prediction, Region, ScoredBox

CLASSES = ("a", "b", "c")
IMAGES, DRAWS = 12, 40
RULES = (
    (BoxRule(0.1, 0.0), BoxRule(0.5, 0.0), BoxRule(0.9, 0.0)),
    (BoxRule(0.3, 0.0), BoxRule(0.3, 0.05)),
    (BoxRule(0.5, 0.0),),
)
GENERATOR = np.random.default_rng(4)
POINTS = GENERATOR.choice([0.2, 0.5, 0.8], (DRAWS, 3))
PLACES = np.stack([GENERATOR.integers(0, len(rules), DRAWS) for rules in RULES], axis=1)
"""``(DRAWS, 3)`` which of its rules every class has in every draw."""


def boxes(scored: Scored, draws: Resamples) -> np.ndarray:
    """Per class, the number of boxes."""
    return draws.sum(scored.per_image(scored.predicted))


def boxes_where_predicted(scored: Scored, draws: Resamples) -> np.ndarray:
    """Per class, the number of boxes on images that score at least the operating point."""
    return draws.sum(scored.per_image(scored.predicted) * (scored.scores >= scored.operating_points))


def area_of_all(scored: Scored, draws: Resamples) -> np.ndarray:
    """The area of the boxes of all classes, on images on which some class is predicted."""
    corners = scored.predicted.xyxy
    area = scored.per_image(scored.predicted, np.prod(corners[:, 2:] - corners[:, :2], axis=1))
    predicted = (scored.scores >= scored.operating_points).any(axis=1)
    return draws.sum(area.sum(axis=1) * predicted)


def area(scored: Scored, draws: Resamples) -> np.ndarray:
    """The area of the boxes of all classes."""
    corners = scored.predicted.xyxy
    sums = scored.per_image(scored.predicted, np.prod(corners[:, 2:] - corners[:, :2], axis=1))
    return draws.sum(sums.sum(axis=1))


def positives(scored: Scored, draws: Resamples) -> np.ndarray:
    return draws.sum(scored.labels)


def predicted_positives(scored: Scored, draws: Resamples) -> np.ndarray:
    return draws.sum(scored.scores >= scored.operating_points)


METRICS = {
    spec.name: spec
    for spec in (
        MetricSpec("boxes", "", boxes, bounded=False),
        MetricSpec("boxes_where_predicted", "", boxes_where_predicted, at_operating_points=True),
        MetricSpec("area_of_all", "", area_of_all, at_operating_points=True),
        MetricSpec("area", "", area),
        MetricSpec("positives", "", positives, needs="labels"),
        MetricSpec("predicted_positives", "", predicted_positives, needs="labels", at_operating_points=True),
    )
}


@pytest.fixture
def made() -> tuple[Scored, Protocol, Resamples]:
    """A method's own boxes of three classes, and thresholds of 40 draws."""
    generator = np.random.default_rng(3)
    names = tuple(f"image{row}" for row in range(IMAGES))
    predicted = [
        [
            ScoredBox(name, 0, 0, *generator.uniform(10, 60, 2).tolist(), float(generator.random()))
            for name in generator.choice(CLASSES, 5).tolist()
        ]
        for _ in names
    ]
    scores = generator.random((IMAGES, 3))
    test = RolePredictions(names, Prediction(scores, boxes=predicted))
    sizes = np.full((IMAGES, 2), 100)
    redraws = Redraws(POINTS, RULES, PLACES)
    own = BoxTable.of(predicted, CLASSES)
    protocol = Protocol(test, CLASSES, sizes, (0.5,) * 3, own, redraws=redraws)
    truth = [[Box(CLASSES[row % 2], 0, 0, 40, 40)] for row in range(IMAGES)]
    labels = np.array([[row % 2 == column for column in range(3)] for row in range(IMAGES)])
    scored = Scored(
        classes=CLASSES,
        names=names,
        sizes=sizes,
        labels=labels,
        known=np.ones_like(labels),
        truth=BoxTable.of(truth, CLASSES),
        scores=scores,
        operating_points=np.full(3, 0.5),
        predicted=BoxTable.of([], CLASSES),
    )
    return scored, protocol, Resamples.draw(names, DRAWS, seed=1)


def test_every_draw_has_the_boxes_and_operating_points_of_its_own_thresholds(made) -> None:
    scored, protocol, draws = made
    result = measuring.Redrawn(scored, protocol, protocol.redraws, draws).values(METRICS)
    assert set(result) == set(METRICS)
    for draw in range(DRAWS):
        rules = [RULES[column][place] for column, place in enumerate(PLACES[draw])]
        table = scored.with_boxes(protocol.boxes_by(rules))
        table = table.with_operating_points(POINTS[draw])
        for name, spec in METRICS.items():
            alone = spec.compute(table, draws.take(np.array([draw])))[0]
            assert result[name][draw] == pytest.approx(alone), (name, draw)


def test_only_metrics_at_operating_points_move_with_them(made) -> None:
    """Every image is drawn once and rules stay: what is left is the operating points."""
    scored, protocol, _ = made
    places = np.zeros((DRAWS, 3), dtype=np.intp)
    redraws = Redraws(POINTS, RULES, places)
    once = Resamples(np.ones((DRAWS, 1)), np.zeros(IMAGES, dtype=np.intp))
    result = measuring.Redrawn(scored, protocol, redraws, once).values(METRICS)
    moving = {name for name, values in result.items() if np.ptp(values, axis=0).any()}
    assert moving == {"boxes_where_predicted", "area_of_all", "predicted_positives"}


def share_with_boxes(scored: Scored, draws: Resamples) -> np.ndarray:
    """Per class, the share of its images that have a box; none exists of a class without an image."""
    has = scored.per_image(scored.predicted) > 0
    return ratio(draws.sum(has & scored.labels), draws.sum(scored.labels))


def test_a_record_leaves_a_class_without_a_value_out_of_every_draw(made) -> None:
    """Class c is on no image: the macro value is the mean over a and b, in the sample and in each draw."""
    scored, protocol, draws = made
    scored = scored.with_boxes(protocol.boxes_by([rules[0] for rules in RULES]))
    spec = MetricSpec("share", "", share_with_boxes, kept_in_draws=True)
    lost = replace(spec, name="lost", kept_in_draws=False)
    slow = replace(spec, name="slow", resampled=False)
    nowhere = MetricSpec("nowhere", "", lambda s, d: np.full(len(d), np.nan), kept_in_draws=True)
    metrics = {one.name: one for one in (spec, lost, slow, nowhere)}
    result = measuring.protocol_results(scored, replace(protocol, redraws=None), metrics, draws)
    share = result["metrics"]["share"]
    assert share["per_class"]["c"] is None and share["undefined"] == ["c"]
    assert share["value"] == pytest.approx((share["per_class"]["a"] + share["per_class"]["b"]) / 2)
    drawn = share_with_boxes(scored, draws)
    assert set(result["draws"]) == {"share"}  # the others are not kept, have no draws, or no value
    assert result["draws"]["share"] == np.round(drawn[:, :2].mean(axis=1), 5).tolist()
    assert share["class_intervals"]["c"] is None
    low, high = share["interval"]
    assert low < share["value"] < high
    low, high = share["class_intervals"]["a"]
    assert low < share["per_class"]["a"] < high
    assert "interval" not in result["metrics"]["slow"] and "interval" not in result["metrics"]["nowhere"]
    # Six images have a, six lack it; so for b. Of c none has it, and at least one counts.
    assert result["units"] == 6 + 6 + 1


def test_metrics_of_pages_have_the_noise_of_thresholds_and_the_others_have_not(made) -> None:
    scored, protocol, draws = made
    scored = scored.with_boxes(protocol.boxes_by([rules[0] for rules in RULES]))
    common = {"bounded": False, "kept_in_draws": True}
    shown = MetricSpec("shown", "", boxes, columns={"uniform": 1}, **common)
    hidden = MetricSpec("hidden", "", boxes, columns={}, **common)
    both = {"shown": shown, "hidden": hidden}
    result = measuring.protocol_results(scored, protocol, both, draws)
    redrawn = measuring.Redrawn(scored, protocol, protocol.redraws, draws).values({"shown": shown})["shown"]
    assert result["draws"]["shown"] == np.round(redrawn.mean(axis=1), 5).tolist()
    assert result["draws"]["hidden"] == np.round(boxes(scored, draws).mean(axis=1), 5).tolist()
    assert result["draws"]["shown"] != result["draws"]["hidden"]


def test_other_boxes_carry_the_class_scores_of_the_table(made) -> None:
    """An image whose class scores 0.4: its boxes of 0.5 and 0.25 become 0.4 and 0.2."""
    scored, _, _ = made
    scores = np.full((IMAGES, 3), 0.4)
    scores[1] = [0.1, 0.8, 0.1]
    scored = replace(scored, scores=scores)
    placed = [[] for _ in range(IMAGES)]
    placed[0] = [ScoredBox("a", 0, 0, 9, 9, 0.5), ScoredBox("a", 0, 0, 5, 5, 0.25)]
    placed[1] = [ScoredBox("b", 0, 0, 9, 9, 0.3)]

    def sums(table: Scored, draws: Resamples) -> np.ndarray:
        return draws.sum(table.per_image(table.predicted, table.predicted.score))

    shown = MetricSpec("sums", "", sums, columns={"floors": 1})
    hidden = MetricSpec("hidden", "", sums, columns={"uniform": 1})
    metrics = {"sums": shown, "hidden": hidden}
    values = measuring.with_class_scores(scored, BoxTable.of(placed, CLASSES), metrics)
    assert values == {"sums": pytest.approx((0.4 + 0.2 + 0.8) / 3)}


def test_a_table_of_one_class_has_no_intervals_by_class() -> None:
    scored = table(
        [[Box("tb", 0, 0, 9, 9)], [Box("tb", 0, 0, 9, 9)]], [[ScoredBox("tb", 0, 0, 9, 9, 0.5)], []]
    )
    spec = MetricSpec("share", "", share_with_boxes)
    described = measuring.metric_results(scored, {"share": spec}, Resamples.draw("ab", 30, 0))["share"]
    assert described["value"] == described["per_class"]["tb"] == 0.5
    assert set(described) == {"value", "per_class", "interval"}


def test_without_select_and_calibrate_a_half_is_taken_for_everything(made) -> None:
    """A probability of a half counts as predicted, and boxes are kept from half of the best score on."""
    scored, protocol, draws = made
    truth = {"test": Truth(**{one.name: getattr(scored, one.name) for one in fields(Truth)})}
    handed = Draws(draws, Resamples.draw("abc", 7, 0), Resamples.draw("abc", 7, 0))
    uniform = make_protocols({"test": protocol.test}, truth, handed)["uniform"]
    assert uniform.operating_points == (0.5,) * 3
    assert [(choice.rule, choice.value) for choice in uniform.choices] == [(BoxRule(0.5, 0.0), None)] * 3
    points, rules, places = vars(uniform.redraws).values()
    assert points.tolist() == [[0.5] * 3] * 7
    assert places.tolist() == [[0] * 3] * 7
    assert rules == ((BoxRule(0.5, 0.0),),) * 3
    expected = protocol.boxes_by([BoxRule(0.5, 0.0)] * 3).single()
    assert uniform.boxes.xyxy.tolist() == expected.xyxy.tolist()
    described = described_thresholds(uniform, CLASSES)
    assert described["operating_points"] == {"a": 0.5, "b": 0.5, "c": 0.5}
    assert described["boxes"]["b"] == {"threshold": 0.5, "minimum_area": 0.0, "value": None, "curve": []}


def test_the_table_of_a_protocol_has_all_of_its_predictions_and_truth(made) -> None:
    scored, protocol, _ = made
    truth = {"test": Truth(**{one.name: getattr(scored, one.name) for one in fields(Truth)})}
    maps = np.random.default_rng(0).random((IMAGES, 3, 2, 2))
    regions = [Region(0, 0, 50, 50)] * IMAGES
    for given, expected in ((None, [Region(0, 0, 100, 100)] * IMAGES), (regions, regions)):
        prediction = Prediction(scored.scores, maps, regions=given)
        of_maps = replace(protocol, test=RolePredictions(scored.names, prediction))
        assert table_of(of_maps, truth).heatmaps.maps is not None
        assert list(table_of(of_maps, truth).heatmaps.regions) == expected
    table = table_of(protocol, {**truth, "calibrate": truth["test"]})
    assert table.heatmaps is None and table.calibrate is truth["test"]
    assert table_of(protocol, truth).calibrate is None
    assert table.operating_points.tolist() == [0.5] * 3
    assert table.predicted.xyxy.tolist() == protocol.boxes.xyxy.tolist()
    for name in ("labels", "known", "sizes", "scores"):
        assert np.array_equal(getattr(table, name), getattr(scored, name))


def test_draws_of_images_alone_and_of_thresholds_alone(made) -> None:
    """Class c has no image: macro values are means over a and b; a metric of all classes stays as it is."""
    scored, protocol, draws = made
    scored = scored.with_boxes(protocol.boxes_by([rules[0] for rules in RULES]))
    network = Network(0, scored, protocol)
    share = MetricSpec("share", "", share_with_boxes)
    images = compared_networks.of_images_alone(network, share, draws)
    assert images == pytest.approx(share_with_boxes(scored, draws)[:, :2].mean(axis=1))
    assert compared_networks.of_images_alone(network, METRICS["area"], draws) == pytest.approx(
        area(scored, draws)
    )
    once = Resamples.once(IMAGES)
    for spec in (share, METRICS["area"]):
        expected = []
        for places in PLACES:
            rules = [RULES[column][place] for column, place in enumerate(places)]
            values = spec.compute(scored.with_boxes(protocol.boxes_by(rules)), once)[0]
            expected.append(float(np.nanmean(values)))
        assert compared_networks.of_thresholds_alone(network, spec) == pytest.approx(expected)
    chosen = replace(network, protocol=replace(protocol, redraws=None))
    assert compared_networks.of_thresholds_alone(chosen, share) == pytest.approx(
        [np.nanmean(share_with_boxes(scored, once))]
    )
