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
from conftest import refused
from wsbench.contract import plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import store
from wsbench.reports import cases, located, pictures
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


UNBOXED = """

class Unboxed(wsbench.Dataset):
    classes = ("tb",)

    def __init__(self):
        self.samples = tuple(
            wsbench.Sample(name=f"{split}/{n}", split=split, width=40, height=40, labels=("tb",) * (n % 2),
                           content=f"{split}{n}")
            for split in ("train", "test") for n in range(40)
        )

    def read(self, sample, height, width):
        return np.full((height, width), 90, np.uint8)

@wsbench.hookimpl
def wsbench_datasets():
    load = lambda settings, source: Unboxed()
    return [wsbench.DatasetSpec("unboxed", "no boxes", wsbench.Settings, load, computed=True)]
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


def test_peaks_do_not_darken_a_map_and_equal_values_stay_what_they_are() -> None:
    peaked = np.append(np.full(199, 0.05), 1.0)
    assert pictures.brightest_value(peaked, 99) == pytest.approx(0.05)
    assert pictures.brightest_value(peaked, 100) == 1
    assert pictures.brightest_value(np.append(np.zeros(9000), peaked), 99) == pytest.approx(0.05)
    assert pictures.brightest_value(np.full((4, 4), 0.25), 99) == 1
    assert pictures.brightest_value(np.zeros((4, 4)), 99) == 1


@pytest.mark.parametrize(("percentile", "title", "top"), [(99, "map, up to 0.1", 0.1), (100, "map", 1.0)])
def test_an_unsmoothed_gradient_can_be_seen(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, percentile: float, title: str, top: float
) -> None:
    """Every second pixel of a lesion is 0.1, beside one peak."""
    record, loaded, found = run
    (row,) = pictures.drawings(record, loaded, found, pictures.examples(loaded, ("tb",), each=1), Silent())
    values = np.zeros((64, 64))
    values[20:48:2, 20:48:2], values[0, 0] = 0.1, 1.0
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **options: drawn.append(self))
    only = replace(row, maps={"map": (values, row.maps["heatmap"][1])})
    pictures.draw([[only]], tmp_path / "map.png", percentile=percentile)
    panel = drawn[0].axes[0]
    assert panel.get_title() == title
    assert panel.images[1].get_clim() == pytest.approx((0, top))


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
    with pytest.raises(WsbenchError, match="there is nothing to draw: no test image has a box"):
        pictures.draw([], tmp_path / "none.png")
    with pytest.raises(WsbenchError, match="no test image has a box of the classes; name some with --image"):
        pictures.drawings(record, loaded, found, [], Silent())


def test_outcomes_by_hand() -> None:
    present = np.array([True, True, False, False, True])
    scores = np.array([0.9, 0.5, 0.7, 0.1, 0.2])
    found = cases.outcome_of(present, scores, 0.5)
    assert found.tolist() == ["tp", "tp", "fp", "tn", "fn"]
    assert cases.worst_first(found, scores, "tp").tolist() == [1, 0]  # the least sure first
    more = np.array(["fp", "tp", "fp", "fp"])
    assert cases.worst_first(more, np.array([0.6, 1.0, 0.9, 0.6]), "fp").tolist() == [2, 0, 3]


def test_images_by_overlap_by_hand() -> None:
    """Of two truth boxes of 2 x 2 cells one is met, and of the other 1 x 2 cells are common."""
    truth = np.array([[0, 0, 2, 2], [10, 10, 12, 12]])
    predicted = np.array([[0, 0, 2, 2], [11, 10, 13, 12], [50, 50, 60, 60]])
    assert located.overlap(truth, predicted) == pytest.approx((1 + 1 / 3) / 2)
    assert located.overlap(truth, predicted[:0]) == 0
    overlaps = np.array([0.3, 0.9, 0.0, 0.5, 0.3])  # from the best: rows 1, 3, 0, 4, 2
    assert located.places(overlaps, ["best", "median", "worst"], 1) == [1, 0, 2]
    assert located.places(overlaps, ["worst", "best"], 2) == [4, 2, 1, 3]
    assert located.places(overlaps, ["best", "worst"], 4) == [1, 3, 0, 4, 2], "no image twice"
    assert located.places(np.array([]), ["median"], 2) == []


def test_images_are_chosen_by_the_boxes_of_the_run(run) -> None:
    record, loaded, _ = run
    chosen = located.by_overlap(record, loaded, ("tb",), ["best", "worst"], each=1)
    boxes = record.boxes("uniform").set_index("image")[["x0", "y0", "x1", "y1"]]
    means = {}
    for sample in loaded.samples_of("test"):
        if sample.boxes:
            ours = (
                boxes.loc[[sample.name]].to_numpy(float) if sample.name in boxes.index else np.zeros((0, 4))
            )
            truth = np.array([[box.x0, box.y0, box.x1, box.y1] for box in sample.boxes], dtype=float)
            means[sample.name] = located.overlap(truth, ours)
    assert [means[name] for name, _ in chosen] == [max(means.values()), min(means.values())]


def test_cases_are_chosen_by_the_runs_operating_point(run) -> None:
    """Every score is 0.5 and the operating point at most that, so everything is predicted."""
    record, loaded, _ = run
    scores = record.scores()
    present = [n for n in loaded.roles.members["test"] if n.startswith("tb/")]
    assert len(scores) == len(loaded.roles.members["test"])
    chosen = cases.cases(record, loaded, ("tb",), ["tp", "fp"], each=2)
    assert chosen[:2] == [(name, "tb") for name in present[:2]]
    assert len(chosen) == 4
    assert not {name for name, _ in chosen[2:]} & set(present)
    with pytest.raises(WsbenchError, match="no test image is a case of fn; name other --cases"):
        cases.cases(record, loaded, ("tb",), ["fn"], each=2)


def test_the_command_draws_cases_and_runs_on_different_data(run, tmp_path: Path, command) -> None:
    record, _, _ = run
    plugin = ["--plugin", str(tmp_path / "ramp.py"), "-q"]
    first = str(record.folder)
    code, out, err = command("picture", first, "--cases", "tp,fp", "--each", "1", "--sheet", *plugin)
    assert (code, out) == (0, "2 examples in pictures/sheet.png\n"), err
    assert "unknown outcome of --cases 'tq'; did you mean" in refused(
        command("picture", first, "--cases", "tq")
    )
    both = command("picture", first, "--cases", "tp", "--image", "x", *plugin)
    assert "give one of them" in refused(both)
    code, out, err = command(
        "picture", first, "--overlap", "best,median,worst", "--each", "1", "--sheet", *plugin
    )
    assert (code, out) == (0, "3 examples in pictures/sheet.png\n"), err
    assert "did you mean 'worst'" in refused(command("picture", first, "--overlap", "wurst", *plugin))
    both = command("picture", first, "--cases", "tp", "--overlap", "best", *plugin)
    assert "--cases and --overlap: both say which images are drawn" in refused(both)
    other = wsbench.run(
        "ramp", "phantom", data_options={**DATA, "exposure": -1}, runs=tmp_path / "runs",
        plugin_files=[tmp_path / "ramp.py"],
    )  # fmt: skip
    code, out, err = command("picture", first, str(other.folder), "--each", "1", "--sheet", *plugin)
    assert (code, out) == (0, "1 examples in pictures/sheet.png\n"), err


def test_names_say_on_which_data_a_run_was_made(run) -> None:
    record, loaded, found = run
    (row,) = pictures.drawings(record, loaded, found, pictures.examples(loaded, ("tb",), each=1), Silent())
    other = replace(
        record,
        dataset={**record.dataset, "fingerprint": "f", "settings": {**record.dataset["settings"], "size": 9}},
    )
    (first,), (second,) = pictures.with_names_of_data([[row], [row]], [record, other])
    assert (first.run, second.run) == ("ramp on phantom size=64", "ramp on phantom size=9")
    assert pictures.with_names_of_data([[row]], [record]) == [[row]]
    assert pictures.share_images([loaded, loaded])


def test_a_dataset_without_boxes_is_a_line_and_its_cases_are_drawn(tmp_path: Path, command) -> None:
    (tmp_path / "ramp.py").write_text(METHOD + UNBOXED)
    plugin = ["--plugin", str(tmp_path / "ramp.py"), "-q"]
    code, _, err = command("run", "-m", "ramp", "-d", "unboxed", "--no-references", *plugin)
    assert code == 0, err
    (folder,) = (str(path.parent) for path in Path("runs/unboxed/ramp").glob("*/record.json"))
    line = refused(command("picture", folder, *plugin))
    assert "no test image has a box of the classes; name some with --image, or outcomes with --cases" in line
    assert len(line) <= 250
    code, out, err = command("picture", folder, "--cases", "tp", "--each", "1", *plugin)
    assert (code, out) == (0, "1 picture in pictures\n"), err
