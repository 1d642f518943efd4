"""What cannot be true of samples is found in every dataset, and nothing is in sound ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import wsbench
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import Dataset, Source
from wsbench.contract.problems import Problem, one_value_each
from wsbench.data.catalog import Entry
from wsbench.data.contradictions import contradictions
from wsbench.data.dataset import load
from wsbench.errors import WsbenchError
from wsbench.geometry.box_units import WITHIN_A_PIXEL, WITHIN_A_QUARTER
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import execute
from wsbench.types import Box, Sample
from wsbench.utils.progress import Silent

Change = Callable[[Sample], Sample]


def toy(change: Change, *, everywhere: bool = False) -> testing.Toy:
    """The toy dataset with its first boxed sample changed, or all of them."""
    dataset = testing.Toy()
    first = next(sample for sample in dataset.samples if sample.boxes)
    dataset.samples = tuple(
        change(s) if s is first or (everywhere and s.boxes) else s for s in dataset.samples
    )
    return dataset


def of(dataset: Dataset) -> list[Problem]:
    """What is wrong with a dataset's samples."""
    return contradictions(dataset.samples, dataset.classes)


def with_box(*corners: float, label: str = "spot") -> Change:
    return lambda sample: replace(sample, boxes=(*sample.boxes, Box(label, *corners)))


def shifted(by: float) -> Change:
    """Its first box a second time, wider."""

    def change(sample: Sample) -> Sample:
        box = sample.boxes[0]
        return replace(sample, boxes=(*sample.boxes, replace(box, x1=box.x1 + by)))

    return change


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda s: replace(s, name="000"), "shared name", "2 images have this name"),
        (
            lambda s: replace(s, labels=("spot", "sp")),
            "unknown class",
            "has the label 'sp', which is none of",
        ),
        (
            lambda s: replace(s, labels=()),
            "box against label",
            "has a box of 'spot', which its labels (none)",
        ),
        (with_box(1, 1, 9, 9, label="sp"), "box against label", "has a box of 'sp', which its labels (spot)"),
        (with_box(9, 1, 9, 9), "bad box", "its box 9.0, 1.0, 0.0, 8.0 (x, y, width, height) has no area"),
        (with_box(1, 30, 9, 41), "bad box", "has no area or leaves the image"),
        (with_box(-1, 1, 9, 9), "bad box", "has no area or leaves the image"),
        (with_box(1, 1, float("nan"), 9), "bad box", "its box 1.0, 1.0, nan, 8.0"),
        (shifted(0), "duplicate box", "its boxes of spot"),
        (shifted(0.7), "duplicate box", "are the same (overlap 0.95)"),
        (
            lambda s: replace(s, annotated_size=(96, 80)),
            "resized copy",
            "is 48x40, it was annotated at 96x80",
        ),
    ],
)
def test_each_is_found_on_its_image_and_nothing_else_is(change: Change, kind: str, words: str) -> None:
    dataset = toy(change)
    (problem,) = of(dataset)
    assert problem.kind == kind
    assert words in problem.what
    assert problem.images == (problem.file,)
    assert problem.remedy == "skip"


def test_boxes_that_only_overlap_are_two() -> None:
    assert of(toy(shifted(0.8))) == []


def test_sound_data_have_none() -> None:
    assert of(testing.Toy()) == []


@pytest.mark.parametrize("name", ["phantom", "phantom14"])
def test_phantoms_have_none(name: str) -> None:
    spec = plugins.find().datasets[name]
    dataset = spec.load(spec.settings(images=600, size=64), Source(None, Path(), Silent()))
    assert of(dataset) == []


def loaded(dataset: testing.Toy, **options: bool):
    spec = replace(testing.TOY, load=lambda settings, source: dataset)
    return load(spec, testing.ToySettings(), Entry(), Silent(), **options)


def test_a_run_refuses_them_and_leaves_them_out_on_demand() -> None:
    dataset = toy(shifted(0))
    with pytest.raises(WsbenchError, match=r"^toy: 002: its boxes of spot .* are the same .*--skip-bad$"):
        loaded(dataset)
    data = loaded(dataset, skip_bad=True)
    assert "002" not in [sample.name for sample in data.samples]
    assert len(data.samples) == 59
    (line,) = data.describe()["skipped"]
    assert line.startswith("002: its boxes of spot")


def test_the_record_of_a_run_names_what_was_left_out(tmp_path: Path) -> None:
    found = plugins.find()
    spec = replace(testing.TOY, load=lambda settings, source: toy(lambda s: replace(s, labels=())))
    found.datasets["toy"] = spec
    data = load(spec, testing.ToySettings(), Entry(), Silent(), skip_bad=True)
    plan = make_plan(
        found.methods["whole_image"], None, {}, dataset=spec, seed=0, device="cpu", runs=tmp_path
    )
    record = execute(Job(plan, data, found))
    assert record.dataset["skipped"] == ["002: has a box of 'spot', which its labels (none) deny"]


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_resized_copy_is_refused_whatever_is_left_out(skip_bad: bool) -> None:
    dataset = toy(lambda sample: replace(sample, annotated_size=(96, 80)), everywhere=True)
    with pytest.raises(WsbenchError, match=r"is 48x40, it was annotated at 96x80, and so are all 20 images"):
        loaded(dataset, skip_bad=skip_bad)


def scaled(by: float) -> Change:
    def change(sample: Sample) -> Sample:
        boxes = (Box(b.label, b.x0 * by, b.y0 * by, b.x1 * by, b.y1 * by) for b in sample.boxes)
        return replace(sample, boxes=tuple(boxes))

    return change


def test_boxes_in_shares_of_their_image_are_refused_and_in_a_small_frame_told() -> None:
    (problem,) = of(toy(scaled(1 / 48), everywhere=True))
    assert (problem.what, problem.remedy) == (WITHIN_A_PIXEL, "fix")
    (problem,) = of(toy(scaled(0.5), everywhere=True))
    assert (problem.what, problem.remedy) == (WITHIN_A_QUARTER, "none")
    assert len(loaded(toy(scaled(0.5), everywhere=True)).notes) == 1


def test_one_value_each_tells_what_differs() -> None:
    pairs = [("a", 1), ("b", 2), ("a", 1), ("b", 3), ("b", 2), ("b", 4)]
    assert one_value_each(pairs) == ({"a": 1, "b": 2}, {"b": [2, 3, 4]})
    assert wsbench.one_value_each is one_value_each


def test_no_role_left_says_how_many_problems_there_are() -> None:
    dataset = toy(shifted(0), everywhere=True)
    dataset.samples = tuple(sample for sample in dataset.samples if sample.boxes)
    data = loaded(dataset, refuse=False)
    assert data.samples == ()
    with pytest.raises(WsbenchError, match=r"no image is left for role .*; 20 problems left images out, see"):
        _ = data.roles


def test_the_old_word_for_a_remedy_still_works_and_says_the_new_one() -> None:
    with pytest.warns(DeprecationWarning, match="remedy='fix'"):
        problem = Problem("a.png", "is damaged", remedy="mend")
    assert problem.remedy == "fix"
