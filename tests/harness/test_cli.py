"""The command line as users meet it: what it prints, how it refuses, with which exit code."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from conftest import refused
from wsbench import records

SMALL = ["-d", "phantom", "-D", "images=80"]


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
    assert re.search(r"p: last blocks whose attention is the map .*needs no second\s+training", out)
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
        (["run", "-m", "kd_student", "-o", "alpha=2", *SMALL], "kd_student: option alpha=2 is not possible"),
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
            "phantom: option images=0 is not pos",
        ),
        (
            ["run", "-m", "two_lungs", "-d", "phantom", "-D", "tb=0.8", "-D", "sick=0.5"],
            "tb + sick must not be",
        ),
        (["run", "-m", "two_lungs", "-d", "phantom", "--root", "x"], "phantom is computed; it has no --root"),
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
            "unknown dataset, method or metric 'kd_tacher'; did you mean 'kd_teacher'?",
        ),
        (["leaderboard", "nowhere"], "nowhere is not a folder"),
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
        "the weights IMAGENET1K_V1 of resnet50 cannot be had (OSError: network is unreachable); "
        "give -o weights=FILE (a state dict of it) or -o weights=random"
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
    assert (code, out) == (0, "1 pictures in pictures\n")
    (path,) = tmp_path.glob("pictures/tb-*.png")
    assert path.stat().st_size > 1000
    assert command("picture", run, "--sheet", "--out", "all", "--quiet")[1] == "2 examples in all/sheet.png\n"
    one = width(tmp_path / "all" / "sheet.png")
    assert command("picture", run, run, "--sheet", "--out", "all", "--quiet")[0] == 0
    assert width(tmp_path / "all" / "sheet.png") == pytest.approx(2 * one, rel=0.05)
    fewer = ["-d", "phantom", "-D", "images=60", "--runs", "other"]
    assert command("run", "-m", "two_lungs", "--no-references", "--quiet", *fewer)[0] == 0
    other = str(next(tmp_path.glob("other/phantom/two_lungs/*")))
    assert "on other data, or of another version, than" in refused(command("picture", run, other))
    line = refused(command("picture", run, "--class", "tv"))
    assert line == "unknown class 'tv'; did you mean 'tb'? (known: tb)" or line.startswith(
        "unknown class 'tv'"
    )


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
    (path,) = tmp_path.glob("leaderboards/records/phantom/two_lungs-*.json")
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
        "leaderboards/phantom.md is not what its records say; run `wsbench leaderboard`\n"
        "1 records say what their predictions say\n",
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
    assert line.startswith("no space is left on the disk")
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
