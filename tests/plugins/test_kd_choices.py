"""Every reading of KD-Grad-CAM's paper from one training, and the picture of Fig. 5."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wsbench
from conftest import refused
from wsbench_plugins.methods.kd_gradcam import _choices, _commands, _settings

DATA = {"images": 60, "size": 64}
TINY = {"backbone": "resnet18", "weights": "random", "stages": 2, "resize": 40, "crop": 32, "epochs": 2,
        "batch_size": 8, "randaugment_operations": 0}  # fmt: skip
OTHER = {"kept": "last", "relu": False, "interpolation": "nearest", "cells": "centred", "threshold": 0.3,
         "area": "contour", "minimum": "none"}  # fmt: skip


def test_image_miou_by_hand() -> None:
    """Algorithms 2 and 3: of all pairs the best, as many as there are truth boxes; missing ones are 0."""
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10]])
    half = np.array([[0, 0, 10, 5]])
    assert _choices.image_miou(truth, half) == 0.25  # IoUs 0.5 and 0
    assert _choices.image_miou(truth, truth) == 1.0
    assert _choices.image_miou(truth, np.zeros((0, 4))) == 0.0
    # One truth box counts twice: 1 and 0.5, though the other is missed.
    assert _choices.image_miou(truth, np.array([[0, 0, 10, 10], [0, 0, 10, 5]])) == 0.75


def test_readings_are_all_combinations_and_the_first_is_the_default() -> None:
    names = dict(_choices.one_by_one())
    base = names["as wsbench reads it"]
    assert {name: getattr(base, name) for name in _choices.VALUES} == {
        name: value for name, value in _settings.READING.items() if name != "percentile"
    }
    assert len(set(_choices.readings())) == 2 * 2 * 2 * 2 * 7 * 2 * 3
    assert names["relu=False"] == _choices.Reading(relu=False)
    assert len(names) == 1 + 4 * 1 + 6 + 1 + 2
    assert set(names.values()) <= set(_choices.readings())


def test_means_over_images_are_compared_in_pairs_by_hand() -> None:
    draws = wsbench.metrics.Resamples(np.array([[2.0, 0, 0, 1], [0, 2.0, 1, 0], [1, 1, 0, 1]]), np.arange(4))
    base = np.array([[0.2, 0.4, np.nan, np.nan]])
    first, other = wsbench.finished.compare_means({"base": base, "other": base + 0.1}, draws, "base")
    assert (first.mean, first.difference) == (pytest.approx(0.3), None)
    assert other.difference.difference == pytest.approx(0.1)
    # On the same draws both move alike, so nothing is uncertain about their difference.
    assert other.difference.interval == pytest.approx((0.1, 0.1))
    assert other.holm == pytest.approx(0, abs=1e-12)
    assert first.interval[0] < 0.3 < first.interval[1]
    two = {"base": np.array([[0.2, 0.4], [0.3, 0.5]]), "other": np.array([[0.3, 0.4], [0.5, 0.5]])}
    draws = wsbench.metrics.Resamples.draw(["a", "b"], 200, seed=0)
    _, other = wsbench.finished.compare_means(two, draws, "base", ("t0", "t1"))
    assert other.difference.paired
    assert other.difference.difference == pytest.approx(0.075)


def test_a_table_of_readings_as_text() -> None:
    draws = wsbench.metrics.Resamples.draw(range(3), 100, seed=0)
    values = {"base": np.array([[0.1, 0.2, 0.6]]), "other=1": np.array([[0.3, 0.4, 0.8]])}
    lines = _commands.table_of(wsbench.finished.compare_means(values, draws, "base")).splitlines()
    assert lines[0].split() == ["reading", "mIOU", "95", "%", "difference", "95", "%", "p", "(Holm)"]
    assert lines[1].startswith("base     0.3000")
    assert lines[2].startswith("other=1  0.5000")
    assert lines[2].endswith("+0.2000  +0.200 to +0.200   < 0.001")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a student and its teacher on a small phantom."""
    folder = tmp_path_factory.mktemp("kd") / "runs"
    for name in ("kd_student", "kd_teacher"):
        wsbench.run(name, "phantom", preset="paper", options=TINY, data_options=DATA, runs=folder)
    return folder


def folder_of(runs: Path, name: str) -> Path:
    (folder,) = (path.parent for path in (runs / "phantom" / name).glob("seed0-*/fit"))
    return folder


def test_a_reading_is_what_a_run_with_these_options_records(runs: Path) -> None:
    """Without a second training."""
    folder = folder_of(runs, "kd_teacher")
    (run,) = wsbench.finished.open_runs([folder])
    values = _choices.Images(run).values(run)
    assert len(values) == 672
    expected = run.record.value("miou", "paper")
    assert values[_choices.Reading()].mean() == pytest.approx(
        expected, abs=1e-8
    )  # records hold single precision
    before = (folder / "fit" / "last.ckpt").stat().st_mtime_ns
    options = {**TINY, **OTHER}
    record = wsbench.run(
        "kd_teacher", "phantom", preset="paper", options=options, data_options=DATA, runs=runs
    )
    assert (folder / "fit" / "last.ckpt").stat().st_mtime_ns == before
    assert not (record.folder / "fit").exists()
    assert values[_choices.Reading(**OTHER)].mean() == pytest.approx(record.value("miou", "paper"), abs=1e-8)
    assert record.value("miou", "paper") != expected
    assert record.training == run.record.training


def test_one_command_shows_all_readings(runs: Path, command, tmp_path: Path) -> None:
    code, out, err = command("kd-choices", str(folder_of(runs, "kd_student")), "--csv", "all.csv", "-q")
    assert code == 0, err
    assert out.splitlines()[0] == "mIOU of kd_student (paper), seed 0, protocol paper"
    assert "672 combinations of choices: mIOU 0." in out
    for name, _ in _choices.one_by_one():
        assert f"\n{name} " in out
    lines = Path("all.csv").read_text().splitlines()
    assert lines[0] == "kept,relu,interpolation,cells,threshold,area,minimum,miou"
    assert len(lines) == 673
    values = [float(line.split(",")[-1]) for line in lines[1:]]
    assert values == sorted(values, reverse=True)


def test_fig_5_is_drawn(runs: Path, command) -> None:
    teacher, student = (str(folder_of(runs, name)) for name in ("kd_teacher", "kd_student"))
    code, out, err = command("kd-picture", teacher, student, "--images", "2", "-q")
    assert (code, out) == (0, "2 images in fig5.png\n"), err
    pixels = np.asarray(Image.open("fig5.png").convert("RGB")).astype(int)
    red, green, blue = np.moveaxis(pixels, 2, 0)
    fifth = pixels.shape[1] // 5
    truth = (green > 180) & (red < 80) & (blue < 80)
    assert truth[:, :fifth].any() and truth[:, 3 * fifth : 4 * fifth].any() and truth[:, 4 * fifth :].any()
    assert refused(command("kd-picture", student, teacher, "-q")).endswith(
        "a run of kd_student, not of kd_teacher"
    )


def test_mistakes_are_one_line(runs: Path, command) -> None:
    teacher, student = (str(folder_of(runs, name)) for name in ("kd_teacher", "kd_student"))
    blind = str(next((runs / "phantom" / "two_lungs").glob("seed0-*")))
    assert "a run of two_lungs; name one of kd_teacher or kd_student" in refused(
        command("kd-choices", blind, "-q")
    )
    assert "its settings are not those of" in refused(command("kd-choices", teacher, student, "-q"))
    assert "there is no folder none" in refused(command("kd-choices", student, "--csv", "none/x.csv"))
    assert "name a finished run's folder" in refused(command("kd-choices", "nowhere"))
    with pytest.raises(wsbench.WsbenchError, match="training depends on alpha; make another run"):
        wsbench.finished.open_runs([student])[0].method(alpha=0.5)
