"""Numbers behind figures: by hand, and against scikit-learn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from conftest import box, table
from records_examples import example
from wsbench.contract import plugins
from wsbench.geometry.box_table import BoxTable
from wsbench.reports.plots import RunData, losses, places, reliability
from wsbench.reports.plots.groups import sizes_of
from wsbench.reports.plots.points import Absent
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.intervals import at_edge


def test_reliability_against_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    scores = generator.random(300)
    scores[:4] = 0.0, 0.1, 0.3, 1.0  # at edges of bins
    labels = generator.random(300) < scores**2
    method = reliability.reliability("net", labels[None, :, None], scores[None, :, None], None)
    frequency, mean = calibration_curve(labels, scores, n_bins=10)
    assert method.frequency == pytest.approx(frequency)
    assert method.score == pytest.approx(mean)
    assert method.count.sum() == 300


def test_reliability_by_hand() -> None:
    labels = np.array([[1], [0], [0], [1]], dtype=bool)
    scores = np.array([[0.15], [0.2], [0.9], [1.0]])
    draws = Resamples.draw(range(4), 200, seed=0)
    method = reliability.reliability("net", np.stack([labels, labels]), np.stack([scores, scores]), draws)
    assert method.count.tolist() == [0, 4, 0, 0, 0, 0, 0, 0, 2, 2]
    assert method.frequency[[1, 8, 9]].tolist() == [0.5, 0.0, 1.0]
    assert method.score[[1, 8, 9]].tolist() == pytest.approx([0.175, 0.9, 1.0])
    assert np.isnan(method.frequency[0])
    # A bin of one image has the interval of Clopper and Pearson, though every draw has the same share.
    assert (method.low[8], method.high[8]) == at_edge(0.0, 1)
    assert (method.low[9], method.high[9]) == at_edge(1.0, 1)


def test_bins_of_scores() -> None:
    assert reliability.score_bins(np.array([0, 0.05, 0.1, 0.1001, 0.95, 1])).tolist() == [0, 0, 0, 1, 9, 9]


def test_sizes_are_thirds_by_share_of_the_image() -> None:
    sides = [10, 20, 30, 40, 50, 60]
    scored = table([[box(0, 0, side, side)] for side in sides], [[] for _ in sides])
    assert sizes_of(scored).tolist() == [0, 0, 1, 1, 2, 2]


def test_cells_hold_the_centres_of_boxes() -> None:
    boxes = [[box(0, 0, 10, 10), box(90, 0, 100, 10)], [box(0, 150, 20, 200)]]
    truth = BoxTable.of(boxes, ("tb",))
    cells = places.counted(truth, np.array([[100, 100], [200, 200]]), np.array([1.0, 0.5, 0.25]))
    assert cells[0, 0] == 1.0
    assert cells[0, 7] == 0.5
    assert cells[7, 0] == 0.25  # its centre is at 7/8 of the height
    assert cells.sum() == 1.75


def trained(folder: Path, history: str, key: str = "abc") -> RunData:
    """A run with a history and no weights."""
    (folder / "run" / "fit").mkdir(parents=True)
    (folder / "run" / "fit" / "history.csv").write_text(history)
    (folder / "run" / "fit" / "stage.json").write_text(json.dumps({"key": key, "done": True}))
    record = example(training="abc")
    object.__setattr__(record, "folder", folder / "run")
    return RunData(record, plugins.find())


HISTORY = "epoch,seconds,fit_loss,select_loss\n0,1.0,0.7,0.9\n1,1.0,0.5,0.4\n2,1.0,0.4,0.6\n"


def test_losses_by_hand(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    run = trained(tmp_path, HISTORY)
    panels = losses.losses([run])
    assert not isinstance(panels, Absent)
    assert [panel.title for panel in panels] == ["fit_loss", "select_loss"]
    (line,) = panels[1].lines
    assert line.x.tolist() == [1, 2, 3]
    assert line.y.tolist() == [0.9, 0.4, 0.6]
    assert line.marks == ()  # no weights, so nobody knows
    (tmp_path / "run" / "fit" / "last.ckpt").touch()
    (panel, *_) = losses.losses([run])
    assert panel.lines[0].marks == ((3.0, 0.4),)
    torch.save({"epoch": 1, "state_dict": {}}, tmp_path / "run" / "fit" / "best.ckpt")
    _, panel = losses.losses([run])
    assert panel.lines[0].marks == ((2.0, 0.4),)
    (tmp_path / "run" / "fit" / "best.ckpt").write_bytes(b"damaged")
    _, panel = losses.losses([run])
    assert panel.lines[0].marks == ()


def test_a_training_that_another_run_did(tmp_path: Path) -> None:
    run = trained(tmp_path, HISTORY)
    (tmp_path / "run").rename(tmp_path / "first")
    (tmp_path / "run").mkdir()
    assert losses.training_folder(run) == tmp_path / "first" / "fit"
    (tmp_path / "first" / "fit" / "stage.json").write_text('{"key": "other"}')
    assert losses.training_folder(run) is None
    assert losses.losses([run]) == Absent(losses.NO_HISTORY)


@pytest.mark.parametrize("text", ["", "no table\x00", "a,b\n1,2\n", "epoch,fit_loss\nx,y\n"])
def test_a_damaged_history_is_left_out(tmp_path: Path, text: str) -> None:
    assert losses.losses([trained(tmp_path, text)]) == Absent(losses.NO_HISTORY)
