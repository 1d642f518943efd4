"""The phantom as a dataset: counts, truth in the samples, masks, the token, and what the docs say of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

SPEC = plugins.find().datasets["phantom"]
DOCS = Path(__file__).parents[2] / "docs" / "phantom.md"


def load(**settings: object):
    return SPEC.load(SPEC.settings(**settings), Source(None, Path(), Silent()))


@pytest.fixture(scope="module")
def phantom():
    return load(images=400)


def test_groups_and_splits_are_drawn_at_their_rates(phantom) -> None:
    groups = Counter(sample.attributes["group"] for sample in phantom.samples)
    assert groups["tb"] / 400 == pytest.approx(0.34, abs=0.06)
    assert groups["sick"] / 400 == pytest.approx(0.33, abs=0.06)
    assert Counter(sample.split for sample in phantom.samples)["val"] / 400 == pytest.approx(0.25, abs=0.06)


def test_only_tuberculosis_is_labelled_and_boxed(phantom) -> None:
    for sample in phantom.samples:
        tb = sample.attributes["group"] == "tb"
        assert sample.labels == (("tb",) if tb else ())
        assert bool(sample.boxes) == tb
        assert ("activity" in sample.attributes) == tb
        assert {box.kind for box in sample.boxes} <= {"active", "obsolete"}


def test_an_image_does_not_depend_on_how_many_there_are(phantom) -> None:
    fewer = {sample.name: sample for sample in load(images=20).samples}
    assert all(fewer[sample.name] == sample for sample in phantom.samples[:20])


def test_truth_scales_with_the_size(phantom) -> None:
    larger = load(images=20, size=1024).samples
    for small, large in zip(phantom.samples[:20], larger, strict=True):
        for box, wanted in zip(large.boxes, small.boxes, strict=True):
            assert (box.x0, box.y1) == pytest.approx((2 * wanted.x0, 2 * wanted.y1))


def test_another_seed_or_correlation_is_other_content(phantom) -> None:
    contents = {
        load(images=1, **change).samples[0].content for change in ({}, {"seed": 1}, {"marker_correlation": 1})
    }
    assert len(contents) == 3
    assert load(images=2, val=0.5).samples[1].content == phantom.samples[1].content


def test_reading_any_shape(phantom) -> None:
    sample = phantom.samples[0]
    square = phantom.read(sample, 128, 128)
    assert square.shape == (128, 128)
    wide = phantom.read(sample, 64, 128)
    halves = square.reshape(64, 2, 128).mean(axis=1)
    assert np.abs(wide - halves).mean() < 1


def test_lesion_masks_fill_their_boxes(phantom) -> None:
    sample = next(sample for sample in phantom.samples if len(sample.boxes) == 2)
    masks = phantom.lesion_masks(sample, 256)
    for mask, box in zip(masks, sample.boxes, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert np.array(edges) * 2 == pytest.approx((box.x0, box.y0, box.x1, box.y1), abs=3)


def test_organ_masks_lie_where_organs_are(phantom) -> None:
    masks = phantom.organ_masks(phantom.samples[1], 128)
    assert {"left_lung", "right_lung", "heart", "spine", "trachea"} <= set(masks)
    centre = {name: np.argwhere(mask).mean(axis=0) for name, mask in masks.items()}
    # As on every film, the patient's right is on the left of the image.
    assert centre["right_lung"][1] < centre["heart"][1] < centre["left_lung"][1]
    assert centre["trachea"][0] < centre["heart"][0]


@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
def test_the_token_tells_the_label_as_much_as_asked(correlation: float) -> None:
    samples = load(images=1500, marker_correlation=correlation).samples
    tb = np.array([bool(sample.labels) for sample in samples])
    markers = [sample.attributes.get("markers", "").split("+") for sample in samples]
    token = np.array([bool({"portable", "arrow"} & set(kinds)) for kinds in markers])
    assert np.corrcoef(tb, token)[0, 1] == pytest.approx(correlation, abs=0.07)


def statistics(boxes_of_images: list[list[tuple[float, float]]]) -> list[str]:
    """The numbers of the table in docs/phantom.md: widths and heights in pixels of 512."""
    sides = np.array([size for boxes in boxes_of_images for size in boxes])
    numbers = [f"{np.mean([len(boxes) for boxes in boxes_of_images]):.2f}"]
    for values in sides.T:
        low, high = np.percentile(values, [5, 95])
        numbers.append(f"{values.mean():.0f} ({low:.0f}, {high:.0f})")
    return [*numbers, f"{sides.prod(axis=1).mean() / 512**2:.1%}"]


def test_the_documented_statistics_are_true() -> None:
    rows = re.findall(r"^\| (?:boxes|width|height|area).* \| (.*) \|$", DOCS.read_text(), flags=re.MULTILINE)
    boxed = [sample.boxes for sample in load().samples if sample.boxes]
    assert rows == statistics([[(box.x1 - box.x0, box.y1 - box.y0) for box in boxes] for boxes in boxed])


def test_methods_get_organ_masks_of_the_phantom() -> None:
    """In the order of `wsbench.images.ORGANS`: lungs on their sides, the heart between the two."""
    loaded = load_dataset(plugins.find(), "phantom", {"images": 60, "size": 64}, Silent())
    masks = loaded.views.images([sample.name for sample in loaded.samples[:4]]).organs(64)[:].astype(bool)
    rows, columns = np.mgrid[:64, :64]
    for left, right, heart, mediastinum, diaphragm in masks:
        assert columns[right].mean() < columns[heart].mean() < columns[left].mean()
        assert not (left & mediastinum).any()
        assert rows[diaphragm].mean() > rows[heart].mean()
