"""Metrics of truth masks: by hand, against a second implementation, in every draw, and on the phantom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import METRICS, found, table, value
from wsbench.contract.base import Source
from wsbench.geometry.boxes import BoxRule
from wsbench.geometry.coordinates import full_image
from wsbench.geometry.masks import Mask
from wsbench.scoring import measuring
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.inputs import RolePredictions
from wsbench.scoring.protocols import Protocol, Redraws
from wsbench.scoring.table import Heatmaps, Scored
from wsbench.types import Prediction, Region, ScoredBox
from wsbench.utils.progress import Silent
from wsbench_plugins.datasets import phantom
from wsbench_plugins.metrics import masks as metrics

CLASSES = ("a", "b", "c")


def filled(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    pixels = np.zeros((100, 100), dtype=bool)
    pixels[y0:y1, x0:x1] = True
    return pixels


def masked(
    truth: list[np.ndarray | None], predicted: list[list[ScoredBox]], scores: list[float] | None = None
) -> Scored:
    """A table of 100 x 100 images and one class, by default predicted on all."""
    made = table([[] for _ in truth], predicted, scores=[[score] for score in scores or [0.5] * len(truth)])
    masks = {(row, 0): Mask.of_pixels("tb", pixels) for row, pixels in enumerate(truth) if pixels is not None}
    return replace(made, masks=masks)


def test_pixels_of_boxes_by_hand() -> None:
    """A box on the mask's left half; two that cover 20 x 10 together; nothing; no mask."""
    scored = masked(
        [filled(10, 10, 30, 30), filled(0, 0, 20, 10), filled(5, 5, 9, 9), None],
        [[found(10, 10, 20, 30)], [found(0, 0, 15, 10), found(5, 0, 20, 10)], [], [found(0, 0, 9, 9)]],
    )
    assert value(metrics.mask_iou, scored) == pytest.approx((0.5 + 1 + 0) / 3)
    assert value(metrics.mask_dice, scored) == pytest.approx((2 * 200 / 600 + 1 + 0) / 3)
    assert value(metrics.mask_blank, scored) == pytest.approx(1 / 3)
    assert value(metrics.chexlocalize_miou, scored) == pytest.approx((0.5 + 1) / 2)
    assert value(metrics.chexlocalize_hit_rate, scored) is None


def test_a_class_below_its_operating_point_has_a_blank_prediction() -> None:
    boxes = [[found(0, 0, 10, 10)]] * 2
    scored = masked([filled(0, 0, 10, 10)] * 2, boxes, scores=[0.5, 0.4])
    assert value(metrics.mask_iou, scored) == 0.5
    assert value(metrics.chexlocalize_miou, scored) == 1.0


def test_a_pixel_is_in_a_box_that_holds_its_centre() -> None:
    for corner, width in ((0.4, 10), (0.6, 9)):
        scored = masked([filled(0, 0, 10, 1)], [[found(corner, 0, 10, 1)]])
        assert value(metrics.mask_iou, scored) == pytest.approx(width / 10)


def test_heatmaps_are_cut_in_pixels_of_the_image_where_the_box_rule_cuts() -> None:
    """The left half of a region that covers the right half of the image."""
    maps = np.array([[[[0.6, 0.6, 0.2, 0.2]]]])
    regions = [Region(50, 0, 100, 100)]
    scored = masked([filled(50, 0, 75, 100)], [[]])
    scored = replace(scored, heatmaps=Heatmaps(maps, regions), box_thresholds=np.array([0.4]))
    assert value(metrics.mask_iou, scored) == pytest.approx(1.0)
    assert value(metrics.chexlocalize_hit_rate, scored) == 1.0
    everything = scored.with_box_thresholds(np.array([0.1]))
    assert value(metrics.mask_iou, everything) == pytest.approx(0.5)
    nothing = scored.with_box_thresholds(np.array([0.7]))
    assert value(metrics.mask_iou, nothing) == 0.0 and value(metrics.chexlocalize_miou, nothing) is None


def test_a_mask_without_pixels_counts_for_nothing() -> None:
    scored = masked([filled(0, 0, 0, 0), filled(0, 0, 9, 9)], [[found(0, 0, 9, 9)]] * 2)
    assert value(metrics.mask_iou, scored) == 1.0
    assert value(metrics.mask_iou, masked([filled(0, 0, 0, 0)], [[]])) is None
    assert value(metrics.interval_end(metrics._hits, "lower"), masked([None], [[]])) is None


SIZES = [(90, 70), (64, 100), (120, 80)]


@pytest.fixture(scope="module")
def many() -> Scored:
    """Sixty images of three sizes; the mask is where the map tends to be high, and class c is rare."""
    generator = np.random.default_rng(11)
    sizes = [SIZES[row % 3] for row in range(60)]
    maps = generator.random((60, 3, 6, 5)).astype(np.float16)
    masks = {}
    for row, (width, height) in enumerate(sizes):
        for column, share in enumerate((0.7, 0.4, 0.05)):
            if generator.random() < share:
                y, x = np.divmod(maps[row, column].argmax(), 5)
                centre = (x + 0.5) * width / 5, (y + 0.5) * height / 6
                centre = centre + generator.normal(0, 12, 2)
                distance = np.hypot(np.arange(width) - centre[0], np.arange(height)[:, None] - centre[1])
                pixels = distance < generator.uniform(8, 30)
                if pixels.any():
                    masks[row, column] = Mask.of_pixels(CLASSES[column], pixels)
    made = table([[] for _ in sizes], [[] for _ in sizes], classes=CLASSES)
    return replace(
        made,
        names=tuple(f"patient{number}" for number in generator.permutation(60)),
        sizes=np.array(sizes),
        scores=generator.random((60, 3)),
        operating_points=np.array([0.3, 0.2, 0.1]),
        heatmaps=Heatmaps(maps, [full_image(*size) for size in sizes]),
        masks=masks,
        box_thresholds=np.array([0.81, 0.62, 0.75]),
    )


def tables_by_pandas(scored: Scored) -> dict[str, pd.DataFrame]:
    """A second implementation: IoU and hits of every image with a mask, NaN where there is none."""
    rows = sorted({row for row, _ in scored.masks}, key=lambda row: scored.names[row])
    result = {name: pd.DataFrame(index=rows, columns=CLASSES, dtype=float) for name in ("miou", "all", "hit")}
    for (row, column), mask in scored.masks.items():
        truth = mask.pixels()
        heatmap = torch.from_numpy(scored.heatmaps.maps[row, column].astype(np.float32))[None, None]
        full = torch.nn.functional.interpolate(
            heatmap, size=truth.shape, mode="bilinear", align_corners=False
        )
        full = full[0, 0].numpy()
        predicted = np.round(full * 255) >= np.ceil(255 * scored.box_thresholds[column])
        if scored.scores[row, column] < scored.operating_points[column]:
            predicted = np.zeros_like(truth)
        iou = (truth & predicted).sum() / (truth | predicted).sum()
        label = CLASSES[column]
        result["all"].loc[row, label] = iou
        result["miou"].loc[row, label] = iou if predicted.any() else np.nan
        result["hit"].loc[row, label] = float(truth.ravel()[full.argmax()])
    return result


def interval_by_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """A second implementation of CheXlocalize's bootstrap with its default seed."""
    np.random.seed(0)
    drawn = []
    for _ in range(1000):
        chosen = np.random.choice(len(frame), size=len(frame), replace=True)
        drawn.append(frame.iloc[chosen].mean())
    means = pd.DataFrame(drawn)
    ends = {"lower": int(0.05 / 2 * 1000) - 1, "upper": int((1 - 0.05 / 2) * 1000) - 1}
    return pd.DataFrame(
        {
            end: [means[name].sort_values().iloc[place].round(3) for name in frame]
            for end, place in ends.items()
        },
        index=frame.columns,
    )


def test_chexlocalize_numbers_and_intervals_are_those_of_a_second_implementation(many: Scored) -> None:
    frames = tables_by_pandas(many)
    once = Resamples.once(len(many.names))
    for name, frame in (
        ("chexlocalize_miou", frames["miou"]),
        ("chexlocalize_hit_rate", frames["hit"]),
        ("mask_iou", frames["all"]),
    ):
        ours = METRICS[name].compute(many, once)[0]
        assert ours.round(3).tolist() == frame.mean().round(3).tolist(), name
        if name == "mask_iou":
            continue
        expected = interval_by_pandas(frame)
        for end in ("lower", "upper"):
            drawn = METRICS[f"{name}_{end}"].compute(many, once)[0]
            assert drawn.tolist() == pytest.approx(expected[end].tolist(), abs=1e-9, nan_ok=True), (name, end)
    # Blank predictions make the difference between the two, and something is hit and something missed.
    assert (frames["all"].mean() < frames["miou"].mean())[["a", "b"]].all()
    assert 0.2 < frames["hit"]["a"].mean() < 0.98


def test_every_draw_has_the_masks_of_its_own_thresholds(many: Scored) -> None:
    rules = tuple((BoxRule(low, 0.0), BoxRule(low + 0.2, 0.0)) for low in (0.5, 0.6, 0.7))
    generator = np.random.default_rng(1)
    redraws = Redraws(generator.choice([0.1, 0.5], (20, 3)), rules, generator.integers(0, 2, (20, 3)))
    test = RolePredictions(many.names, Prediction(many.scores, many.heatmaps.maps))
    protocol = Protocol(test, CLASSES, many.sizes, (0.5,) * 3, redraws=redraws)
    draws = Resamples.draw(many.names, 20, seed=3)
    of_masks = {name: spec for name, spec in METRICS.items() if spec.needs == "masks" and spec.resampled}
    result = measuring.Redrawn(many, protocol, redraws, draws).values(of_masks)
    assert set(result) == set(of_masks)
    for draw in range(20):
        cut_at = [rules[column][place].threshold for column, place in enumerate(redraws.rule_numbers[draw])]
        alone = many.with_box_thresholds(np.array(cut_at))
        alone = alone.with_operating_points(redraws.operating_points[draw])
        for name, spec in of_masks.items():
            expected = spec.compute(alone, draws.take(np.array([draw])))[0]
            assert result[name][draw] == pytest.approx(expected, nan_ok=True), (name, draw)
    assert np.ptp(result["mask_iou"][:, 0]) > 0


@pytest.mark.parametrize("name", ["phantom", "phantom14"])
def test_the_phantom_gives_masks_only_where_it_is_asked(name: str) -> None:
    (spec,) = [spec for spec in phantom.wsbench_datasets() if spec.name == name]
    plain, with_masks = (
        spec.load(spec.settings(images=25, size=128, **options), Source(None, None, Silent()))
        for options in ({}, {"masks": True})
    )
    assert "masks" not in spec.settings().model_dump(mode="json")  # records say what they always said
    assert spec.settings(masks=True).model_dump()["masks"] is True
    seen = 0
    for before, after in zip(plain.samples, with_masks.samples, strict=True):
        assert before.masks == () and replace(after, masks=()) == before
        assert {mask.label for mask in after.masks} == {box.label for box in after.boxes}
        for mask in after.masks:
            rows, columns = np.nonzero(mask.pixels())
            boxes = np.array([(b.x0, b.y0, b.x1, b.y1) for b in after.boxes if b.label == mask.label])
            hull = [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
            extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert extent == pytest.approx(hull, abs=1.5)
            seen += 1
    assert seen >= 4


def test_mask_metrics_from_end_to_end(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    small = ["-d", "phantom", "-D", "images=120", "-D", "size=64", "-q"]
    code, plain, err = command("run", "-m", "two_lungs", *small)
    assert code == 0, err
    code, shown, err = command("run", "-m", "two_lungs", *small, "-D", "masks=true")
    assert code == 0, err
    assert "mask IoU" in shown and "mask" not in plain
    code, checked, _ = command("data", "check", *small[1:], "-D", "masks=true", "--no-near")
    assert "masks" in checked
    code, _, err = command("run", "-m", "two_lungs", *small, "-D", "masks=true", "--submit")
    assert code == 0, err
    assert command("leaderboard", "-q")[0] == 0
    assert "mask_iou" in Path("leaderboards/tables/phantom/uniform.csv").read_text()
    code, _, err = command("leaderboard", "--check")
    assert code == 0, err
