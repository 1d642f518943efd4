"""Cross-validation from the command to the record: means, folds, pooled scores, and going on after a kill."""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

import wsbench
from conftest import METRICS
from unboxed_examples import unboxed
from wsbench import cli
from wsbench.contract import records
from wsbench.contract.records import Record
from wsbench.reports import leaderboard
from wsbench.reports.roc import curve
from wsbench.reports.rows import Row

PLUGIN = unboxed(
    150,
    """
from pathlib import Path

class Settings(wsbench.Settings):
    stop_at: int = 0

class Brightness(wsbench.Method):
    def fit(self, fit, select, run):
        notes = Path(__file__).with_name("notes")
        notes.write_text((notes.read_text() if notes.exists() else "") + "x")
        if Path(__file__).with_name("stop").exists() and len(notes.read_text()) == 3:
            raise wsbench.WsbenchError("stopped")
        (run.folder / "level").write_text(str(float(fit.pixels(16, 16)[:].mean())))

    def restore(self, run):
        self.level = float((run.folder / "level").read_text())

    def predict(self, images):
        grey = images.pixels(16, 16)[:] / 255.0
        scores = np.clip(0.5 + grey.mean((1, 2)) - self.level / 255, 0, 1)
        return wsbench.Prediction(scores[:, None], grey[:, None])
""",
)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "unboxed.py"
    path.write_text(PLUGIN)
    return path


def validated(plugin: Path) -> Record:
    return wsbench.run("brightness", "unboxed", runs=plugin.parent / "runs", plugin_files=[plugin], folds=5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A finished cross-validation, which no test may change."""
    plugin = tmp_path_factory.mktemp("whole") / "unboxed.py"
    plugin.write_text(PLUGIN)
    return validated(plugin)


def test_values_are_means_of_folds_and_every_image_is_there_once(whole: Record) -> None:
    uniform = whole.protocols["uniform"]
    folds = uniform["metrics"]["auc"]["folds"]
    parts = sorted(whole.folder.parent.glob("seed0-fold*of5-*"))
    assert len(folds) == len(parts) == 5
    assert [records.load(part / records.FILE).value("auc") for part in parts] == folds
    assert whole.value("auc") == pytest.approx(statistics.fmean(folds))
    assert len(set(folds)) > 1
    scores = whole.scores()
    assert sorted(scores["image"]) == [f"{number:04d}" for number in range(150)]
    assert scores["fold"].value_counts().to_dict() == dict.fromkeys(range(1, 6), 30)
    for number, part in enumerate(parts, start=1):
        own = pd.read_csv(part / "scores.csv", dtype={"image": str})
        inside = scores[scores["fold"] == number].drop(columns="fold").reset_index(drop=True)
        pd.testing.assert_frame_equal(inside, own, check_exact=True)


def test_pooled_values_are_those_of_all_images_together(whole: Record) -> None:
    scores, uniform = whole.scores(), whole.protocols["uniform"]
    labels, given = scores["label tb"], scores["score tb"]
    assert uniform["pooled"]["auc"] == pytest.approx(roc_auc_score(labels, given))
    points = [part["operating_points"]["tb"] for part in uniform["calibration"]["folds"]]
    called = given.to_numpy() >= np.array(points)[scores["fold"] - 1]
    assert uniform["pooled"]["accuracy"] == pytest.approx(accuracy_score(labels, called))


def test_without_boxes_protocol_paper_calls_at_the_methods_own_operating_point(whole: Record) -> None:
    scores = whole.scores()
    right = accuracy_score(scores["label tb"], scores["score tb"] >= 0.5)
    assert whole.protocols["paper"]["pooled"]["accuracy"] == pytest.approx(right)
    assert whole.value("boxes_per_image", "paper") == 0


def test_a_killed_cross_validation_goes_on_with_the_fold_it_was_in(plugin: Path, whole: Record) -> None:
    notes, stop = plugin.with_name("notes"), plugin.with_name("stop")
    notes.write_text("")
    stop.touch()
    with pytest.raises(wsbench.WsbenchError, match="stopped"):
        validated(plugin)
    stop.unlink()
    resumed = validated(plugin)
    assert notes.read_text() == "x" * 6
    assert resumed.protocols == whole.protocols
    for name in (records.SCORES, records.BOXES):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    validated(plugin)
    assert notes.read_text() == "x" * 6


def command(plugin: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main([words[0], *words[1:], "--plugin", str(plugin)] if words[0] != "roc" else list(words))
    return stopped.value.code


def test_the_command_shows_every_fold(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = str(plugin.parent / "runs")
    words = ("run", "-m", "brightness", "-d", "unboxed", "--folds", "3", "--runs", runs, "-q")
    assert command(plugin, *words) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.split("report: ")[0].splitlines())) < 80
    table = shown[shown.index("brightness, protocol uniform, fold by fold") :].splitlines()
    record = records.load(next(Path(runs).glob("*/brightness/seed0-3folds-*")) / records.FILE)
    folds = record.protocols["uniform"]["metrics"]["auc"]["folds"]
    assert [line.split()[3] for line in table[2:5]] == [f"{value:.3f}" for value in folds]
    assert table[5].split()[:3] == ["mean", table[5].split()[1], f"{statistics.fmean(folds):.3f}"]
    assert table[6].split()[5 - 1] == f"{statistics.stdev(folds):.3f}"
    assert "± over 3 folds" in shown


def test_one_fold_is_refused(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(plugin, "run", "-m", "brightness", "-d", "unboxed", "--folds", "1") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_fold_is_scored_again_as_itself_and_their_sum_is_not(
    plugin: Path, whole: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = whole.folder.parents[2]
    shutil.copytree(runs, plugin.parent / "copy")
    record = records.load(plugin.parent / "copy" / whole.folder.relative_to(runs) / records.FILE)
    fold = next(record.folder.parent.glob("seed0-fold2of5-*"))
    before = records.load(fold / records.FILE)
    assert command(plugin, "evaluate", str(fold), "-q") == 0
    assert records.load(fold / records.FILE).protocols == before.protocols
    capsys.readouterr()
    assert command(plugin, "evaluate", str(record.folder), "-q") == 2
    assert "sums up 5 runs" in capsys.readouterr().err


def test_rows_and_pages_show_folds(plugin: Path, whole: Record) -> None:
    folds = whole.protocols["uniform"]["metrics"]["auc"]["folds"]
    row = Row((whole,), METRICS)
    assert row.cell("auc", "uniform") == f"{statistics.fmean(folds):.3f} ± {statistics.stdev(folds):.3f}"
    low, high = row.of_networks("auc", "uniform")
    assert low < statistics.fmean(folds) < high
    board = plugin.parent / "boards"
    single = wsbench.run("brightness", "unboxed", runs=plugin.parent / "runs", plugin_files=[plugin])
    paths = {leaderboard.add(one, board) for one in (whole, single)}
    assert len(paths) == 2
    leaderboard.update(board, METRICS)
    page = (board / "unboxed.md").read_text()
    assert "; 5-fold cross-validation. Protocol" in page
    assert page.count("Data `") == 2
    header = next(line for line in page.splitlines() if "pooled auc" in line)
    assert "pooled accuracy" in header


def test_a_curve_by_hand() -> None:
    found = curve(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    assert found.auc == 1.0
    found = curve(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1]))
    assert found.auc == 0.75
    corners = set(zip(found.false_positive_rate.tolist(), found.true_positive_rate.tolist(), strict=True))
    assert {(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)} <= corners
    assert curve(np.ones(3), np.arange(3)) is None


def test_curves_are_drawn_and_an_unknown_class_is_named(
    plugin: Path, whole: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = plugin.parent / "roc.png"
    assert command(plugin, "roc", str(whole.folder), "--out", str(picture)) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert command(plugin, "roc", str(whole.folder), "--class", "tbb") == 2
    assert "did you mean 'tb'" in capsys.readouterr().err
