"""What a method may see: the types, and that each view holds the images it names."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from walk import reachable
from wsbench import testing
from wsbench.contract import hookspecs
from wsbench.contract.base import Dataset, Method, RunContext
from wsbench.contract.hookspecs import hookimpl
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import MethodSpec
from wsbench.data.dataset import Loaded
from wsbench.data.views import BoxedView, ImageView, Views, WeakView
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import execute, fitted
from wsbench.types import Box, Prediction, Sample, WeakSample


@pytest.fixture(scope="module")
def views():
    return testing.toy().views


def test_no_field_of_a_weak_view_can_hold_a_box() -> None:
    for view in (ImageView, WeakView, WeakSample):
        names = {field.name for field in dataclasses.fields(view)} | set(dir(view))
        assert not any("box" in name for name in names), view
    assert "samples" not in {field.name for field in dataclasses.fields(ImageView)}
    assert not hasattr(ImageView, "labels")


def test_a_weak_sample_keeps_only_image_level_words() -> None:
    sample = Sample("a", 10, 10, "train", ("tb",), testing.Toy().samples[2].boxes, attributes={"group": "tb"})
    assert sample.boxes
    assert sample.weak() == WeakSample("a", ("tb",), {"group": "tb"})


def test_what_fit_receives_is_exactly_a_weak_view(tmp_path: Path) -> None:
    seen = []

    class Curious(Method):
        def fit(self, fit: WeakView, select: WeakView, run: RunContext) -> None:
            seen.extend([fit, select, run.boxed])

        def predict(self, images: ImageView) -> Prediction:
            raise AssertionError

    spec = MethodSpec("curious", "looks", testing.ToySettings, Curious)
    loaded = testing.toy()
    curious = make_plan(spec, None, {}, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    fitted(Job(curious, loaded, Plugins()))
    assert [type(view) for view in seen] == [WeakView, WeakView, type(None)]
    assert seen[0].names == loaded.roles.members["fit"]
    assert seen[1].names == loaded.roles.members["select"]


def test_nothing_that_a_method_receives_leads_to_a_box(tmp_path: Path) -> None:
    seen: dict[str, tuple] = {}

    class Grasping(Method):
        def fit(self, *received: object) -> None:
            seen["fit"] = received
            received[2].epoch_ended(0, {})

        def restore_paper(self, *received: object) -> bool:
            seen["restore_paper"] = received
            return False

        def predict(self, *received: object) -> Prediction:
            seen["predict"] = received
            received[0].pixels(8, 8)
            return Prediction(np.full((len(received[0]), 1), 0.5), np.zeros((len(received[0]), 1, 4, 4)))

        def paper_boxes(self, *received: object) -> None:
            seen["paper_boxes"] = received

    spec = MethodSpec("grasping", "", testing.ToySettings, Grasping, paper_objective="msli")
    plan = make_plan(spec, None, {}, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    loaded, found = testing.toy(), Plugins(methods={"grasping": spec})
    heard = ModuleType("tracker")
    heard.wsbench_epoch_ended = hookimpl(lambda run, epoch: seen.update(tracker=(run, epoch)))
    found.manager.add_hookspecs(hookspecs)
    found.manager.register(heard)
    execute(Job(plan, loaded, found))
    assert set(seen) == {"fit", "tracker", "restore_paper", "predict", "paper_boxes"}
    hidden = (Box, Sample, Dataset, Loaded, Views)
    for call, received in seen.items():
        things = list(reachable(*received))
        assert len(things) >= 20, call
        assert [type(thing) for thing in things if isinstance(thing, hidden)] == [], call
    assert any(isinstance(thing, Box) for thing in reachable(loaded)), "the walk sees boxes where they are"


def test_views_hold_the_images_they_name(views) -> None:
    toy = testing.Toy()
    by_name = {sample.name: sample for sample in toy.samples}
    names = ("007", "002", "050")
    boxed = views.boxed(names)
    assert type(boxed) is BoxedView
    assert boxed.names == names
    assert boxed.sizes.tolist() == [[48, 40]] * 3
    for row, name in enumerate(names):
        assert (boxed.pixels(20, 24)[row] == toy.read(by_name[name], 20, 24)).all()
        assert boxed.samples[row].labels == by_name[name].labels
        assert boxed.boxes[row] == by_name[name].boxes
    assert boxed.labels.tolist() == [[int(bool(by_name[name].boxes))] for name in names]


def test_pixels_are_read_by_any_index(views) -> None:
    pixels = views.images([f"{index:03d}" for index in range(10)]).pixels(20, 24)
    assert pixels.shape == (10, 20, 24)
    assert (pixels[[4, 1]] == np.stack([pixels[4], pixels[1]])).all()
    assert pixels[2:5].shape == (3, 20, 24)
    assert pixels[:].dtype == np.uint8


def test_chunks_cut_every_column_alike(views) -> None:
    view = views.boxed([f"{index:03d}" for index in range(10)])
    chunks = list(view.chunks(4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    assert chunks[2].names == view.names[8:]
    assert chunks[2].samples == view.samples[8:]
    assert chunks[2].boxes == view.boxes[8:]
    assert (chunks[2].labels == view.labels[8:]).all()
    assert (chunks[2].pixels(20, 24)[:] == view.pixels(20, 24)[8:]).all()


def test_any_rows_can_be_taken_in_any_order(views) -> None:
    view = views.boxed([f"{index:03d}" for index in range(10)])
    some = view.at([7, 2, 2])
    assert some.names == ("007", "002", "002")
    assert some.samples == tuple(view.samples[row] for row in (7, 2, 2))
    assert some.boxes == tuple(view.boxes[row] for row in (7, 2, 2))
    assert (some.sizes == view.sizes[[7, 2, 2]]).all()
    assert (some.labels == view.labels[[7, 2, 2]]).all()
    assert (some.pixels(20, 24)[:] == view.pixels(20, 24)[[7, 2, 2]]).all()
