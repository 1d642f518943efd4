"""The command line as users meet it: what it prints, how it refuses, with which exit code."""

from __future__ import annotations

import errno
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from conftest import refused
from wsbench.contract import records
from wsbench.errors import as_line

SMALL = ["-d", "phantom", "-D", "images=80"]
TRIED = """
import numpy as np
import wsbench

class Settings(wsbench.Settings):
    fails: bool = False

def note(words):
    with open("order.txt", "a") as file:
        file.write(words + " ")

class Tried(wsbench.Method):
    name = "tried"
    def try_out(self):
        if self.settings.fails:
            raise wsbench.WsbenchError("tried cannot work")
        note("try_out " + self.name)
    def fit(self, fit, select, run):
        note("fit " + self.name)
    def predict(self, images):
        scores = np.full((len(images), len(self.classes)), 0.5)
        return wsbench.Prediction(scores, np.ones((*scores.shape, 4, 4)))

class Teacher(Tried):
    name = "teacher"

@wsbench.hookimpl
def wsbench_methods():
    needs = {"teacher": wsbench.Requirement("teacher", {})}
    return [
        wsbench.MethodSpec("tried", "", Settings, Tried, requires=lambda settings: needs),
        wsbench.MethodSpec("teacher", "", Settings, Teacher),
    ]
"""


def test_list_and_describe(command) -> None:
    code, out, _ = command("list")
    assert code == 0
    assert {"phantom", "tbx11k", "kd_student", "two_lungs", "miou"} <= set(out.split())
    code, out, _ = command("describe", "kd_student")
    assert code == 0
    assert "alpha = 0.75" in out
    assert "epochs = 100   quick:" in out
    assert "uses annotated boxes (paper): Algorithm 1" in out
    assert "[>= 0, <= 1]" in out
    _, out, _ = command("describe", "clarity")
    for ablation in ("segment", "anatomy", "classification_loss", "pooling", "token_loss"):
        assert re.search(rf"^{ablation} = .*\n.*Table 6's\s+ablation", out, re.MULTILINE), ablation
    assert re.search(
        r"p: the last p blocks, whose attention makes the map .*needs\s+no second\s+training", out
    )
    assert all(len(line) <= 79 for line in out.splitlines())
    for name in ("phantom", "miou", "prior_boxes"):
        assert command("describe", name)[0] == 0


def test_nothing_typed_is_help(command) -> None:
    code, out, _ = command()
    assert code == 0
    assert "Usage: wsbench" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run", *SMALL], "Missing option '--method'"),
        (["run", "-m", "kd_studnt", *SMALL], "unknown method 'kd_studnt'; did you mean 'kd_student'?"),
        (["run", "-m", "two_lungs", "-d", "phanton"], "unknown dataset 'phanton'; did you mean 'phantom'?"),
        (["run", "-m", "two_lungs", "--metod", "x", *SMALL], "No such option: --metod"),
        (["run", "-m", "kd_student", "-o", "alpha=2", *SMALL], "kd_student: option alpha=2 is not valid"),
        (
            ["run", "-m", "kd_student", "-o", "alhpa=1", *SMALL],
            "kd_student has no option 'alhpa'; did you mean 'a",
        ),
        (
            ["run", "-m", "kd_student", "--preset", "qick", *SMALL],
            "unknown preset of kd_student 'qick'; did you",
        ),
        (
            ["run", "-m", "two_lungs", "-d", "phantom", "-D", "images=0"],
            "phantom: option images=0 is not val",
        ),
        (
            ["run", "-m", "two_lungs", "-d", "phantom", "-D", "tb=0.8", "-D", "sick=0.5"],
            "tb + sick must not be",
        ),
        (["run", "-m", "two_lungs", "-d", "phantom", "--root", "x"], "phantom is computed and has no --root"),
        (["run", "-m", "two_lungs", "-d", "phantom", "-D", "images=3"], "no image is left for role"),
        (["run", "-m", "two_lungs", "--seeds", "one", *SMALL], "--seeds one: must be whole numbers"),
        (
            ["run", "-m", "two_lungs", "-d", "tbx11k"],
            "tbx11k: no folder is known; give --root FOLDER, set WSB",
        ),
        (["run", "-m", "two_lungs", "-d", "tbx11k", "--root", "none"], "tbx11k: none is not a folder"),
        (
            ["run", "-m", "two_lungs", "-d", "tbx11k", "--root", "."],
            "has no folder imgs; give --root the folder",
        ),
        (
            ["describe", "kd_tacher"],
            "unknown dataset, method, metric or tracker 'kd_tacher'; did you mean 'kd_teacher'?",
        ),
        (["leaderboard", "nowhere"], "nowhere is not a folder"),
        (["leaderboard", ".", "--check"], ". has no records/"),  # a check of nothing must not pass
        (["leaderboard", "."], ". has no records/"),
        (
            ["data", "make", "phantom", "out", "--layout", "tbx"],
            "unknown layout 'tbx'; did you mean 'tbx11k'?",
        ),
        (["data", "make", "phantom", ".", "--layout", "tbx11k"], "is not an empty folder; name another one"),
    ],
)
def test_a_mistake_is_one_line(command, words: list[str], line: str, tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    assert line in refused(command(*words))


def test_no_weights_is_one_line(command, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", unreachable)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    line = refused(command("run", "-m", "kd_student", "--preset", "paper", "-q", *SMALL))
    assert line == (
        "the weights IMAGENET1K_V1 of resnet50 could not be loaded (OSError: network is unreachable); "
        "give -o weights=FILE (its state dict) or -o weights=random"
    )


def test_run_ends_with_a_table_that_has_the_image_blind_rows(command, tmp_path: Path) -> None:
    code, out, err = command("run", "-m", "two_lungs", *SMALL)
    assert code == 0
    lines = out.splitlines()
    for name in ("two_lungs †", "whole_image †", "centre_box †", "random_map †", "prior_boxes †‡"):
        assert any(name in line and line[0].isdigit() for line in lines if line), name
    assert all(len(line) <= 80 for line in lines if "runs/" not in line)
    record = records.load(next(tmp_path.glob("runs/phantom/two_lungs/*/record.json")))
    assert f"{record.value('ap25'):.3f}" in out
    assert "predicting with two_lungs" in err
    assert command("run", "-m", "two_lungs", "--quiet", "--no-references", *SMALL)[2] == ""


def width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


def test_pictures_of_a_run(command, tmp_path: Path) -> None:
    assert command("run", "-m", "two_lungs", "--no-references", "--quiet", *SMALL)[0] == 0
    run = str(next(tmp_path.glob("runs/phantom/two_lungs/*")))
    code, out, _ = command("picture", run, "--each", "1", "--quiet")
    assert (code, out) == (0, "1 picture in pictures\n")
    (path,) = tmp_path.glob("pictures/tb-*.png")
    assert path.stat().st_size > 1000
    assert command("picture", run, "--sheet", "--out", "all", "--quiet")[1] == "2 examples in all/sheet.png\n"
    one = width(tmp_path / "all" / "sheet.png")
    assert command("picture", run, run, "--sheet", "--out", "all", "--quiet")[0] == 0
    assert width(tmp_path / "all" / "sheet.png") == pytest.approx(2 * one, rel=0.05)
    fewer = ["-d", "phantom", "-D", "images=60", "--runs", "other"]
    assert command("run", "-m", "two_lungs", "--no-references", "--quiet", *fewer)[0] == 0
    other = str(next(tmp_path.glob("other/phantom/two_lungs/*")))
    code, out, _ = command("picture", run, other, "--each", "1", "--quiet")
    assert (code, out) == (0, "1 picture in pictures\n")  # side by side, though their data differ
    line = refused(command("picture", run, "--class", "tv"))
    assert line == "unknown class 'tv'; did you mean 'tb'? (known: tb)" or line.startswith(
        "unknown class 'tv'"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["run", "-m", "two_lungs", "--device", "gpu", *SMALL],
        ["run", "-m", "kd_teacher", "--device", "0", *SMALL],
        ["run", "-m", "kd_teacher", "--device", "cuda:7", *SMALL],
        ["sanity", "run", "--device", "cuda:7"],
        ["data", "organs", "phantom", "--device", "cuda:7"],
    ],
)
def test_a_device_is_tried_before_any_data_is_read(
    words: list[str], command, monkeypatch, all_imported
) -> None:
    for reader in ("runs.plan.load_dataset", "contract.records.load"):
        monkeypatch.setattr(
            f"wsbench.{reader}", lambda *_, **__: pytest.fail("data or records were read first")
        )
    assert re.match(r"device '(gpu|0)' is none|device 'cuda:7' cannot be used", refused(command(*words)))


def test_what_the_command_line_says_is_tried_out_once_and_before_other_methods(
    command, tmp_path: Path
) -> None:
    (tmp_path / "tried.py").write_text(TRIED)
    words = ["run", "-m", "tried", "--plugin", "tried.py", "--no-references", "-q", *SMALL]
    assert refused(command(*words, "-o", "fails=True")) == "tried cannot work"
    assert not Path("order.txt").exists()
    assert command(*words)[0] == command(*words)[0] == 0
    assert Path("order.txt").read_text() == "try_out tried try_out teacher fit teacher fit tried "


def test_several_seeds_are_one_row(command, tmp_path: Path) -> None:
    code, out, _ = command("run", "-m", "random_map", "--seeds", "0,1,42", "--no-references", *SMALL)
    assert code == 0
    assert re.search(r"± over 3 seeds +0\.\d{3}", out)
    assert all(len(line) <= 80 for line in out.splitlines() if "runs/" not in line)
    assert len(list(tmp_path.glob("runs/phantom/random_map/*/record.json"))) == 3


def test_a_method_for_which_the_seed_plays_no_part_is_run_once(command, tmp_path: Path) -> None:
    words = ["--seeds", "3,4", "--no-references", "--submit"]
    code, out, _ = command("run", "-m", "two_lungs", *words, *SMALL)
    assert code == 0 and "over 2 seeds" not in out
    (path,) = tmp_path.glob("leaderboards/records/phantom/two_lungs-*.json.xz")
    assert records.load(path).planned_seeds == (3,)


def test_numbers_of_a_row_with_a_long_label_stay_whole(command) -> None:
    options = ["-o", "cells=65", "-o", "width=0.123456789"]
    code, out, _ = command("run", "-m", "centre_box", *options, "--quiet", "--no-references", *SMALL)
    assert code == 0
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines if "runs/" not in line)
    first = next(line for line in lines if "centre_box" in line)
    assert len(re.findall(r" -?\d\.\d{3}(?= |$)", first)) == 6
    assert any(re.match(r" +width=0\.123456789", line) for line in lines)
    assert re.search(r" -?\.\d\d\N{EN DASH}-?\.\d\d", next(line for line in lines if "95 %" in line))


def test_submit_then_leaderboard_then_check(command, tmp_path: Path) -> None:
    assert command("run", "-m", "two_lungs", "--no-references", "--submit", *SMALL)[0] == 0
    assert command("leaderboard", "--check", "-q") == (
        1,
        "leaderboards/phantom.md does not match its records; run `wsbench leaderboard`\n"
        "leaderboards/tables/phantom/uniform.csv does not match its records; run `wsbench leaderboard`\n"
        "leaderboards/tables/phantom/paper.csv does not match its records; run `wsbench leaderboard`\n"
        "leaderboards/tables/phantom/costs.csv does not match its records; run `wsbench leaderboard`\n"
        "1 records match their predictions\n",
        "",
    )
    assert command("leaderboard")[0] == 0
    assert command("leaderboard", "--check", "--no-replay")[0] == 0
    page = tmp_path / "leaderboards" / "phantom.md"
    assert "two_lungs †" in page.read_text()
    page.write_text(page.read_text() + "\n")
    assert command("leaderboard", "--check")[0] == 1


def test_a_full_disk_is_one_line(command, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    line = refused(command("run", "-m", "two_lungs", "--no-references", "-q", *SMALL))
    assert line.startswith("no space is left in runs/phantom/two_lungs/")
    monkeypatch.undo()
    assert command("run", "-m", "two_lungs", "--no-references", "-q", *SMALL)[0] == 0


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "buggy.py").write_text(
        "import wsbench\n"
        "class Settings(wsbench.Settings): pass\n"
        "class Buggy(wsbench.Method):\n"
        "    def predict(self, images): raise RuntimeError('a bug')\n"
        "@wsbench.hookimpl\n"
        "def wsbench_methods(): return [wsbench.MethodSpec('buggy', '', Settings, Buggy)]\n"
    )
    code = "from wsbench.cli import main; main()"
    words = ["run", "-m", "buggy", "--plugin", "buggy.py", "--no-references", *SMALL]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("RuntimeError: a bug")
    assert "Traceback" in done.stderr


def test_a_layout_that_does_not_fit_leaves_no_folder(command, tmp_path: Path) -> None:
    line = refused(command("data", "make", "phantom", "out", "--layout", "nih", "-q", "-D", "images=60"))
    assert line == "ChestX-ray14's layout has no classes tb"
    assert not (tmp_path / "out").exists()


def test_an_error_is_one_printable_line_of_200_characters() -> None:
    assert as_line("a  b\nc") == "a b c"
    assert as_line("name \x1b[2J\ud800") == "name \\x1b[2J\\ud800"
    path = f"/{'long/' * 100}board/records.json"
    line = as_line(f"error: {path}: key: is wrong; name another folder")
    assert len(line) <= 200
    assert line.startswith("error: /long") and line.endswith(
        "records.json: key: is wrong; name another folder"
    )
    log = "/a/very/long/folder/of/somebody/who/likes/folders/evaluations.jsonl"
    advice = "(line 3); fix that line, or move it away"
    assert "/a/very/...evaluations.jsonl: not" in as_line(
        f"error: {log}: not JSON: {'reason, ' * 17}{advice}"
    )
    long = as_line("error: what is wrong, " + "known: a, b " * 10**6 + "; fix it")
    assert len(long) == 200
    assert long.startswith("error: what is wrong") and long.endswith("; fix it")


def test_a_path_that_is_too_long_is_a_line(command) -> None:
    line = refused(command("leaderboard", "x" * 5000))
    assert line.startswith("the path is too long for the name of a file: xxx")
    assert line.endswith("x; use a shorter one")


def test_the_version_is_that_of_the_package(command) -> None:
    assert command("--version") == (0, f"wsbench {importlib.metadata.version('wsbench')}\n", "")
