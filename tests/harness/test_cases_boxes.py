"""The script of a page cuts heatmaps into the same boxes as the harness: the same corners, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import OpenPage
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import (
    BoxRule,
    kept_boxes,
    larger_than,
    quantise,
    relative_scores,
    resized_to_grid,
    table_of_map,
)
from wsbench.geometry.coordinates import full_image, letterbox
from wsbench.reports.web.cases.maps import bilinear, map_values
from wsbench.reports.web.document import static
from wsbench.types import Prediction, Region

CUT = """cases => cases.map(({map, score, threshold, minimum, size}) =>
  wsbenchBoxes.boxesOfMap(wsbenchBoxes.mapOf(map), score, threshold, minimum, size))"""
KEPT = """cases => cases.map(({own, threshold, minimum, size}) =>
  wsbenchBoxes.boxesKept(own, threshold, minimum, size))"""


@pytest.fixture
def script(open_page: Callable[..., OpenPage], tmp_path: Path) -> Any:
    """A page that has the script and nothing else."""
    (tmp_path / "page.html").write_text(f"<!doctype html><script>{static('cases_boxes.js')}</script>")
    return open_page(tmp_path / "page.html").page


def heatmaps(generator: np.random.Generator) -> list[np.ndarray]:
    """Maps of all kinds: smooth, noise, ties, plateaus, rings with a core, full borders, empty and full."""
    maps = [np.zeros((5, 7)), np.ones((4, 4)), np.full((3, 3), 0.5), np.ones((1, 1)), np.eye(6)]
    ring = np.ones((9, 9))
    ring[1:8, 1:8] = 0
    ring[3:6, 3:6] = 0.7
    chequered = np.indices((8, 8)).sum(axis=0) % 2 * 0.9
    border = np.zeros((6, 10))
    border[0] = border[-1] = border[:, 0] = border[:, -1] = 0.4
    maps += [ring, chequered, border, np.arange(256).reshape(16, 16) / 255]
    for _ in range(120):
        shape = tuple(generator.integers(1, 24, 2))
        levels = int(generator.choice([2, 3, 8, 256, 100_000]))
        noise = np.floor(generator.random(shape) ** generator.choice([1, 3]) * levels) / levels
        maps.append(np.clip(noise, 0, 1))
    return maps


def cases(generator: np.random.Generator) -> list[dict[str, Any]]:
    result = []
    for heatmap in heatmaps(generator):
        width, height = (int(side) for side in generator.integers(8, 3000, 2))
        x0, y0 = generator.uniform(0, 0.4, 2) * (width, height)
        regions = [
            full_image(width, height),
            letterbox(width, height),
            Region(float(x0), float(y0), float(x0 + width / 2), float(y0 + height / 3)),
        ]
        region = regions[generator.integers(3)]
        grid = None if generator.random() < 0.6 else tuple(int(n) for n in generator.integers(2, 60, 2))
        prediction = Prediction(
            np.array([[np.float32(generator.random())]], dtype=np.float64),
            heatmap.astype(np.float16)[None, None],
            [region],
            box_grid=grid,
        )
        at_a_level = float(generator.integers(1, 256)) / 255 + 1e-13  # the level itself is foreground
        for threshold in (0.01, 0.5, 0.99, float(generator.integers(1, 100)) / 100, at_a_level):
            minimum = float(generator.choice([0.0, 0.0, 0.001, 0.01, 0.04]))
            result.append(
                {"prediction": prediction, "rule": BoxRule(threshold, minimum), "size": (width, height)}
            )
    return result


def by_the_harness(case: dict[str, Any]) -> np.ndarray:
    """Corners and scores, as the protocol makes them: of any size, in single precision, then the larger."""
    sizes, rule = np.array([case["size"]]), case["rule"]
    table = table_of_map(case["prediction"], sizes, 0, BoxRule(rule.threshold, 0.0)).single()
    kept = larger_than(table, sizes, rule.minimum_area)
    return np.column_stack([kept.xyxy, kept.score])


def test_boxes_of_heatmaps_are_the_harness_s(script: Any) -> None:
    made = cases(np.random.default_rng(0))
    sent = [
        {
            "map": map_values(case["prediction"], 0, full_image(*case["size"])),
            "score": float(case["prediction"].scores[0, 0]),
            "threshold": case["rule"].threshold,
            "minimum": case["rule"].minimum_area,
            "size": case["size"],
        }
        for case in made
    ]
    boxes = 0
    for case, answer in zip(made, script.evaluate(CUT, sent), strict=True):
        expected, cut = by_the_harness(case), np.array(answer, dtype=np.float64).reshape(-1, 5)
        assert np.array_equal(cut[:, :4], expected[:, :4]), case
        if case["prediction"].box_grid is None:
            assert np.array_equal(cut[:, 4], expected[:, 4]), case
        else:
            assert cut[:, 4] == pytest.approx(expected[:, 4], abs=2e-6)
        boxes += len(expected)
    assert boxes > 1000
    assert any(len(by_the_harness(case)) == 0 for case in made)


def test_boxes_of_methods_without_heatmaps_are_the_harness_s(script: Any) -> None:
    generator = np.random.default_rng(1)
    sent, expected = [], []
    for _ in range(60):
        count, width, height = (int(n) for n in generator.integers((1, 20, 20), (9, 900, 900)))
        first = generator.random((count, 2)) * (width / 2, height / 2)
        xyxy = np.concatenate([first, first + 1 + generator.random((count, 2)) * first], axis=1)
        scores = np.round(generator.random(count), 1)
        rows = np.zeros(count, dtype=np.intp)
        table = BoxTable(rows, rows, xyxy, scores).single()
        rule = BoxRule(float(generator.integers(1, 100)) / 100, float(generator.choice([0.0, 0.02])))
        sizes = np.array([[width, height]])
        shares = relative_scores(table.image, table.score)
        own = np.column_stack([table.xyxy, table.score, shares]).tolist()
        chosen = {"threshold": rule.threshold, "minimum": rule.minimum_area, "size": [width, height]}
        sent.append({"own": own, **chosen})
        kept = larger_than(kept_boxes(table, sizes, BoxRule(rule.threshold, 0.0)), sizes, rule.minimum_area)
        expected.append(np.column_stack([kept.xyxy, kept.score]))
    for answer, harness in zip(script.evaluate(KEPT, sent), expected, strict=True):
        assert np.array_equal(np.array(answer, dtype=np.float64).reshape(-1, 5), harness)


def test_changes_are_few_and_where_levels_differ() -> None:
    """Resizing in double precision rounds like the harness nearly everywhere, and is mended elsewhere."""
    generator = np.random.default_rng(2)
    heatmap = generator.random((14, 14)).astype(np.float16)
    prediction = Prediction(np.ones((1, 1)), heatmap[None, None], box_grid=(224, 224))
    values = map_values(prediction, 0, full_image(500, 400))
    levels = np.floor(bilinear(heatmap, (224, 224)) * 255 + 0.5).astype(np.uint8).ravel()
    assert len(values["changes"]) < 2 * 50
    levels[values["changes"][::2]] = values["changes"][1::2]
    assert np.array_equal(levels, quantise(resized_to_grid(heatmap, (224, 224))).ravel())
