"""Whole runs: killed and resumed, on the phantom, on a written TBX11K folder, and on real radiographs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import wsbench
from wsbench.contract import records
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError

SMALL_DATA = {"images": 70, "size": 64}
SMALL = {"resize": 32, "crop": 32, "epochs": 3, "batch_size": 16, "precision": "32"}
UNTIMED = """
from wsbench.cli import main
from wsbench.torch import inference
inference.TIMING_SECONDS = 0.0  # as in the process of the tests (conftest.py)
main()
"""


def words(runs: Path) -> list[str]:
    """A command line that trains the student, and its teacher first."""
    data = [word for name, value in SMALL_DATA.items() for word in ("-D", f"{name}={value}")]
    options = [word for name, value in SMALL.items() for word in ("-o", f"{name}={value}")]
    start = [sys.executable, "-c", UNTIMED, "run", "--method", "kd_student", "--dataset", "phantom"]
    return [*start, "--runs", str(runs), "--no-references", "--quiet", *data, *options]


def kill_when(command: list[str], runs: Path, pattern: str) -> None:
    """Start a command and kill -9 it as soon as a file of that pattern is there."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(runs.glob(pattern)):
        assert process.poll() is None, f"ended before {pattern} was there"
        assert time.monotonic() < deadline, f"{pattern} never came"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def only_record(runs: Path, method: str) -> Record:
    (path,) = runs.glob(f"phantom/{method}/*/{records.FILE}")
    return records.load(path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("whole")
    # Workers would render the images no sooner than they have started.
    alone = {**os.environ, "LOKY_MAX_CPU_COUNT": "1"}
    subprocess.run(words(runs), check=True, stdout=subprocess.DEVNULL, env=alone)
    return runs


def test_killed_at_any_moment_and_typed_again_it_ends_with_the_same_numbers(
    uninterrupted: Path, tmp_path: Path
) -> None:
    command = words(tmp_path)
    for pattern in (
        "phantom/kd_teacher/*/fit/stage.json",  # before the teacher's first epoch
        "phantom/kd_teacher/*/fit/last.ckpt",  # in the middle of its training
        "phantom/kd_student/*/fit/last.ckpt",  # in the middle of the student's
        "phantom/kd_student/*/predict/calibrate-0000.npz",
        "phantom/kd_student/*/scores.csv",  # while scoring
    ):
        kill_when(command, tmp_path, pattern)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert "record of kd_student:" in done.stdout
    resumed, whole = only_record(tmp_path, "kd_student"), only_record(uninterrupted, "kd_student")
    assert resumed.protocols == whole.protocols
    assert resumed.key == whole.key
    for name in ("scores.csv", "boxes.csv"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_finished_run_is_not_done_again(uninterrupted: Path) -> None:
    folder = only_record(uninterrupted, "kd_student").folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.parent != folder}
    first = only_record(uninterrupted, "kd_student")
    done = subprocess.run(words(uninterrupted), check=True, capture_output=True, text=True)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.parent != folder} == before
    assert only_record(uninterrupted, "kd_student").protocols == first.protocols
    assert done.stderr == ""


def test_the_teachers_own_row_costs_no_second_training(uninterrupted: Path) -> None:
    (checkpoint,) = uninterrupted.glob("phantom/kd_teacher/*/fit/last.ckpt")
    before = checkpoint.stat().st_mtime_ns
    record = wsbench.run("kd_teacher", "phantom", options=SMALL, data_options=SMALL_DATA, runs=uninterrupted)
    assert checkpoint.stat().st_mtime_ns == before
    assert record.folder == checkpoint.parents[1]


def test_two_processes_on_one_run_folder(uninterrupted: Path) -> None:
    from wsbench.runs.stages import locked

    folder = only_record(uninterrupted, "kd_student").folder
    with locked(folder):
        done = subprocess.run(words(uninterrupted), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {folder} is in use by process {os.getpid()} of ")
    assert done.stderr.endswith("; wait for it, or stop it\n")


def test_the_record_holds_what_a_reviewer_needs(uninterrupted: Path) -> None:
    record = only_record(uninterrupted, "kd_student")
    content = json.loads((record.folder / records.FILE).read_text())
    assert content["schema"] == records.SCHEMA
    assert content["seed"] == 0
    assert content["method"]["settings"]["alpha"] == 0.75
    assert content["method"]["changed"] == {name: SMALL[name] for name in content["method"]["changed"]}
    assert content["method"]["facts"]["parameters"] > 10_000
    assert content["method"]["box_supervision"] == "paper"
    assert content["dataset"]["images"]["test"] == len(record.scores())
    assert content["dataset"]["subset"] == {}
    assert set(content["protocols"]) == {"uniform", "paper"}
    assert set(content["stages"]) == {"fit", "predict", "score", "measure"}
    assert all(stage["peak_megabytes"] > 0 for stage in content["stages"].values())
    assert content["efficiency"]["parameters"] == content["method"]["facts"]["parameters"]
    assert content["efficiency"]["flops"] == 2 * content["efficiency"]["macs"] > 0
    assert content["efficiency"]["training_images"] == 3 * content["dataset"]["images"]["fit"]
    assert {"torch", "numpy"} <= set(content["provenance"]["versions"])
    assert content["provenance"]["device"] == "cpu"
    choice = content["protocols"]["uniform"]["calibration"]["boxes"]["tb"]
    assert 0 < choice["threshold"] < 1
    assert len(choice["curve"]) == 99
    for protocol in content["protocols"].values():
        assert {"miou", "ap25", "auc", "macro_recall", "healthy_with_box"} <= set(protocol["metrics"])
    assert str(Path.home()) not in json.dumps(content)
    maps = list(record.folder.glob("predict/test-*.npz"))
    assert maps


def test_metrics_come_from_the_scores_and_boxes_that_were_written(uninterrupted: Path) -> None:
    """An independent count from the CSV files alone."""
    from sklearn.metrics import roc_auc_score

    record = only_record(uninterrupted, "kd_student")
    scores, boxes = record.scores(), record.boxes()
    assert record.value("auc") == pytest.approx(roc_auc_score(scores["label tb"], scores["score tb"]))
    point = record.protocols["uniform"]["calibration"]["operating_points"]["tb"]
    shown = boxes[(boxes.protocol == "uniform")].merge(scores, on="image")
    shown = shown[shown["score tb"] >= point]
    assert record.value("boxes_per_image") == pytest.approx(len(shown) / len(scores))
    called = scores["score tb"] >= point
    assert record.value("accuracy") == pytest.approx((called == scores["label tb"].astype(bool)).mean())
    assert set(boxes.protocol) <= {"uniform", "paper"}


def test_on_another_device_a_run_is_measured_again_and_nothing_else(uninterrupted: Path) -> None:
    before = only_record(uninterrupted, "kd_student")
    stages = {path.parent.name: path for path in before.folder.glob("*/stage.json")}
    then = {name: path.stat().st_mtime_ns for name, path in stages.items()}
    after = wsbench.run(
        "kd_student", "phantom", options=SMALL, data_options=SMALL_DATA, runs=uninterrupted, device="cpu"
    )
    changed = {name for name, path in stages.items() if path.stat().st_mtime_ns != then[name]}
    assert changed == {"measure"}
    assert (after.key, after.protocols) == (before.key, before.protocols)


TRACKER = """
import json, pathlib, wsbench
log = pathlib.Path("events.jsonl")

def note(**values):
    with log.open("a") as file:
        file.write(json.dumps(values) + "\\n")

@wsbench.hookimpl
def wsbench_run_started(run):
    note(started=run.method)

@wsbench.hookimpl
def wsbench_epoch_ended(run, epoch, metrics):
    note(method=run.method, epoch=epoch, metrics=sorted(metrics))

@wsbench.hookimpl
def wsbench_run_finished(record):
    note(finished=record.method["name"], ap25=record.value("ap25"))
"""


def test_trackers_hear_the_run(tmp_path: Path) -> None:
    (tmp_path / "tracker.py").write_text(TRACKER)
    record = wsbench.run(
        "kd_teacher",
        "phantom",
        options={**SMALL, "epochs": 2},
        data_options=SMALL_DATA,
        plugin_files=["tracker.py"],
    )
    events = [json.loads(line) for line in Path("events.jsonl").read_text().splitlines()]
    assert events == [
        {"started": "kd_teacher"},
        {"method": "kd_teacher", "epoch": 0, "metrics": ["fit_loss", "select_auc", "select_loss"]},
        {"method": "kd_teacher", "epoch": 1, "metrics": ["fit_loss", "select_auc", "select_loss"]},
        {"finished": "kd_teacher", "ap25": record.value("ap25")},
    ]


def test_a_new_metric_is_scored_without_training_again(uninterrupted: Path, tmp_path: Path) -> None:
    (tmp_path / "extra.py").write_text(
        "import wsbench\n"
        "@wsbench.hookimpl\n"
        "def wsbench_metrics():\n"
        "    count = lambda scored, resamples: resamples.sum(scored.per_image(scored.predicted))\n"
        "    return [wsbench.MetricSpec('box_count', 'boxes', count)]\n"
    )
    (checkpoint,) = uninterrupted.glob("phantom/kd_teacher/*/fit/last.ckpt")
    before = checkpoint.stat().st_mtime_ns
    record = wsbench.run(
        "kd_teacher",
        "phantom",
        options=SMALL,
        data_options=SMALL_DATA,
        runs=uninterrupted,
        plugin_files=["extra.py"],
    )
    assert record.value("box_count") == (record.boxes().protocol == "uniform").sum()
    assert checkpoint.stat().st_mtime_ns == before


def test_the_phantom_as_tbx11k_gives_the_phantoms_numbers(tmp_path: Path) -> None:
    """The same images by another way: written as an official folder and read back."""
    from wsbench.cli import main

    data = ["-D", "images=70", "-D", "size=64"]
    with pytest.raises(SystemExit) as end:
        main(["data", "make", "phantom", "made", "--layout", "tbx11k", "-q", *data])
    assert end.value.code == 0
    written = wsbench.run("two_lungs", "tbx11k", root="made")
    direct = wsbench.run("two_lungs", "phantom", data_options=SMALL_DATA)
    for metric in ("miou", "region_iou", "accuracy"):
        assert written.value(metric) == pytest.approx(direct.value(metric))
    assert written.dataset["subset"]
    with pytest.raises(SystemExit) as end:
        main(["data", "check", "tbx11k", "--root", "made", "-q"])
    assert end.value.code == 0


def test_bad_files_can_be_left_out_and_the_record_names_them(tmp_path: Path) -> None:
    from wsbench.cli import main

    with pytest.raises(SystemExit):
        main(
            [
                "data",
                "make",
                "phantom",
                "made",
                "--layout",
                "tbx11k",
                "-q",
                "-D",
                "images=70",
                "-D",
                "size=64",
            ]
        )
    broken = next((tmp_path / "made" / "imgs" / "sick").iterdir())
    broken.write_bytes(broken.read_bytes()[:50])
    with pytest.raises(WsbenchError, match=f"imgs/sick/{broken.name}: is damaged"):
        wsbench.run("two_lungs", "tbx11k", root="made")
    record = wsbench.run("two_lungs", "tbx11k", root="made", skip_bad=True)
    (skipped,) = record.dataset["skipped"]
    assert skipped.startswith(f"imgs/sick/{broken.name}: is damaged")


def test_kd_student_on_real_radiographs(real_tbx11k: Path, tmp_path: Path) -> None:
    """The line users type, for one epoch. The subset is confounded: no number of it means anything."""
    from wsbench.cli import main

    line = ["run", "--method", "kd_student", "--dataset", "tbx11k", "--root", str(real_tbx11k)]
    line += ["-o", "epochs=1"]
    with pytest.raises(SystemExit) as end:
        main([*line, "--preset", "quick"])
    assert end.value.code == 0
    (path,) = tmp_path.glob(f"runs/tbx11k/kd_student/*/{records.FILE}")
    record = records.load(path)
    assert record.dataset["subset"] == {"train": [136, 6600], "val": [74, 1800]}
    assert record.dataset["images"]["test"] == 74
    assert set(record.protocols) == {"uniform", "paper"}
    with pytest.raises(SystemExit) as end:
        main([*line, "--preset", "quick", "--submit", "--no-references", "-q"])
    assert end.value.code == 2
    assert not (tmp_path / "leaderboards").exists()


def test_clarity_on_real_radiographs(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Teacher, student and picture on official NIH files; one epoch each, without organ masks."""
    from wsbench.cli import main

    root = ["--root", str(real_data("nih-mini"))]
    teacher = "{image_size: 64, epochs: 1, batch_size: 16}"
    values = ("anatomy=none", "image_size=64", "epochs=1", f"teacher={teacher}")
    small = [word for value in values for word in ("-o", value)]
    with pytest.raises(SystemExit) as end:
        main(
            ["run", "-m", "clarity", "-d", "nih", "--preset", "quick", "-q", "--no-references", *root, *small]
        )
    assert end.value.code == 0
    (path,) = tmp_path.glob(f"runs/nih/clarity/*/{records.FILE}")
    record = records.load(path)
    assert set(record.protocols) == {"uniform", "paper"}
    assert len(record.dataset["classes"]) == 14
    with pytest.raises(SystemExit) as end:
        main(["picture", str(path.parent), "--each", "1", "--sheet", *root, "-q"])
    assert end.value.code == 0
    with Image.open("pictures/sheet.png") as sheet:
        assert sheet.width > 4 * 200  # foreground, attention, heatmap, boxes
