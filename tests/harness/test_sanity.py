"""Sanity checks of runs: a map that ignores its network is found, and what is measured stays with the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wsbench
from conftest import METRICS
from records_examples import example, lines_of
from wsbench.cli import main
from wsbench.contract import plugins, records
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.runs import rescoring
from wsbench.studies.sanity import checks, pictures
from wsbench.utils.progress import Silent

DATA = {"images": 80, "size": 64}
METHODS = """
from pathlib import Path
import numpy as np, torch, wsbench
from torch import nn

class Settings(wsbench.Settings):
    pass

class Template(wsbench.Method):
    "Learns the mean difference of images with and without the class; its map is image times template."
    def fit(self, fit, select, run):
        with Path("fits.txt").open("a") as file:
            file.write(run.method + chr(10))
        grey, present = fit.pixels(8, 8)[:] / 255, fit.labels[:, 0] == 1
        weight = grey[present].mean(0) - grey[~present].mean(0)
        torch.save(torch.tensor(weight.ravel()[None], dtype=torch.float32), run.folder / "weight.pth")

    def restore(self, run):
        self.network = nn.Linear(64, 1)
        with torch.no_grad():
            self.network.weight.copy_(torch.load(run.folder / "weight.pth"))
            self.network.bias.fill_(0.1)

    def networks(self):
        return {"template": self.network}

    def maps(self, grey):
        return np.abs(grey * self.network.weight.detach().numpy().reshape(8, 8))

    def predict(self, images):
        grey = images.pixels(8, 8)[:] / 255
        with torch.inference_mode():
            inputs = torch.tensor(grey.reshape(len(grey), 64), dtype=torch.float32)
            scores = self.network(inputs).sigmoid().numpy()
        maps = self.maps(grey)
        return wsbench.Prediction(scores, (maps / maps.max(axis=(1, 2), keepdims=True))[:, None])

class Brightness(Template):
    "Its map ignores the network."
    def maps(self, grey):
        return grey

class Constant(Template):
    def maps(self, grey):
        return np.ones_like(grey)

class Boxes(Template):
    def predict(self, images):
        scores = super().predict(images).scores
        return wsbench.Prediction(scores, boxes=[[] for _ in images.names])

def spec(name, build, **values):
    return wsbench.MethodSpec(name, "", Settings, build, **values)

@wsbench.hookimpl
def wsbench_methods():
    return [
        spec("template", Template), spec("brightness", Brightness), spec("constant", Constant),
        spec("boxes", Boxes), spec("boxed", Template, box_supervision=wsbench.BoxSupervision.FIT),
    ]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "methods.py"
    path.write_text(METHODS)
    return path


def run(name: str, plugin: Path) -> Record:
    return wsbench.run(name, "phantom", data_options=DATA, plugin_files=[plugin])


def measured(record: Record, plugin: Path, *names: str, images: int = 50) -> checks.Sanity:
    assert record.folder is not None
    found = plugins.find([plugin])
    return checks.run_checks(
        record.folder, found, Silent(), checks=names or checks.DEFAULT, images=images, device="cpu"
    )


def by_what(record: Record) -> dict[str, dict]:
    return {row["what"]: dict(row) for row in checks.rows_of(record)}


def test_a_map_that_ignores_its_network_is_found(plugin: Path) -> None:
    record = run("brightness", plugin)
    rows = by_what(measured(record, plugin, *checks.CHECKS).record)
    for what in ("output layer", "all parameters", "random labels"):
        for name in ("spearman", "ssim", "hog"):
            assert rows[what][name] == {"value": 1.0, "interval": [1.0, 1.0]}
    assert 0 < rows["another image"]["ssim"]["value"] < 0.99


def test_a_map_that_depends_on_its_network_changes(plugin: Path) -> None:
    record = run("template", plugin)
    done = measured(record, plugin, *checks.CHECKS)
    rows = by_what(done.record)
    assert list(rows) == [*checks.STAGES.values(), "all parameters", "random labels", "another image"]
    for what in ("output layer", "all parameters", "random labels"):
        low, high = rows[what]["spearman"]["interval"]
        assert low <= rows[what]["spearman"]["value"] <= high < 0.6
        assert rows[what]["undefined"] == 0
    # one layer: every stage of the cascade is the whole network
    assert {**rows["output layer"], "check": "", "what": ""} == {
        **rows["all parameters"],
        "check": "",
        "what": "",
    }
    assert (done.original.maps == measured(record, plugin, "parameters").original.maps).all()


def test_results_are_a_function_of_the_record_and_stay_with_it(plugin: Path) -> None:
    record = run("template", plugin)
    before = (record.folder / records.FILE).read_text()
    assert "sanity" not in before
    checked = measured(record, plugin).record
    assert records.load(record.folder / records.FILE) == checked
    (record.folder / records.SANITY).unlink()
    records.write(record, record.folder / records.FILE)
    assert (record.folder / records.FILE).read_text() == before
    assert measured(record, plugin).record.sanity == checked.sanity
    assert run("template", plugin).sanity == checked.sanity
    rescored = rescoring.rescore(record.folder, plugins.find([plugin]), Silent())
    assert rescored.sanity == checked.sanity
    # those of other predictions are nobody's
    assert records.sanity_of(record.folder, "other") == {}


def test_checks_add_up_on_the_same_images_and_start_anew_on_others(plugin: Path) -> None:
    record = run("template", plugin)
    assert set(measured(record, plugin, "parameters").record.sanity["checks"]) == {"parameters", "reference"}
    both = measured(record, plugin, "labels").record.sanity
    assert set(both["checks"]) == {"parameters", "labels", "reference"}
    fewer = measured(record, plugin, "labels", images=2).record.sanity
    assert set(fewer["checks"]) == {"labels", "reference"}
    assert (fewer["images"], fewer["maps"]) == (2, 2)


def test_random_labels_are_learnt_once_and_tell_no_tracker(plugin: Path, tmp_path: Path) -> None:
    plugin.write_text(
        METHODS
        + """
@wsbench.hookimpl
def wsbench_run_started(run):
    with Path("started.txt").open("a") as file:
        file.write(run.method + chr(10))
"""
    )
    record = run("template", plugin)
    measured(record, plugin, "labels")
    assert Path("fits.txt").read_text() == "template\n" * 2
    measured(record, plugin, "labels")
    assert Path("fits.txt").read_text() == "template\n" * 2
    assert Path("started.txt").read_text() == "template\n"
    own = record.folder / "fit" / "weight.pth"
    (other,) = (record.folder / checks.RANDOM_LABELS).rglob("weight.pth")
    assert own.read_bytes() != other.read_bytes()


def test_images_are_the_first_by_name_that_have_a_class(plugin: Path) -> None:
    record = run("template", plugin)
    subject = measured(record, plugin, "parameters", images=3).subject
    present = [sample.name for sample in subject.job.loaded.samples_of("test") if sample.labels]
    assert [sample.name for sample in subject.samples] == sorted(present)[:3]
    assert (subject.rows.tolist(), subject.columns.tolist()) == ([0, 1, 2], [0, 0, 0])


def test_constant_maps_are_counted_and_have_no_mean(plugin: Path) -> None:
    record = measured(run("constant", plugin), plugin, "parameters").record
    row = by_what(record)["all parameters"]
    assert row["spearman"] == row["hog"] == {"value": None, "interval": None}
    assert row["undefined"] == record.sanity["maps"] > 0


@pytest.mark.parametrize(
    ("name", "checks", "words"),
    [
        ("boxes", ["parameters"], "boxes predicts boxes and no maps"),
        ("boxed", ["labels"], "boxed learns from boxes, which random labels would not change"),
    ],
)
def test_what_cannot_be_checked_is_refused(plugin: Path, name: str, checks: list[str], words: str) -> None:
    with pytest.raises(WsbenchError, match=words):
        measured(run(name, plugin), plugin, *checks)


def test_a_training_that_is_gone_is_named(plugin: Path) -> None:
    record = run("template", plugin)
    (record.folder / "fit").rename(record.folder / "elsewhere")
    with pytest.raises(WsbenchError, match="its training was deleted; rerun the command"):
        measured(record, plugin)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_picture_has_a_panel_an_image_and_condition(plugin: Path, tmp_path: Path) -> None:
    done = measured(run("template", plugin), plugin, "parameters")
    assert pictures.draw(done, tmp_path / "one.png") == pictures.ROWS
    none = replace(done.conditions[0], maps=np.zeros_like(done.original.maps))
    pictures.draw(replace(done, conditions=[none]), tmp_path / "constant.png")
    pictures.draw(replace(done, conditions=[*done.conditions, none]), tmp_path / "two.png")
    drawn = {path.stem: pixels(path) for path in tmp_path.glob("*.png")}
    assert drawn["one"].shape == drawn["constant"].shape
    assert drawn["two"].shape[1] == pytest.approx(drawn["one"].shape[1] * 4 / 3, abs=2)
    # maps are in colour; a constant one is grey
    right = drawn["one"].shape[1] * 2 // 3 + 5
    assert np.ptp(drawn["one"][:, right:], axis=2).max() > 100
    assert np.ptp(drawn["constant"][:, right:], axis=2).max() == 0


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(words)
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


def test_the_command_on_a_student_and_its_teacher(capsys, tmp_path: Path) -> None:
    small = ["-o", "epochs=1", "-o", "resize=32", "-o", "crop=32", "-o", "batch_size=16"]
    data = ["-d", "phantom", "-D", "images=80", "-D", "size=64"]
    code, out, _ = command(capsys, "run", "-m", "kd_student", *data, *small, "--no-references", "-q")
    assert code == 0
    folder = out.splitlines()[-1].split(": ")[1]
    chosen = ["--check", "cascade", "--check", "labels"]
    words = [folder, *chosen, "--images", "3", "--picture", "maps.png", "--device", "cpu", "-q"]
    code, out, _ = command(capsys, "sanity", *words)
    assert code == 0
    assert all(len(line) <= 79 for line in out.splitlines())
    for what in (*checks.STAGES.values(), "all parameters", "random labels", "another image"):
        assert what in out
    assert "3 test images, 3 maps" in out
    assert "3 examples in maps.png" in out
    assert Path("maps.png").exists()
    trained = {path.parts[-3] for path in (Path(folder) / checks.RANDOM_LABELS).rglob("fit")}
    assert trained == {"kd_student", "kd_teacher"}  # no teacher gives the true labels away
    assert set(records.load(Path(folder) / records.FILE).sanity["checks"]) == {*checks.CHECKS, "reference"}


def test_mistakes_are_one_line(capsys, plugin: Path) -> None:
    record = wsbench.run("two_lungs", "phantom", data_options=DATA)
    folder = str(record.folder)
    for words, line in (
        (["nowhere"], "name a finished run's folder"),
        ([folder], "error: two_lungs has no networks whose parameters could be random"),
        ([folder, "--check", "parmeters"], "error: unknown check 'parmeters'; did you mean 'parameters'?"),
    ):
        code, _, err = command(capsys, "sanity", *words, "-q")
        assert code == 2
        assert line in err
        assert len(err.splitlines()) == 1


def checked(seed: int, value: float | None) -> Record:
    measure = {"value": value, "interval": None}
    row = {"spearman": measure, "ssim": measure, "hog": measure, "undefined": 2}
    return replace(example(seed=seed), sanity={"maps": 9, "checks": {"parameters": [row]}})


def test_tables_show_checks_of_the_records_that_have_them() -> None:
    assert lines_of([example(seed=0), example(seed=1)], "sanity", METRICS) == []
    (line,) = lines_of([checked(0, 0.25), checked(1, 0.75), example(seed=2)], "sanity", METRICS)
    words = ["1", "net (quick)", "0, 1", "all parameters"]
    assert list(line.values()) == [*words, "0.500", "0.500", "0.500", "4 of 18"]
    (line,) = lines_of([checked(0, 0.25), checked(1, None)], "sanity", METRICS)
    assert list(line.values()) == [*words, "-", "-", "-", "4 of 18"]
