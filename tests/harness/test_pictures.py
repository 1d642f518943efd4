"""Pictures of a run: what they show is what was scored."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import wsbench
from wsbench.contract import plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import store
from wsbench.reports import pictures
from wsbench.runs.rescoring import dataset_of
from wsbench.utils.progress import Silent

DATA = {"images": 80, "size": 64}
METHOD = """
import numpy as np, wsbench

class Settings(wsbench.Settings):
    pass

class Ramp(wsbench.Method):
    def fit(self, fit, select, run):
        (run.folder / "level").write_text("0.25")

    def restore(self, run):
        self.level = float((run.folder / "level").read_text())

    def predict(self, images):
        ramp = np.linspace(0, 1, 16).reshape(4, 4)
        maps = np.broadcast_to(ramp, (len(images), 1, 4, 4))
        return wsbench.Prediction(np.full((len(images), 1), 0.5), maps)

    def inner_maps(self, images):
        return {"level": np.full((len(images), 1, 2, 2), self.level)}

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("ramp", "brighter downwards", Settings, Ramp)]
"""


@pytest.fixture
def run(tmp_path: Path) -> tuple[Record, Loaded, plugins.Plugins]:
    path = tmp_path / "ramp.py"
    path.write_text(METHOD)
    found = plugins.find([path])
    record = wsbench.run("ramp", "phantom", data_options=DATA, runs=tmp_path / "runs", plugin_files=[path])
    return record, dataset_of(record, found, Silent(), None), found


def test_a_row_holds_what_was_scored(run) -> None:
    record, loaded, found = run
    wanted = pictures.examples(loaded, ("tb",), each=2)
    rows = pictures.drawings(record, loaded, found, wanted, Silent())
    names, prediction = store.read_role(record.folder / "predict", "test", ("tb",))
    boxes = record.boxes().query("protocol == 'uniform'")
    for row, (name, label) in zip(rows, wanted, strict=True):
        assert (row.run, row.sample.name, row.label) == ("ramp", name, label)
        assert list(row.maps) == ["level", "heatmap"]
        assert (row.maps["level"][0] == 0.25).all()
        assert (row.maps["heatmap"][0] == prediction.heatmaps[names.index(name), 0]).all()
        mine = boxes[boxes["image"] == name][["x0", "y0", "x1", "y1"]].to_numpy()
        assert len(mine) > 0
        assert (row.boxes == mine).all()


def test_examples_are_the_first_with_a_box_whatever_was_predicted(run) -> None:
    _, loaded, _ = run
    boxed = [s.name for s in loaded.samples_of("test") if s.boxes]
    assert pictures.examples(loaded, ("tb",), each=3) == [(name, "tb") for name in boxed[:3]]


def colours(path: Path) -> tuple[int, int]:
    """Pixels that are green and red beyond what maps are drawn in."""
    red, green, blue = np.moveaxis(np.asarray(Image.open(path).convert("RGB")).astype(int), 2, 0)
    return int(((green > 180) & (red < 80)).sum()), int(((red > 230) & (green < 20) & (blue < 20)).sum())


def test_truth_is_green_and_predictions_are_red(run, tmp_path: Path) -> None:
    record, loaded, found = run
    (row,) = pictures.drawings(record, loaded, found, pictures.examples(loaded, ("tb",), each=1), Silent())
    pictures.draw([[row]], tmp_path / "both.png")
    green, red = colours(tmp_path / "both.png")
    assert green > 50
    assert red > 50
    pictures.draw([[replace(row, boxes=row.boxes[:0])]], tmp_path / "truth.png")
    assert colours(tmp_path / "truth.png")[1] == 0
    pictures.draw([[replace(row, sample=replace(row.sample, boxes=()))]], tmp_path / "found.png")
    assert colours(tmp_path / "found.png")[0] == 0


def test_runs_stand_side_by_side_or_below_each_other_with_their_boxes_in_one_column(
    run, tmp_path: Path
) -> None:
    record, loaded, found = run
    (row,) = pictures.drawings(record, loaded, found, pictures.examples(loaded, ("tb",), each=1), Silent())
    bare = replace(row, maps={})
    drawn = {}
    for below in (False, True):
        path = tmp_path / f"{below}.png"
        pictures.draw([[row, bare]], path, below=below)
        with Image.open(path) as image:
            drawn[below] = np.asarray(image.convert("RGB"))
    (height, width, _), (twice, narrow, _) = drawn[False].shape, drawn[True].shape
    count = len(row.maps) + 1
    assert width / narrow == pytest.approx((count + 1) / count, rel=0.02)
    assert twice == pytest.approx(2 * height, rel=0.02)
    lower = drawn[True][twice // 2 :]
    split = narrow * (count - 1) // count
    assert (lower[:, : split - 20] == 255).all()  # only the last column is used by a run without maps
    assert (lower[:, split:] < 255).any()


def test_titles_stay_above_their_panels(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, loaded, found = run
    (row,) = pictures.drawings(record, loaded, found, pictures.examples(loaded, ("tb",), each=1), Silent())
    long = replace(row, run="cam (quick) " + " ".join(f"setting_{k}=value_of_it" for k in range(8)))
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **options: drawn.append(self))
    pictures.draw([[row, long]], tmp_path / "long.png")
    (figure,) = drawn
    figure.draw_without_rendering()
    titles = [axes.title.get_window_extent() for axes in figure.axes]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(titles))
    assert all(title.x0 >= 0 and title.y1 <= figure.bbox.y1 for title in titles)
    assert all(axes.get_window_extent().height > 1.5 * figure.dpi for axes in figure.axes)


def test_mistakes_are_one_line(run, tmp_path: Path) -> None:
    record, loaded, found = run
    name = loaded.roles.members["test"][0]
    for wanted, line in (
        ([("tb/000", "tb")], "unknown test image 'tb/000'; did you mean 'tb/"),
        ([(name, "tv")], "unknown class 'tv'; did you mean 'tb'"),
    ):
        with pytest.raises(WsbenchError, match=line):
            pictures.drawings(record, loaded, found, wanted, Silent())
    with pytest.raises(WsbenchError, match="unknown protocol of this run 'paper'"):
        pictures.drawings(record, loaded, found, [(name, "tb")], Silent(), "paper")
    with pytest.raises(WsbenchError, match="there is nothing to draw"):
        pictures.draw([], tmp_path / "none.png")
