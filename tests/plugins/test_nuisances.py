"""Boxes of nuisances: how a dataset marks them, and how much of a map lies on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_energy import counted_by_pixel, with_maps

from conftest import box, measured, table, value
from wsbench.contract import plugins
from wsbench.contract.base import Source
from wsbench.contract.specs import that_exist
from wsbench.data.contradictions import contradictions
from wsbench.runs.plan import load_dataset
from wsbench.runs.scoring_inputs import truth_of
from wsbench.runs.target import target_of
from wsbench.scoring.table import Scored
from wsbench.types import Box, Sample
from wsbench.utils.progress import Silent
from wsbench_plugins.metrics.nuisances import nuisance_energy, nuisance_energy_blank

PLUGINS = plugins.find()
NAMES = ("nuisance_energy", "nuisance_energy_blank")


def marked(maps: np.ndarray, nuisances: dict[tuple[str, int], list[list[float]]]) -> Scored:
    """Images of 100 x 100 pixels, the first with tuberculosis, with maps and nuisances."""
    scored = with_maps(table([[box(0, 0, 9, 9)], *([] for _ in maps[1:])], [[] for _ in maps]), maps)
    return replace(scored, nuisances={place: np.array(boxes) for place, boxes in nuisances.items()})


def phantom(**settings: object):
    spec = PLUGINS.datasets["phantom"]
    return spec.load(spec.settings(size=64, **settings), Source(None, Path(), Silent()))


def test_it_is_the_mean_share_of_all_images_that_have_a_nuisance() -> None:
    # Cells of 50 x 50 pixels. First image: half of the 4 of 8. Second, without a finding: a tenth of 1 of 1.
    maps = np.array([[[[1.0, 4.0], [0.0, 3.0]]], [[[1.0, 0.0], [0.0, 0.0]]], [[[1.0, 1.0], [1.0, 1.0]]]])
    scored = marked(maps, {("token", 0): [[50, 0, 75, 50]], ("token", 1): [[0, 0, 5, 50]]})
    assert value(nuisance_energy, scored) == pytest.approx((2 / 8 + 0.1) / 2)
    assert value(nuisance_energy_blank, scored) == pytest.approx((0.125 + 0.025) / 2)


def test_nuisances_of_several_names_are_joined_and_overlaps_count_once() -> None:
    generator = np.random.default_rng(3)
    maps = generator.random((2, 1, 10, 20))
    first, second = [[0, 0, 40, 20]], [[30, 10, 60, 25], [0, 0, 10, 10]]
    scored = marked(maps, {("side", 1): first, ("token", 1): second})
    expected = counted_by_pixel(maps[1, 0], [Box("token", *corners) for corners in (*first, *second)])
    assert value(nuisance_energy, scored) == pytest.approx(expected, abs=1e-12)


def test_without_nuisances_or_maps_there_is_no_value() -> None:
    assert measured(nuisance_energy, marked(np.ones((2, 1, 2, 2)), {}))["value"] is None
    scored = marked(np.ones((2, 1, 2, 2)), {("token", 0): [[0, 0, 5, 5]]})
    assert measured(nuisance_energy, replace(scored, heatmaps=None))["value"] is None


def test_the_metrics_exist_only_where_samples_mark_nuisances() -> None:
    names = that_exist(PLUGINS.metrics, masks=True, nuisances=False)
    assert not set(NAMES) & set(names)
    assert set(NAMES) <= set(that_exist(PLUGINS.metrics, masks=False, nuisances=True))


def test_the_phantom_marks_the_token_on_request_and_changes_nothing_else() -> None:
    plain, marking = phantom(images=40), phantom(images=40, nuisances=True)
    for before, after in zip(plain.samples, marking.samples, strict=True):
        assert replace(after, nuisances=()) == before
        token = [
            kind for kind in after.attributes.get("markers", "").split("+") if kind in {"portable", "arrow"}
        ]
        assert [nuisance.label for nuisance in after.nuisances] == token
        assert all(0 <= b.x0 < b.x1 <= 64 and 0 <= b.y0 < b.y1 <= 64 for b in after.nuisances)
    assert any(sample.nuisances for sample in marking.samples)
    assert "nuisances" not in marking.samples[0].content, "the same pixels have the same content"


def test_the_pixels_of_the_token_lie_in_its_boxes() -> None:
    with_token, without = phantom(images=8, nuisances=True), phantom(images=8, markers="tokenless")
    for marked_sample, bare in zip(with_token.samples, without.samples, strict=True):
        changed = with_token.read(marked_sample, 256, 256) != without.read(bare, 256, 256)
        for nuisance in marked_sample.nuisances:
            x0, y0, x1, y1 = (
                round(4 * corner) for corner in (nuisance.x0, nuisance.y0, nuisance.x1, nuisance.y1)
            )
            assert changed[y0:y1, x0:x1].any()
            changed[max(y0 - 3, 0) : y1 + 3, max(x0 - 3, 0) : x1 + 3] = False
        assert not changed.any()


def test_fingerprints_tell_nuisances_and_stay_without_them() -> None:
    options = {"images": 150, "size": 64}
    plain = load_dataset(PLUGINS, "phantom", options, Silent())
    marking = load_dataset(PLUGINS, "phantom", {**options, "nuisances": True}, Silent())
    assert plain.fingerprint == "ffe36c8d51d404fe"
    assert plain.fingerprint != marking.fingerprint
    assert "nuisances" not in plain.describe()
    tested = sum(len(sample.nuisances) for sample in marking.samples_of("test"))
    assert marking.describe()["nuisances"]["test"] == tested > 0


def test_truth_and_targets_have_the_nuisances_of_their_images() -> None:
    options = {"images": 150, "size": 64, "nuisances": True}
    source = load_dataset(PLUGINS, "phantom", options, Silent())
    names = source.roles.members["test"]
    truth = truth_of(source, names, "test")
    by_name = {sample.name: sample for sample in source.samples}
    counted = {
        (nuisance.label, row) for row, name in enumerate(names) for nuisance in by_name[name].nuisances
    }
    assert set(truth.nuisances) == counted
    other = load_dataset(PLUGINS, "phantom", {**options, "marker_correlation": -1.0}, Silent())
    target = target_of(other, source)
    rows = {row for _, row in target.truth.nuisances}
    assert rows == set(np.flatnonzero(~target.truth.labels[:, 0]).tolist()), "all images without tuberculosis"
    unmarked = load_dataset(
        PLUGINS, "phantom", {**options, "marker_correlation": -1.0, "nuisances": False}, Silent()
    )
    assert target.fingerprint != target_of(unmarked, source).fingerprint


def test_a_nuisance_out_of_the_image_is_a_problem() -> None:
    sample = Sample("a.png", 64, 64, "train", (), nuisances=(Box("token", 10, 10, 70, 20),))
    (problem,) = contradictions([sample], ("tb",))
    assert "nuisance 'token'" in problem.what
    assert not contradictions([replace(sample, nuisances=(Box("token", 1, 1, 7, 2),))], ("tb",))


def test_methods_see_no_nuisance() -> None:
    sample = Sample("a.png", 64, 64, "train", (), nuisances=(Box("token", 10, 10, 20, 20),))
    assert "nuisance" not in repr(sample.weak())
