"""Trackers: what they are told, once each, and that none of their faults costs a run anything."""

from __future__ import annotations

import json
import math
import random
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import wsbench
from conftest import refused
from tracking_examples import PUPIL, Diary, Steps, job, sleeping
from walk import reachable
from wsbench.contract.base import Dataset
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.data.views import Views
from wsbench.errors import WsbenchError
from wsbench.runs.runner import execute
from wsbench.runs.tracking import calls, state, told
from wsbench.types import Box, Sample


@pytest.fixture(autouse=True)
def same_noise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every run begins with the same state of the generator that nobody seeds."""
    monkeypatch.setattr(
        Steps, "before_epoch", staticmethod(lambda epoch: np.random.seed(7) if epoch == 0 else None)
    )
    yield


def stopped_at(epoch: int, error: BaseException) -> Callable[[int], None]:
    def before_epoch(number: int) -> None:
        if number == epoch:
            raise error

    return staticmethod(before_epoch)


def test_a_run_is_told_from_beginning_to_end(tmp_path: Path) -> None:
    diary = Diary()
    record = execute(job(tmp_path, diary.chosen(), epochs=2))
    names = [name for name, *_ in diary.events]
    assert names == ["open", *["epoch_ended"] * 2, *["stage_finished"] * 4, "run_finished", "close"]
    (first_epoch, first), (second_epoch, second) = diary.named("epoch_ended")
    assert (first_epoch, second_epoch) == (0, 1)
    assert math.isnan(first["fit_loss"]), "a loss that is no number is told as one"
    assert second == {"fit_loss": 0.5, "seconds": 0.25}
    assert [stage for stage, _ in diary.named("stage_finished")] == ["fit", "predict", "score", "measure"]
    (run,) = diary.runs
    assert (run.method, run.dataset, run.seed, run.previous) == ("steps", "toy", 0, "")
    assert run.settings == {"epochs": 2, "gamma": 1.0}
    assert run.training == record.training
    assert run.folder == record.folder
    assert run.name == record.folder.relative_to(tmp_path).as_posix()
    assert run.parameters()["settings.epochs"] == 2
    ((told_record, numbers),) = diary.named("run_finished")
    assert (told_record, told_record is record) == (record, False)
    assert numbers["uniform/auc"] == record.value("auc")
    low, high = record.protocols["uniform"]["metrics"]["auc"]["interval"]
    assert (numbers["uniform/auc/low"], numbers["uniform/auc/high"]) == (low, high)
    calibration = record.protocols["uniform"]["calibration"]
    (name,) = record.dataset["classes"]
    assert numbers[f"uniform/operating_point/{name}"] == calibration["operating_points"][name]
    assert numbers[f"uniform/threshold/{name}"] == calibration["boxes"][name]["threshold"]


def test_nothing_that_a_tracker_is_told_leads_to_a_box(tmp_path: Path) -> None:
    diary = Diary()
    execute(job(tmp_path, diary.chosen(), epochs=1))
    hidden = (Box, Sample, Dataset, Loaded, Views)
    things = list(reachable(diary.runs, diary.events))
    assert len(things) > 100
    assert [type(thing) for thing in things if isinstance(thing, hidden)] == []


def test_a_finished_run_is_told_once(tmp_path: Path) -> None:
    diary = Diary()
    for _ in range(2):
        execute(job(tmp_path, diary.chosen()))
    assert len(diary.named("open")) == len(diary.named("run_finished")) == 1


def test_a_run_that_nobody_followed_is_told_afterwards(tmp_path: Path) -> None:
    execute(job(tmp_path))
    diary = Diary()
    execute(job(tmp_path, diary.chosen()))
    assert [epoch for epoch, _ in diary.named("epoch_ended")] == [0, 1, 2]
    assert len(diary.named("stage_finished")) == 4
    assert len(diary.named("run_finished")) == 1


def while_stopping() -> RuntimeError:
    """What torch raises where Ctrl-C comes while it writes a file."""
    error = RuntimeError("unexpected pos 7063040")
    error.__context__ = KeyboardInterrupt()
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("no\nloss"), "ValueError: no loss"), (KeyboardInterrupt(), "stopped"),
     (WsbenchError("no space"), "no space"), (while_stopping(), "stopped")],
)  # fmt: skip
def test_a_stopped_run_goes_on_in_the_same_place(
    error: BaseException, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = Diary()
    with monkeypatch.context() as patched, pytest.raises(type(error)):
        patched.setattr(Steps, "before_epoch", stopped_at(2, error))
        execute(job(tmp_path, diary.chosen()))
    assert diary.events[-2:] == [("run_failed", reason), ("close",)]
    assert [epoch for epoch, _ in diary.named("epoch_ended")] == [0, 1]
    execute(job(tmp_path, diary.chosen()))
    (_, again) = diary.runs
    assert again.previous == f"{again.name} 1"
    assert [epoch for epoch, _ in diary.named("epoch_ended")] == [0, 1, 2]


def test_an_epoch_that_is_trained_again_is_not_told_again(tmp_path: Path) -> None:
    """A kill may come after an epoch was told and before it was saved."""
    diary = Diary()
    execute(job(tmp_path, diary.chosen(), epochs=2))
    (folder,) = tmp_path.glob("toy/steps/*")
    (folder / "fit" / "epochs").write_text("1")  # its hash is noted, so the stage is made anew
    execute(job(tmp_path, diary.chosen(), epochs=2))
    assert [epoch for epoch, _ in diary.named("epoch_ended")] == [0, 1]


def test_where_the_tracker_has_lost_the_run_all_is_told_again(tmp_path: Path) -> None:
    execute(job(tmp_path, Diary().chosen()))
    state_file = next(tmp_path.glob(f"toy/steps/*/{state.FILE}"))
    values = json.loads(state_file.read_text())
    values["trackers"]["diary"]["record"] = ""
    state_file.write_text(json.dumps(values))
    other = Diary(identity="another run")
    execute(job(tmp_path, other.chosen()))
    assert [epoch for epoch, _ in other.named("epoch_ended")] == [0, 1, 2]
    assert json.loads(state_file.read_text())["trackers"]["diary"]["id"] == "another run"


@pytest.mark.parametrize("content", ["", "{", '{"trackers": {"diary": {"epoch": "x"}}}', "[]"])
def test_a_damaged_note_of_what_was_told_costs_a_second_run_there(content: str, tmp_path: Path) -> None:
    diary = Diary()
    record = execute(job(tmp_path, diary.chosen()))
    (record.folder / state.FILE).write_text(content)
    execute(job(tmp_path, diary.chosen()))
    assert [run.previous for run in diary.runs] == ["", ""]
    assert len(diary.named("run_finished")) == 2


def test_other_settings_and_other_trainings_are_other_runs(tmp_path: Path) -> None:
    diary = Diary()
    for settings in ({}, {"page": 2}, {"page": 2}):
        execute(job(tmp_path, diary.chosen(**settings)))
    assert [run.previous for run in diary.runs] == ["", ""]
    execute(job(tmp_path, diary.chosen(), Diary().chosen("second"), epochs=1))
    assert len(diary.named("run_finished")) == 3


def test_a_run_that_shares_a_training_is_told_its_epochs(tmp_path: Path) -> None:
    diary = Diary()
    execute(job(tmp_path, diary.chosen(), gamma=2.0))
    assert len(diary.runs) == 1, "the training's own folder has no run of its own yet"
    execute(job(tmp_path, diary.chosen()))
    assert len(diary.runs) == 2
    assert [epoch for epoch, _ in diary.named("epoch_ended")] == [0, 1, 2] * 2


def test_a_method_that_is_built_on_is_a_run_of_its_own(tmp_path: Path) -> None:
    diary = Diary()
    execute(job(tmp_path, diary.chosen(), spec=PUPIL))
    assert [(run.method, run.settings["epochs"]) for run in diary.runs] == [("steps", 2), ("pupil", 3)]
    assert [epoch for epoch, _ in diary.named("epoch_ended")] == [0, 1, 0, 1, 2]
    execute(job(tmp_path, diary.chosen(), epochs=2))
    assert diary.runs[2].previous == f"{diary.runs[0].name} 1", "its row goes on where its training was told"


# Faults.


def same(one: Record, other: Record) -> None:
    """Nothing but times and memory differs."""
    for name in ("key", "method", "dataset", "protocols", "training", "trained_from"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("scores.csv", "boxes.csv"):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def raising(event: str, error: BaseException) -> Callable[[str], None]:
    def act(name: str) -> None:
        np.random.seed(1)
        random.seed(1)
        if name == event:
            raise error

    return act


EVENTS = ("open", "epoch_ended", "stage_finished", "run_finished", "close")


@pytest.fixture(scope="module")
def untracked(tmp_path_factory: pytest.TempPathFactory) -> Record:
    np.random.seed(7)
    return execute(job(tmp_path_factory.mktemp("untracked")))


@pytest.mark.parametrize(
    ("event", "error"),
    [
        *((event, ValueError("full")) for event in EVENTS),
        ("epoch_ended", SystemExit(3)),
        ("epoch_ended", KeyboardInterrupt()),
        ("run_finished", WsbenchError("\x1b[31mred")),
    ],
    ids=repr,
)
def test_a_tracker_that_raises_costs_a_warning(
    event: str, error: BaseException, untracked: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diary, other = Diary(does=raising(event, error)), Diary()
    failing = job(tmp_path, diary.chosen(), other.chosen("other"))
    same(execute(failing), untracked)
    err = capsys.readouterr().err
    assert err.count("warning:") == len(err.splitlines()) == 1
    assert err.startswith(f"warning: tracker diary: {event}: ")
    assert "\x1b" not in err
    assert len(other.named("run_finished")) == 1, "the others are told all the same"
    count = len(diary.runs)
    execute(replace(job(tmp_path, epochs=1), trackers=failing.trackers))
    assert len(diary.runs) == count, "it is left out of the rest of the command"
    assert capsys.readouterr().err == ""


def test_what_a_failed_tracker_has_missed_comes_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diary = Diary(does=raising("stage_finished", OSError("disk")))
    execute(job(tmp_path, diary.chosen()))
    diary.does = lambda event: None
    execute(job(tmp_path, diary.chosen()))
    assert [epoch for epoch, _ in diary.named("epoch_ended")] == [0, 1, 2]
    assert len(diary.named("stage_finished")) == 4
    assert len(diary.named("run_finished")) == 1


@pytest.mark.parametrize("event", EVENTS)
def test_a_tracker_that_hangs_costs_a_warning(
    event: str,
    untracked: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("wsbench.runs.tracking.trackers.SECONDS", 0.05)
    released = threading.Event()
    diary = Diary(does=lambda name: released.wait(20) if name == event else None)
    try:
        same(execute(job(tmp_path, diary.chosen())), untracked)
    finally:
        released.set()
    assert f"warning: tracker diary: {event}: did not return within 0.05 s" in capsys.readouterr().err


def test_a_stopped_command_waits_for_no_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Steps, "before_epoch", stopped_at(1, KeyboardInterrupt()))
    monkeypatch.setattr("wsbench.runs.tracking.trackers.SECONDS_AFTER_STOP", 0.05)
    diary = Diary(does=sleeping("run_failed", 0.5))
    with pytest.raises(KeyboardInterrupt):
        execute(job(tmp_path, diary.chosen()))


def test_a_time_out_of_the_tracker_is_its_own() -> None:
    def ask() -> None:
        raise TimeoutError("the server is away")

    thread = calls.TrackerThread("tracker")
    with pytest.raises(TimeoutError, match="the server is away"):
        thread.call(ask)
    thread.end()


def test_a_tracker_is_called_in_one_thread_and_not_in_that_of_the_run(tmp_path: Path) -> None:
    threads = set()
    diary = Diary(does=lambda event: threads.add(threading.get_ident()))
    execute(job(tmp_path, diary.chosen()))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_what_opens_must_be_a_tracker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diary = Diary()
    chosen = diary.chosen()
    execute(job(tmp_path, replace(chosen, spec=replace(chosen.spec, open=lambda settings, run: None))))
    assert "open: open returned None, which is no Tracker" in capsys.readouterr().err


def test_a_history_that_was_changed_by_hand_costs_a_curve(tmp_path: Path) -> None:
    for text in ("epoch,loss\nx,1\n", "loss\n1\n", "epoch,loss\n1,2,3,4\n", "\x00"):
        (tmp_path / "history.csv").write_text(text)
        assert told.history_of(tmp_path) == {}
    (tmp_path / "history.csv").write_text("epoch,seconds,loss\n0,0.5,\n1,0.25,2\n")
    rows = told.history_of(tmp_path)
    assert math.isnan(rows[0]["loss"])
    assert rows[1] == {"seconds": 0.25, "loss": 2.0}


# The choice of trackers.

PLUGIN = """
import wsbench
from wsbench.contract import Tracker, TrackerSpec

class Settings(wsbench.Settings):
    path: str = "x"

@wsbench.hookimpl
def wsbench_trackers():
    return [
        TrackerSpec("printer", "prints", Settings, lambda settings, run: Printer(settings, run)),
        TrackerSpec("lost", "needs much", Settings, None, ("os", "no_such"), "pip install it"),
    ]

class Printer(Tracker):
    def __init__(self, settings, run):
        super().__init__(run.previous or settings.path)
        print("opened", settings.path, run.name.rpartition("-")[0])

    def run_finished(self, record, numbers):
        print("finished", record.dataset["name"], len(numbers) > 10)
"""

SMALL = ["-D", "images=40", "-D", "size=64", "--no-references", "--quiet"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--track", "printr"], "unknown tracker 'printr'; did you mean 'printer'?"),
        (["--track", "printer:pth=y"], "printer has no option 'pth'; did you mean 'path'?"),
        (["--track", "lost"], "tracker 'lost' needs the package no_such; install it: pip install it"),
        (["--track", "printer,printer"], "tracker 'printer' is named twice; name it once"),
        (["--track", "path=x"], "--track 'path=x': name trackers, as in csv or mlflow:experiment=lungs"),
        (["--track", ""], "--track '': name trackers, as in csv or mlflow:experiment=lungs"),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(
    words: list[str], line: str, command: Callable, tmp_path: Path
) -> None:
    Path("printer.py").write_text(PLUGIN)
    answer = command("run", "-m", "two_lungs", "-d", "phantom", "--plugin", "printer.py", *SMALL, *words)
    assert refused(answer) == line
    assert not list(tmp_path.glob("runs/*"))


def test_trackers_of_plugins_from_the_command_line_and_from_python(
    command: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("printer.py").write_text(PLUGIN)
    words = ["run", "-m", "two_lungs", "-d", "phantom", "--plugin", "printer.py", *SMALL]
    code, out, _ = command(
        *words, "--track", "printer:path=a,b", "--test-on", "phantom:images=40,size=64,tone=2"
    )
    assert code == 2, "b is no tracker"
    code, out, _ = command(
        *words, "--track", "printer:path=[a,b]", "--test-on", "phantom:images=40,size=64,tone=2"
    )
    assert code == 2, "a list is no text"
    code, out, _ = command(
        *words, "--track", "printer:path=a", "--test-on", "phantom:images=40,size=64,tone=2"
    )
    assert code == 0
    lines = [line for line in out.splitlines() if line.startswith(("opened", "finished"))]
    assert lines == [
        "opened a phantom/two_lungs/seed0", "finished phantom True",
        "opened a phantom/two_lungs/seed0-from-phantom", "finished phantom True",
    ]  # fmt: skip
    arguments = {"plugin_files": "printer.py", "data_options": {"images": 40, "size": 64}}
    for track in ("printer:path=b", ["printer:path=b"], {"printer": {"path": "b"}}):
        wsbench.run("two_lungs", "phantom", track=track, **arguments)
    assert capsys.readouterr().out.splitlines() == [
        "opened b phantom/two_lungs/seed0",
        "finished phantom True",
    ]
    with pytest.raises(WsbenchError, match=r"^wsbench.run: track=3 is not valid"):
        wsbench.run("two_lungs", "phantom", track=3, **arguments)
    wsbench.run("two_lungs", "phantom", track="printer:path=c", folds=2, **arguments)
    out = capsys.readouterr().out
    assert (out.count("opened c"), out.count("finished phantom")) == (3, 3), "two folds and what sums them up"


def test_trackers_are_listed_and_described(command: Callable) -> None:
    Path("printer.py").write_text(PLUGIN)
    code, out, _ = command("list", "--plugin", "printer.py")
    assert code == 0
    assert "printer" in out.partition("trackers")[2]
    code, out, _ = command("describe", "printer", "--plugin", "printer.py")
    assert code == 0
    assert "path = x" in out


def test_no_tracker_is_imported_before_it_is_chosen(command: Callable) -> None:
    """Neither for a list nor for a run of others."""
    before = set(sys.modules)
    command("list")
    assert not {"mlflow", "wandb", "tensorboard"} & (set(sys.modules) - before)
