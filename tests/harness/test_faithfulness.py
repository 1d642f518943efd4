"""Faithfulness of runs: a map of what the score depends on passes and its opposite fails, beside three maps
that show nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import wsbench
from conftest import METRICS
from records_examples import example, lines_of
from wsbench.cli import main
from wsbench.contract import plugins, records
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.studies.sanity import checks
from wsbench.studies.sanity.faithfulness import FILE, measure
from wsbench.studies.sanity.probe import MAPS, Question
from wsbench.utils.progress import Lines, Silent

DATA = {"images": 60, "size": 64}
METHODS = """
from pathlib import Path
import numpy as np, wsbench
from torch import nn

class Settings(wsbench.Settings):
    pass

class Spot(wsbench.Method):
    "Its score is the mean of a quarter of the image, and its map that quarter."
    def where(self):
        marked = np.zeros((8, 8))
        marked[2:6, 2:6] = 1
        return marked

    def networks(self):
        return {"net": nn.Linear(1, 1)}

    def predict(self, images):
        with Path("asked.txt").open("a") as file:
            file.write(f"{len(images)} {images.names[0]}" + chr(10))
        grey = images.pixels(16, 16)[:] / 255
        scores = grey[:, 4:12, 4:12].mean((1, 2))[:, None]
        return wsbench.Prediction(scores, np.repeat(self.where()[None, None], len(images), axis=0))

class Detail(Spot):
    "Its score is the contrast of neighbours in that quarter, which imputation removes."
    def predict(self, images):
        grey = images.pixels(32, 32)[:][:, 8:24, 8:24] / 255
        scores = np.abs(np.diff(grey, axis=2)).mean((1, 2))[:, None]
        return wsbench.Prediction(scores, np.repeat(self.where()[None, None], len(images), axis=0))

class Opposite(Spot):
    def where(self):
        return 1 - super().where()

class Constant(Spot):
    def where(self):
        return np.zeros((8, 8))

class Boxes(Spot):
    def predict(self, images):
        return wsbench.Prediction(super().predict(images).scores, boxes=[[] for _ in images.names])

@wsbench.hookimpl
def wsbench_methods():
    built = {"spot": Spot, "detail": Detail, "opposite": Opposite, "constant": Constant, "boxes": Boxes}
    return [wsbench.MethodSpec(name, "", Settings, build) for name, build in built.items()]
"""
ALL = Question(("road", "insertion", "deletion"), 32)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "methods.py"
    path.write_text(METHODS)
    return path


def run(name: str, plugin: Path) -> Record:
    return wsbench.run(name, "phantom", data_options=DATA, plugin_files=[plugin])


def measured(record: Record, plugin: Path, question: Question = ALL, images: int | None = None) -> dict:
    assert record.folder is not None
    after = measure(record.folder, plugins.find([plugin]), Silent(), question, images=images, device="cpu")
    return dict(after.sanity["faithfulness"])


def asked() -> int:
    return len(Path("asked.txt").read_text().splitlines())


def test_deletion_favours_a_faithful_map_and_not_its_opposite(plugin: Path) -> None:
    question = Question(("deletion",), 32)
    good = measured(run("spot", plugin), plugin, question)["measures"]["deletion"]
    bad = measured(run("opposite", plugin), plugin, question)["measures"]["deletion"]
    for less in ("less_blank", "less_random"):
        assert max(good[less]["interval"]) < 0
        assert min(bad[less]["interval"]) > 0
    for which in ("blank", "prior"):
        assert good[which] == bad[which]


def test_road_favours_a_faithful_map(plugin: Path) -> None:
    result = measured(run("detail", plugin), plugin, Question(("road",), 32))["measures"]
    assert list(result) == ["road_most", "road_least", "road"]
    assert list(result["road"]) == [*MAPS, "less_blank", "less_random", "less_prior"]
    for less in ("less_blank", "less_random"):
        assert min(result["road"][less]["interval"]) > 0
    assert result["road_most"]["map"]["value"] < result["road_least"]["map"]["value"]


def test_a_constant_map_is_the_blank_map_and_is_counted(plugin: Path) -> None:
    result = measured(run("constant", plugin), plugin)
    assert result["constant"] == result["maps"] > 0
    for of_measure in result["measures"].values():
        assert of_measure["map"] == of_measure["blank"] != of_measure["random"]
        assert of_measure["less_blank"] == {"value": 0.0, "interval": [0.0, 0.0]}


def test_two_runs_are_equal_and_what_was_measured_is_kept(plugin: Path) -> None:
    record = run("spot", plugin)
    before = asked()
    first = measured(record, plugin, images=3)
    assert asked() - before == 3 * (1 + 3 * 4)  # an image, then three measures of four maps
    assert first["cpu_seconds"] > 0
    assert measured(record, plugin, images=3) == first
    assert asked() - before == 39
    measured(record, plugin, images=5)
    assert asked() - before == 39 + 26
    (record.folder / FILE).unlink()
    again = measured(record, plugin, images=3)
    assert {**again, "cpu_seconds": 0} == {**first, "cpu_seconds": 0}
    # each measure alone gives the same, and another size starts anew
    alone = measured(record, plugin, Question(("deletion",), 32), images=3)
    assert alone["measures"] == {"deletion": first["measures"]["deletion"]}
    larger = measured(record, plugin, Question(("deletion",), 48), images=3)
    assert larger["measures"] != alone["measures"]
    assert records.load(record.folder / records.FILE).sanity["faithfulness"] == larger


def test_the_cost_is_said_before_the_long_work(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = run("spot", plugin)
    measure(record.folder, plugins.find([plugin]), Lines(), ALL, images=2, device="cpu")
    assert "CPU seconds an image at 32 pixels; about 0.0 minutes for the 1 others" in capsys.readouterr().err


def test_checks_and_faithfulness_keep_each_other(plugin: Path) -> None:
    record = run("spot", plugin)
    kept = measured(record, plugin, images=2)
    found = plugins.find([plugin])
    checked = checks.run_checks(record.folder, found, Silent(), checks=["parameters"], device="cpu").record
    assert checked.sanity["faithfulness"] == kept
    measured(record, plugin, images=2)
    sanity = records.load(record.folder / records.FILE).sanity
    assert (sanity["checks"], sanity["images"]) == (checked.sanity["checks"], checked.sanity["images"])
    assert run("spot", plugin).sanity == sanity


def test_mistakes_are_one_line(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spot, boxes = run("spot", plugin), run("boxes", plugin)
    blind = wsbench.run("two_lungs", "phantom", data_options=DATA)
    for record, words, line in (
        (spot, ["raod"], "unknown measure of faithfulness 'raod'; did you mean 'road'?"),
        (spot, ["road", "--size", "8"], "--size 8 must be from 32 to 1024 pixels; 128 is usual"),
        (spot, ["road", "--images", "99"], "--images 99: the test role has "),
        (boxes, ["road"], "boxes predicts boxes and no maps by which pixels could be removed"),
        (blind, ["road"], "two_lungs never looks at the image"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["sanity", str(record.folder), "--plugin", str(plugin), "-q", "--faithfulness", *words])
        assert end.value.code == 2
        err = capsys.readouterr().err
        assert line in err
        assert len(err.splitlines()) == 1


def test_another_programs_predictions_are_refused(plugin: Path) -> None:
    record = run("spot", plugin)
    external = replace(record, method={**record.method, "preset": "external"})
    records.write(external, record.folder / records.FILE)
    with pytest.raises(WsbenchError, match="which cannot be asked about a changed image"):
        measured(record, plugin)


def test_the_command_prints_every_map_and_the_cost(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = run("spot", plugin)
    words = ["--faithfulness", "road,deletion", "--images", "2", "--size", "32", "--device", "cpu", "-q"]
    with pytest.raises(SystemExit) as end:
        main(["sanity", str(record.folder), "--plugin", str(plugin), *words])
    assert end.value.code == 0
    out = capsys.readouterr().out
    for word in (
        "method's map",
        "blank map",
        "random map",
        "boxes of calibrate",
        "map less blank",
        "CPU seconds",
    ):
        assert word in out
    assert "insertion  " not in out
    assert records.load(record.folder / records.FILE).sanity["checks"] == {}


def faithful(seed: int, value: float | None) -> Record:
    maps = {name: {"value": value, "interval": None} for name in MAPS}
    result = {"size": 64, "images": 2, "maps": 2, "cpu_seconds": 1.0, "measures": {"road": maps}}
    return replace(example(seed=seed), sanity={"images": 2, "maps": 2, "checks": {}, "faithfulness": result})


def test_tables_show_faithfulness_of_the_records_that_have_it() -> None:
    assert lines_of([example(seed=0), example(seed=1)], "faithfulness", METRICS) == []
    records = [faithful(0, 0.25), faithful(1, 0.75), example(seed=2)]
    line = lines_of(records, "faithfulness", METRICS)[0]
    words = ["1", "net (quick)", "0, 1", "64"]
    assert list(line.values()) == [*words, "the method's", "0.500", "-", "-", "-", "-"]
    assert lines_of(records, "sanity", METRICS) == []
    line = lines_of([faithful(0, 0.25), faithful(1, None)], "faithfulness", METRICS)[-1]
    assert list(line.values()) == [*words, "boxes of calibrate", "-", "-", "-", "-", "-"]
