"""Image-blind rows: what they predict, and what an independent count says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wsbench import testing
from wsbench.contract import plugins
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import execute, fitted
from wsbench_plugins.methods import baselines

FOUND = plugins.find()


def run(name: str, folder: Path, **options: object):
    spec = FOUND.methods[name]
    wanted = make_plan(spec, None, options, dataset=testing.TOY, seed=0, device="cpu", runs=folder)
    return execute(Job(wanted, testing.toy(), FOUND))


def corners(box) -> tuple[float, ...]:
    return box.x0, box.y0, box.x1, box.y1


@pytest.mark.parametrize("name", ["whole_image", "two_lungs", "centre_box", "random_map", "prior_boxes"])
def test_the_class_score_is_the_prevalence_among_fit_images(name: str, tmp_path: Path) -> None:
    loaded = testing.toy()
    record = run(name, tmp_path)
    prevalence = loaded.views.weak(loaded.roles.members["fit"]).labels.mean()
    assert 0.2 < prevalence < 0.5
    assert record.scores()["score spot"].unique().tolist() == pytest.approx([prevalence])
    assert record.value("auc") == pytest.approx(0.5)
    assert record.method["reads_image"] is False


def test_whole_image_scores_what_the_boxes_cover(tmp_path: Path) -> None:
    """One prediction: per image the IoU of its largest truth box, over the number of truth boxes."""
    loaded = testing.toy()
    shares = []
    for sample in loaded.samples_of("test"):
        areas = [(box.x1 - box.x0) * (box.y1 - box.y0) / (48 * 40) for box in sample.boxes]
        shares += [max(areas) / len(areas)] if areas else []
    assert run("whole_image", tmp_path).value("miou") == pytest.approx(np.mean(shares))


def test_two_lungs_are_two_boxes_in_fractions_of_any_image() -> None:
    method = baselines.TwoLungs(baselines.NoSettings(), ("spot",))
    method.prior = {"prevalence": [0.25]}
    view = testing.toy().views.images(["000"])
    (boxes,) = method.predict(view).boxes
    assert [corners(box) for box in boxes] == [
        pytest.approx((0.17 * 48, 0.13 * 40, 0.45 * 48, 0.47 * 40)),
        pytest.approx((0.55 * 48, 0.13 * 40, 0.83 * 48, 0.47 * 40)),
    ]
    assert [box.score for box in boxes] == [0.25, 0.25]


def test_centre_box_peaks_at_the_centre_and_falls_as_a_gaussian() -> None:
    method = baselines.CentreBox(baselines.CentreSettings(width=0.25, cells=101), ("spot",))
    method.prior = {"prevalence": [0.25]}
    heatmap = method.predict(testing.toy().views.images(["000", "001"])).heatmaps
    assert heatmap.shape == (2, 1, 101, 101)
    assert heatmap[1, 0, 50, 50] == 1.0
    # A quarter of the side to the right is one standard deviation.
    assert heatmap[0, 0, 50, 50 + 25] == pytest.approx(np.exp(-0.5 * (25 / 101 / 0.25) ** 2))


def test_prior_boxes_are_chosen_on_calibrate_and_say_so(tmp_path: Path) -> None:
    loaded = testing.toy()
    spec = FOUND.methods["prior_boxes"]
    wanted = make_plan(spec, None, {"boxes": 1}, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    method = fitted(Job(wanted, loaded, FOUND))
    (box,) = method.predict(loaded.views.images(["000"])).boxes[0]
    known = [corners(truth) for sample in loaded.samples_of("calibrate") for truth in sample.boxes]
    assert any(corners(box) == pytest.approx(truth) for truth in known)
    record = run("prior_boxes", tmp_path)
    assert record.method["box_supervision"] == "fit"
    assert record.method["box_use"]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_more_prior_boxes_never_lower_the_mean_iou_they_were_chosen_for(count: int, tmp_path: Path) -> None:
    fewer, more = run("prior_boxes", tmp_path, boxes=count), run("prior_boxes", tmp_path, boxes=2 * count)
    assert more.value("miou") >= fewer.value("miou")


def test_two_mean_boxes_beat_the_published_student_on_the_real_subset(
    real_tbx11k: Path, tmp_path: Path
) -> None:
    """A fact of the metric, not of a method: the paper's student reaches 0.2428 on the full val split."""
    import wsbench

    record = wsbench.run("two_lungs", "tbx11k", root=real_tbx11k, runs=tmp_path)
    assert record.value("miou") > 0.2428
    assert record.dataset["subset"]


def test_random_maps_fill_their_range_and_are_a_function_of_seed_image_and_class(tmp_path: Path) -> None:
    loaded = testing.toy()
    view = loaded.views.images(loaded.roles.members["test"])

    def maps(seed: int) -> np.ndarray:
        spec = FOUND.methods["random_map"]
        wanted = make_plan(spec, None, {}, dataset=testing.TOY, seed=seed, device="cpu", runs=tmp_path)
        return fitted(Job(wanted, loaded, FOUND)).predict(view).heatmaps

    first, again, other = maps(0), maps(0), maps(1)
    assert np.array_equal(first, again)
    assert not np.isclose(first, other).all()
    assert not np.isclose(first[0], first[1]).all()
    assert first.min(axis=(1, 2, 3)).tolist() == [0.0] * len(view)
    assert first.max(axis=(1, 2, 3)).tolist() == [1.0] * len(view)
    assert abs(np.corrcoef(first[0, 0].ravel(), first[1, 0].ravel())[0, 1]) < 0.9


def test_a_random_map_is_right_by_chance_alone(tmp_path: Path) -> None:
    record = run("random_map", tmp_path)
    assert record.value("pointing_game") < 0.5
    assert record.value("auc") == pytest.approx(0.5)
