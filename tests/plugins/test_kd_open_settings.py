"""What the KD-Grad-CAM paper leaves open: no choice trains again, and the defaults change no key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kd_examples import FOUND, TINY, boxed, student
from wsbench import testing
from wsbench.runs.plan import make_plan
from wsbench.types import Box, Prediction, Region
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import kd_gradcam
from wsbench_plugins.methods.kd_gradcam import _gradcam, _network, _settings


def test_choices_at_their_defaults_stand_in_no_key_and_no_record() -> None:
    values = student().model_dump(mode="json")
    assert not set(kd_gradcam.AFTER_FIT) & set(values)
    assert not {"area", "minimum", "percentile"} & set(values)
    assert values["threshold"] == 0.5  # it was there before
    assert student(relu=False).model_dump(mode="json")["relu"] is False
    assert {name: kd_gradcam.StudentSettings().__getattribute__(name) for name in _settings.READING} == dict(
        _settings.READING
    )


def planned(folder: Path, **values: object):
    spec = FOUND.methods["kd_student"]
    return make_plan(
        spec, "paper", {**TINY, **values}, dataset=testing.TOY, seed=0, device="cpu", runs=folder
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("kept", "last"), ("relu", False), ("interpolation", "nearest"), ("cells", "centred"),
     ("threshold", 0.3), ("area", "contour"), ("minimum", "none"), ("percentile", 20.0)],
)  # fmt: skip
def test_no_choice_trains_a_second_time(name: str, value: object, tmp_path: Path) -> None:
    loaded, base = testing.toy(), planned(tmp_path)
    plan = planned(tmp_path, **{name: value})
    assert plan.changed()[name] == value
    assert plan.folder(loaded) != base.folder(loaded)
    assert plan.trained().folder(loaded) == base.folder(loaded)
    assert plan.inputs(loaded, FOUND) == base.inputs(loaded, FOUND)
    assert base.after_fit() == base.after_predict() == {}
    of_map, of_boxes = plan.after_fit(), plan.after_predict()
    assert (of_map, of_boxes) == (
        ({name: value}, {}) if name in kd_gradcam.AFTER_FIT else ({}, {name: value})
    )


def test_maps_by_nearest_neighbour_and_without_relu_by_hand() -> None:
    cam = torch.tensor([[[-1.0, 1.0]]])
    assert _gradcam.normalised_maps(cam, 4, "nearest")[0, 0].tolist() == [0, 0, 1, 1]
    # Negative evidence kept: 0 lies halfway between -1 and 1. With ReLU, it is the lowest value.
    three = torch.tensor([[[-1.0, 0.0, 1.0]]])
    assert _gradcam.normalised_maps(three, 3, "nearest")[0, 0].tolist() == [0, 0.5, 1]
    assert _gradcam.normalised_maps(three.relu(), 3, "nearest")[0, 0].tolist() == [0, 0, 1]
    network = _network.build(student(), 3).eval()
    images = torch.randn(2, 3, 64, 64)
    kept = network.logits_and_cam(images, output=1, relu=False)[1]
    assert kept.min() < 0
    assert torch.equal(kept.relu(), network.logits_and_cam(images, output=1)[1])


def test_centred_cells_by_hand_and_as_the_harness_finds_them() -> None:
    # Four stages at 224: 7 cells of 32 pixels, the first centred on 0.5, so from -15.5 to 208.5.
    assert _gradcam.reach_of_cells(4, 224) == (-15.5 / 224, 208.5 / 224)
    # Two stages at 20 pixels: 8 pixels a cell, three cells, from -3.5 to 20.5.
    assert _gradcam.reach_of_cells(2, 20) == (-3.5 / 20, 20.5 / 20)
    region = _gradcam.region((512, 256), kd_gradcam.TeacherSettings(), "centred")
    # The crop is the central 7/8: 448 x 224 pixels from (32, 16).
    assert (region.x0, region.y0) == pytest.approx((32 - 31, 16 - 15.5))
    assert (region.width, region.height) == pytest.approx((448, 224))

    import wsbench

    network = _network.build(student(stages=3), 0).eval()
    grey = torch.nn.Sequential(_Grey(), network)
    settings = wsbench.settings.MapSettings(layer="1.features", cells="centred")
    explained = wsbench.torch.explain(grey, settings, 64)
    assert wsbench.torch.map_reach(explained, settings, 64) == pytest.approx(_gradcam.reach_of_cells(3, 64))


class _Grey(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.expand(-1, 3, -1, -1)


def test_minimum_areas_by_hand() -> None:
    known = boxed(Box("tb", 0, 0, 10, 10), Box("tb", 0, 0, 20, 10), Box("tb", 0, 0, 30, 10))  # 1, 2, 3 %
    shares = [_gradcam.minimum_share(known, how, 25) for how in ("smallest", "none", "percentile")]
    assert shares == pytest.approx([0.01, 0.0, 0.015])
    assert _gradcam.minimum_share(boxed(), "smallest", 5) == 0.0


def test_the_area_within_a_contour_by_hand() -> None:
    """An L of 3 cells: its rectangle has 4 cells, the triangle through the centres of its cells 0.5."""
    levels = np.zeros((10, 10), dtype=np.uint8)
    levels[2:4, 2] = levels[3, 3] = 255
    levels[8, 8] = 200
    cells, areas = _gradcam.contours(levels, 0.5)
    order = np.argsort(cells[:, 0])
    assert cells[order].tolist() == [[2, 2, 4, 4], [8, 8, 9, 9]]
    assert areas[order].tolist() == [0.5, 0.0]
    assert _gradcam.contours(levels, 0.8)[0].tolist() == [[2, 2, 4, 4]]
    assert _gradcam.contours(np.zeros((3, 3), dtype=np.uint8), 0.5)[0].shape == (0, 4)


@pytest.mark.parametrize(("area", "kept"), [("rectangle", 1), ("contour", 0)])
def test_which_area_counts_decides_what_is_kept(area: str, kept: int) -> None:
    """The L's rectangle covers 4 % of the image, its contour 0.5 %; the minimum is 1 %."""
    heatmap = np.zeros((1, 1, 10, 10))
    heatmap[0, 0, 2:4, 2] = heatmap[0, 0, 3, 3] = 1.0
    view = boxed()
    prediction = Prediction(np.array([[0.8]]), heatmap, [Region(0, 0, 100, 100)])
    (boxes,) = _gradcam.algorithm_1(view, prediction, 0.5, 0.01, area)
    assert len(boxes) == kept
    (both,) = _gradcam.algorithm_1(view, prediction, 0.5, 0.0, area)
    assert [(b.x0, b.y0, b.x1, b.y1, b.score) for b in both] == [(20, 20, 40, 40, 0.8)]
    assert len(_gradcam.algorithm_1(view, prediction, 0.5, 0.004, "contour")[0]) == 1


def test_the_last_epoch_is_kept_on_request(tmp_path: Path) -> None:
    import wsbench

    folder = tmp_path / "fit"
    folder.mkdir()
    states = {
        name: _network.build(student(), seed).state_dict() for seed, name in enumerate(("best", "last"))
    }
    for name, state in states.items():
        named = {f"network.{key}": value for key, value in state.items()}
        torch.save({"state_dict": named, "epoch": 0}, folder / f"{name}.ckpt")
    for kept, state in states.items():
        method = FOUND.methods["kd_student"].build(student(kept=kept), ("spot",))
        method.restore(wsbench.RunContext("toy", "kd_student", 0, folder, "cpu", Silent()))
        assert torch.equal(method.network.head.weight, state["head.weight"])
        assert torch.equal(method.network.features.conv1.weight, state["features.conv1.weight"])
