"""``wsbench describe --measure``: a short training in a process of its own, and two tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import refused
from wsbench.contract import plugins
from wsbench.runs.dry_run import few, short
from wsbench.runs.plan import load_dataset
from wsbench.settings import Settings, TrainingSettings
from wsbench.utils.progress import Silent

SMALL = ["-D", "images=80", "-D", "size=64"]
STUDENT = (
    "kd_student:backbone=resnet18,weights=random,stages=1,resize=32,crop=32,batch_size=16,"
    "mean=[0.5, 0.5, 0.5]"
)
KILLED = """
import os, signal, wsbench

class Killed(wsbench.Method):
    def predict(self, images):
        os.kill(os.getpid(), signal.SIGKILL)

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("killed", "", wsbench.Settings, Killed)]
"""


class Inner(TrainingSettings):
    pass


class Outer(TrainingSettings):
    batch_size: int = 12
    inner: Inner = Inner()


def test_two_methods_are_two_rows_of_two_tables(command) -> None:
    code, out, err = command("describe", "two_lungs", STUDENT, "--measure", "--quiet", *SMALL)
    assert (code, err) == (0, "")
    assert all(len(line) <= 79 for line in out.splitlines())
    words = " ".join(out.split())
    for heading in ("parameters", "MACs", "FLOPs", "file", "median", "p95", "images/s", "predict", "train"):
        assert heading in words
    network, here = out.split("on this machine")
    assert re.search(r"^two_lungs \(default\) +0 +- +- +- +-$", network, re.MULTILINE)
    assert re.search(r"^kd_student \(paper\) +\d+ k +\S+.* M ", network, re.MULTILINE)
    assert "batch_size=16" in network
    for table in (network, here):
        assert len(re.findall(r"^(?:two_lungs|kd_student) ", table, re.MULTILINE)) == 2
    assert "measured on cpu (" in words
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["kd_teacher:stges=1", "--measure"], "kd_teacher has no option 'stges'; did you mean 'stages'?"),
        (["two_lungs", "kd_tacher", "--measure"], "unknown method 'kd_tacher'; did you mean 'kd_teacher'?"),
        (
            ["clarity:teacher={epochs: 1, mean: [0, 0, 0], crop: 0.5},rotation=300", "--measure"],
            "clarity: option rotation=300 is not valid",
        ),
        (["kd_teacher:stages", "--measure"], "option 'stages' must be written name=value"),
        (
            ["kd_teacher", "--measure", "--preset", "qick"],
            "unknown preset of kd_teacher 'qick'; did",
        ),
        (["kd_teacher", "--measure", "-d", "phanton"], "unknown dataset 'phanton'; did you mean 'phantom'?"),
        (
            ["kd_teacher", "-o", "stages=1"],
            "--option, --preset, --dataset, --data-option and --root need --measure",
        ),
        (
            ["kd_teacher", "--measure", "-o", "weights=none.pt", "-q", *SMALL],
            "weights none.pt of resnet50",
        ),
    ],
)
def test_a_mistake_is_one_line(command, words: list[str], line: str) -> None:
    assert line in refused(command("describe", *words))


def test_a_process_that_is_killed_is_one_line(command, tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    line = refused(command("describe", "killed", "--measure", "-q", "--plugin", "killed.py", *SMALL))
    assert line.startswith("killed: the process that measured it was killed: most likely memory ran out")


def test_several_names_are_described_one_after_the_other(command) -> None:
    code, out, _ = command("describe", "kd_teacher", "phantom")
    assert code == 0
    assert out.index("kd_teacher: ") < out.index("\n\nphantom: ")


def test_one_epoch_also_inside() -> None:
    settings = short(Outer(epochs=7, inner=Inner(epochs=9, batch_size=3)))
    assert (settings.epochs, settings.inner.epochs, settings.inner.batch_size) == (1, 1, 3)
    assert short(Settings()) == Settings()


def test_two_batches_from_every_part_of_the_dataset() -> None:
    options = {"images": 600, "size": 64}
    loaded = load_dataset(plugins.find(), "phantom", options, Silent())
    chosen = few(loaded, Outer(batch_size=60))
    assert len(chosen.roles.members["fit"]) == pytest.approx(120, abs=6)
    assert {sample.stratum for sample in chosen.samples} == {sample.stratum for sample in loaded.samples}
    assert few(loaded, Outer(batch_size=1000)).samples == loaded.samples
    assert len(few(loaded, Settings()).samples) == 80
