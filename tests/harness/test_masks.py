"""Truth masks: decoding, boxes of components, what is wrong with them, and datasets with and without them."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco
from scipy import ndimage

import wsbench
from conftest import METRICS
from wsbench.contract.base import Dataset
from wsbench.contract.plugins import Plugins, find
from wsbench.contract.specs import DatasetSpec, that_exist
from wsbench.data import catalog
from wsbench.data.contradictions import contradictions
from wsbench.data.dataset import Loaded, load
from wsbench.errors import WsbenchError
from wsbench.geometry.masks import Mask
from wsbench.runs.scoring_inputs import truths_of
from wsbench.testing import TOY, Toy, ToySettings
from wsbench.types import Sample
from wsbench.utils.progress import Silent


def drawn(seed: int) -> np.ndarray:
    """A random mask of random size; every third one is of blocks."""
    generator = np.random.default_rng(seed)
    height, width = generator.integers(1, 60, 2)
    pixels = generator.random((height, width)) < generator.random()
    return np.kron(pixels[:12, :12], np.ones((5, 3), dtype=bool)) if seed % 3 == 0 else pixels


@pytest.mark.parametrize("seed", range(30))
def test_run_lengths_are_those_of_coco(seed: int) -> None:
    pixels = drawn(seed)
    height, width = pixels.shape
    counts = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"]
    masks = [
        Mask.of_rle("x", width, height, counts),
        Mask.of_rle("x", width, height, counts.decode()),
        Mask.of_pixels("x", pixels),
    ]
    for mask in masks:
        assert np.array_equal(mask.pixels(), pixels)
        assert mask == masks[0]  # equal pixels have equal contents, however they are written
        assert np.array_equal(pickle.loads(pickle.dumps(mask)).pixels(), pixels)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([3, 2], "do not fill 4x3"),
        ([10, -2, 4], "do not fill 4x3"),
        ([12.0], "no list of whole numbers"),
        ([[12]], "no list of whole numbers"),
        ("", "cut off"),
        ("~~", "not in COCO's compressed form"),
        ("P", "cut off"),
        ("oooooooo0", "a number is too long"),
        ("<1", "do not fill 4x3"),
    ],
)
def test_damaged_run_lengths_are_refused(counts: object, why: str) -> None:
    with pytest.raises(WsbenchError, match=why):
        Mask.of_rle("x", 4, 3, counts)


def test_polygons_are_drawn_as_coco_draws_them() -> None:
    polygons = [[2.0, 2, 20, 3, 11.5, 17], [30, 20, 45, 20, 45, 38.4, 30, 38]]
    with warnings.catch_warnings(action="ignore"):
        expected = coco.decode(coco.merge(coco.frPyObjects(polygons, 40, 50))).astype(bool)
    mask = Mask.of_polygons("x", 50, 40, polygons)
    assert np.array_equal(mask.pixels(), expected) and expected.any()
    for wrong in (
        [[1, 1, 5, 5]],
        [[1, 1, 5, 5, 9]],
        [[0, 0, 1e9, 0, 5, 5]],
        [[0, 0, float("nan"), 1, 2, 2]],
        [],
    ):
        with pytest.raises(WsbenchError, match="polygon"):
            Mask.of_polygons("x", 50, 40, wrong)


@pytest.mark.parametrize("seed", range(0, 30, 2))
def test_every_component_gives_its_box(seed: int) -> None:
    pixels = drawn(seed)
    numbered, count = ndimage.label(pixels, structure=np.ones((3, 3)))
    expected = set()
    for number in range(1, count + 1):
        rows, columns = np.nonzero(numbered == number)
        expected.add((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    boxes = Mask.of_pixels("x", pixels).boxes()
    assert len(boxes) == count
    assert {(box.x0, box.y0, box.x1, box.y1) for box in boxes} == expected
    assert {box.label for box in boxes} <= {"x"}


def test_a_computed_mask_is_computed_when_it_is_asked_for() -> None:
    calls = []
    mask = Mask.computed("x", 3, 2, "a name", lambda: calls.append(1) or np.ones((2, 3)))
    assert calls == []
    assert mask.pixels().dtype == bool and mask.pixels().all() and len(calls) == 2
    with pytest.raises(WsbenchError, match=r"has the shape \(2, 3\), not \(3, 2\)"):
        Mask.computed("x", 2, 3, "a name", lambda: np.ones((2, 3))).pixels()


class Masked(Dataset):
    """The toy dataset, with a mask of the upper left triangles of its boxes in place of the boxes."""

    classes = ("spot",)

    def __init__(self, change: Callable[[Sample], Sample] = lambda sample: sample) -> None:
        self._toy = Toy()
        self.samples = tuple(change(self._masked(sample)) for sample in self._toy.samples)

    def _masked(self, sample: Sample) -> Sample:
        if not sample.boxes:
            return sample
        pixels = np.zeros((sample.height, sample.width), dtype=bool)
        for box in sample.boxes:
            corner = pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
            corner |= np.tri(*corner.shape, dtype=bool)
        return replace(sample, boxes=(), masks=(Mask.of_pixels("spot", pixels),))

    def read(self, sample: Sample, height: int, width: int) -> np.ndarray:
        return self._toy.read(next(s for s in self._toy.samples if s.name == sample.name), height, width)


def spec_of(dataset: Callable[[], Dataset]) -> DatasetSpec:
    return replace(TOY, name="masked", load=lambda settings, source: dataset())


def loaded(dataset: Callable[[], Dataset] = Masked) -> Loaded:
    return load(spec_of(dataset), ToySettings(), catalog.Entry(), Silent())


def test_masks_give_boxes_and_reach_the_table() -> None:
    data = loaded()
    toy = {sample.name: sample for sample in Toy().samples}
    for sample in data.samples:
        merged = len(toy[sample.name].boxes)  # two boxes of the toy may touch, and are one component
        assert (len(sample.boxes) > 0) == (merged > 0) and len(sample.boxes) <= merged
    truth = truths_of(data)["test"]
    assert len(truth.masks) == int(truth.labels.sum()) > 0
    for (row, column), mask in truth.masks.items():
        assert truth.labels[row, column]
        boxes = truth.truth.of_label(column).of_image(row)
        rows, columns = np.nonzero(mask.pixels())
        assert (columns.min(), rows.min()) == tuple(boxes[:, :2].min(axis=0))
        assert (columns.max() + 1, rows.max() + 1) == tuple(boxes[:, 2:].max(axis=0))


def test_boxes_that_the_dataset_gives_are_kept() -> None:
    own = wsbench.Box("spot", 1, 2, 30, 31)
    data = loaded(lambda: Masked(lambda sample: replace(sample, boxes=(own,) if sample.masks else ())))
    assert {sample.boxes for sample in data.samples} == {(), (own,)}


def test_boxes_of_masks_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path))
    before = [sample.boxes for sample in loaded().samples]
    with monkeypatch.context() as patched:
        patched.setattr(Mask, "boxes", lambda mask: pytest.fail("decoded again"))
        assert [sample.boxes for sample in loaded().samples] == before
    (memory,) = tmp_path.rglob("boxes-of-masks.json")
    memory.write_text("{")
    assert [sample.boxes for sample in loaded().samples] == before


def test_masks_are_in_the_fingerprint_and_no_other_data_changes() -> None:
    def moved(sample: Sample) -> Sample:
        if not sample.masks:
            return sample
        pixels = sample.masks[0].pixels()
        pixels[np.nonzero(pixels)[0][0], np.nonzero(pixels)[1][0]] = False
        boxes = tuple(sample.masks[0].boxes())
        return replace(sample, boxes=boxes, masks=(Mask.of_pixels("spot", pixels),))

    assert loaded().fingerprint == loaded().fingerprint != loaded(lambda: Masked(moved)).fingerprint
    plain = load(TOY, ToySettings(), catalog.Entry(), Silent())
    assert plain.fingerprint == "ed741e80f4b8eb7a"  # as it was before masks existed
    assert "masks" not in plain.describe() and not truths_of(plain)["test"].masks


@pytest.mark.parametrize(
    ("masks", "kind", "why"),
    [
        ([("spot", 40, 48)], "resized copy", "is 48x40, its mask of spot is 40x48"),
        ([("spot", 48, 40)] * 2, "several masks", "has 2 masks of spot"),
        ([("spit", 48, 40)], "mask against label", r"has a mask of 'spit', which its labels \(spot\) deny"),
    ],
)
def test_masks_that_cannot_be_right(masks: list[tuple[str, int, int]], kind: str, why: str) -> None:
    made = tuple(Mask.of_pixels(label, np.ones((height, width))) for label, width, height in masks)
    sample = Sample("a", 48, 40, "train", ("spot",), masks=made)
    found = [problem for problem in contradictions([sample], ("spot",)) if problem.kind == kind]
    assert len(found) == 1
    assert found[0].images == ("a",)
    assert re.search(why, found[0].what)


def test_metrics_of_masks_exist_where_masks_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_masks = {name for name, spec in METRICS.items() if spec.needs == "masks"}
    assert "mask_iou" in of_masks
    assert set(METRICS) - set(that_exist(METRICS, masks=False, nuisances=True)) == of_masks
    found = find()
    plugins = Plugins(
        datasets={"toy": TOY, "masked": spec_of(Masked)}, methods=found.methods, metrics=found.metrics
    )
    monkeypatch.setattr("wsbench.runs.api_arguments.find", lambda files=(): plugins)
    records = {name: wsbench.run("two_lungs", name, runs=tmp_path) for name in ("toy", "masked")}
    for name, record in records.items():
        expected = of_masks if name == "masked" else set()
        assert of_masks & set(record.key["metrics"]) == expected
        assert of_masks & set(record.protocols["uniform"]["metrics"]) == expected
    assert records["masked"].value("mask_iou") is not None
    assert records["masked"].dataset["masks"]["test"] > 0
