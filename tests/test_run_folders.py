"""`wsbench runs`: what it says of run folders, and that what `clean` frees is made again only when needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import refused
from wsbench.cli import main
from wsbench.contract import records
from wsbench.runs.inventory import inspected, run_folders

PLUGIN = '''
from pathlib import Path

import numpy as np
import wsbench


class Settings(wsbench.Settings):
    blur: int = 0


def note(word):
    with open("log.txt", "a") as file:
        file.write(word + " ")


class Counting(wsbench.Method):
    """Learns one number."""

    def fit(self, fit, select, run):
        note("fit")
        np.savez(run.folder / "weights.npz", weight=(1 + run.seed_for("weight") % 7) / 10)

    def restore(self, run):
        with np.load(run.folder / "weights.npz") as arrays:
            self.weight = float(arrays["weight"])

    def predict(self, images):
        note("predict")
        maps = images.pixels(8, 8)[:][:, None] / 255
        weight = self.weight / 2 if Path("other-machine").exists() else self.weight
        return wsbench.Prediction(maps.max(axis=(2, 3)) * weight, maps)


class Pupil(Counting):
    """Needs a fitted `Counting`."""

    def fit(self, fit, select, run):
        note("pupil")
        np.savez(run.folder / "weights.npz", weight=run.upstream["teacher"].weight / 2)


def load(settings, source):
    return wsbench.testing.Toy()


@wsbench.hookimpl
def wsbench_methods():
    needs = {"teacher": wsbench.Requirement("counting", {})}
    return [
        wsbench.MethodSpec("counting", "", Settings, Counting, after_fit=("blur",)),
        wsbench.MethodSpec("pupil", "", Settings, Pupil, requires=lambda settings: needs),
    ]


@wsbench.hookimpl
def wsbench_datasets():
    return [wsbench.DatasetSpec("toy", "", wsbench.Settings, load, computed=True)]
'''

RUN = ("run", "-m", "counting", "-d", "toy", "--plugin", "counting.py", "--no-references")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of `counting`, the image-blind ones beside it, and its submitted row."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "counting.py").write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        with pytest.raises(SystemExit) as end:
            main([*RUN, "--submit", "-q"])
        assert end.value.code == 0
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    """The working directory, with a copy of all that. Its log of calls is empty."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    (tmp_path / "log.txt").write_text("")
    return tmp_path


def the_run(folder: Path) -> Path:
    """The folder of the run of `counting`."""
    (path,) = folder.glob("runs/toy/counting/*")
    return path


def log(folder: Path) -> list[str]:
    """What has been called since the log was empty."""
    return (folder / "log.txt").read_text().split()


def states(folder: Path, *, check: bool = False) -> dict[str, str]:
    """State and detail of every run by its method."""
    runs = [inspected(path, check=check) for path in run_folders(folder / "runs")]
    return {run.path.parent.name: f"{run.state} {run.detail}".strip() for run in runs}


# The list.


def test_runs_are_listed_with_state_score_age_and_size(here: Path, command) -> None:
    record = records.load(the_run(here) / "record.json")
    two_days_ago = time.time() - 2 * 86400 - 100
    for file in the_run(here).rglob("*"):
        os.utime(file, (two_days_ago, two_days_ago))
    for words in (("runs",), ("runs", "runs"), ("runs", "list", "runs"), ("runs", "runs", "--check")):
        code, out, _ = command(*words)
        assert code == 0
        (line,) = [line for line in out.splitlines() if line.startswith("toy/counting/")]
        _, state, score, age, unit, size, _ = line.split()
        assert (state, score, age, unit) == ("finished", f"{record.value('cond_ap25'):.3f}", "2", "d")
        assert float(size) > 0
        assert all(len(line) <= 80 for line in out.splitlines())
    size = sum(file.stat().st_size for file in the_run(here).rglob("*") if file.is_file())
    assert inspected(the_run(here)).size == size


def test_states(here: Path) -> None:
    run = the_run(here)
    assert states(here)["counting"] == "finished"

    mark = run / "fit" / "stage.json"
    text = mark.read_text()
    mark.write_text(text.replace('"done": true', '"done": false'))
    assert states(here)["counting"] == "damaged fit: stage.json is not what was left there"
    mark.write_text(text)

    shard = run / "predict" / "test-0000.npz"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    assert states(here)["counting"] == "finished"
    assert states(here, check=True)["counting"] == "damaged predict: test-0000.npz is not what was left there"
    shard.unlink()
    assert states(here)["counting"] == "damaged predict: test-0000.npz is missing"
    shard.write_bytes(content)

    record = run / "record.json"
    text = record.read_text()
    record.write_text(text.replace("counting", "countinh"))
    assert states(here)["counting"] == "damaged record.json is not what was left there"
    record.unlink()
    assert states(here)["counting"] == "unfinished without a record"
    shutil.rmtree(run / "measure")
    shutil.rmtree(run / "score")
    assert states(here)["counting"] == "unfinished at score"
    shutil.rmtree(run / "predict")
    assert states(here)["counting"] == "trained not scored"
    from wsbench.runs.stage_marks import Mark

    Mark("key").write(run / "fit")
    (run / "fit" / "history.csv").write_text("epoch,seconds\n0,1.5\n1,1.5\n")
    assert states(here)["counting"] == "unfinished at fit, 2 epochs done"


HOLD = """
import sys, time
from pathlib import Path
from wsbench.runs.stages import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_run_that_is_running_is_shown_and_left_alone(here: Path, command) -> None:
    run = the_run(here)
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        assert states(here)["counting"].startswith(f"running process {other.pid} of ")
        before = sorted(run.rglob("*"))
        code, out, _ = command("runs", "clean", "--yes", "--checkpoints")
        assert code == 0
        assert "left as they are: 1 running" in out
        assert sorted(run.rglob("*")) == before
    finally:
        other.kill()
        other.wait()
        assert other.stdout is not None
        other.stdout.close()
    assert states(here)["counting"] == "finished", "a dead process holds nothing"


def test_a_name_with_escape_sequences_is_shown_as_text(here: Path, command) -> None:
    shutil.copytree(the_run(here), here / "runs" / "toy" / "counting" / "a\x1b[2Jb")
    out = command("runs")[1]
    assert r"a\x1b[2Jb" in " ".join(out.split()) and "\x1b[2J" not in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["runs", "rnus"], "rnus is not a folder of runs; did you mean 'runs'?"),
        (["runs", "claen"], "claen is not a folder of runs; did you mean 'clean'?"),
        (["runs", "empty"], "empty holds no run; name the folder that `wsbench run --runs` wrote to"),
        (["runs", "clean", "empty"], "empty holds no run"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], line: str, here: Path, command) -> None:
    (here / "empty").mkdir()
    assert line in refused(command(*words))


# Cleaning.


def test_nothing_is_freed_without_being_told(here: Path, command) -> None:
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    for words in ((), ("--dry-run",), ("--dry-run", "--yes"), ("--checkpoints",)):
        code, out, _ = command("runs", "clean", *words)
        assert code == 0
        assert "nothing was freed;" in out and "predictions" in out
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_after_cleaning_the_record_stands_and_nothing_is_made_again(here: Path, command) -> None:
    run = the_run(here)
    record = (run / "record.json").read_bytes()
    code, out, _ = command("runs", "clean", "--yes")
    assert code == 0
    assert out.splitlines()[-1].startswith("freed ")
    assert not list(run.glob("predict/*.npz"))
    assert (run / "fit" / "weights.npz").exists()
    for name in ("record.json", "scores.csv", "boxes.csv", "replay.npz", "checksums.json"):
        assert (run / name).exists()
    assert states(here, check=True)["counting"] == "finished predict freed"

    code, _, err = command(*RUN)
    assert code == 0
    assert log(here) == [], err
    assert (run / "record.json").read_bytes() == record
    assert states(here)["counting"] == "finished predict freed"
    assert "nothing can be freed" in command("runs", "clean", "--yes")[1]


def test_after_cleaning_the_leaderboard_still_takes_the_record(here: Path, command) -> None:
    shutil.rmtree(here / "leaderboards")
    command("runs", "clean", "--yes", "--checkpoints")
    code, _, err = command(*RUN, "--submit")
    assert code == 0, err
    assert log(here) == []
    plugin = ("--plugin", "counting.py")
    assert command("leaderboard", *plugin)[0] == 0
    assert "counting" in (here / "leaderboards" / "toy.md").read_text()
    code, out, _ = command("leaderboard", "--check", *plugin)
    assert code == 0, out


def test_predictions_are_made_again_when_scores_need_them(here: Path, command) -> None:
    """Box rules for another objective: from the stored weights, without training, and with the old numbers
    where nothing else has changed."""
    run = the_run(here)
    before = json.loads((run / "record.json").read_text())["protocols"]
    command("runs", "clean", "--yes")
    code, _, err = command(*RUN, "--calibrate-for", "msli")
    assert code == 0
    assert log(here) and set(log(here)) == {"predict"}
    assert "was freed by `wsbench runs clean`, and is needed now" in err
    assert states(here, check=True)["counting"] == "finished"
    command(*RUN)
    assert json.loads((run / "record.json").read_text())["protocols"] == before


def test_weights_are_made_again_when_predictions_need_them(here: Path, command) -> None:
    run = the_run(here)
    before = json.loads((run / "record.json").read_text())["protocols"]
    weights = (run / "fit" / "weights.npz").read_bytes()
    command("runs", "clean", "--yes", "--checkpoints")
    assert not (run / "fit" / "weights.npz").exists()
    assert states(here)["counting"] == "finished fit, predict freed"
    shutil.rmtree(run / "score")
    code, _, err = command(*RUN)
    assert code == 0, err
    assert log(here)[0] == "fit" and set(log(here)[1:]) == {"predict"}
    assert (run / "fit" / "weights.npz").read_bytes() == weights
    assert json.loads((run / "record.json").read_text())["protocols"] == before
    assert states(here, check=True)["counting"] == "finished"


def test_refill_makes_all_again(here: Path, command) -> None:
    run = the_run(here)
    shards = {path.name: path.read_bytes() for path in run.glob("predict/*.npz")}
    command("runs", "clean", "--yes", "--checkpoints")
    code, _, err = command(*RUN, "--refill")
    assert code == 0, err
    assert log(here)[0] == "fit" and set(log(here)[1:]) == {"predict"}
    assert {path.name: path.read_bytes() for path in run.glob("predict/*.npz")} == shards
    assert "scored again" not in err
    assert states(here, check=True)["counting"] == "finished"


def test_other_predictions_than_those_that_were_freed_are_scored_again(here: Path, command) -> None:
    """Another machine may compute other numbers: then record and predictions must still belong together."""
    run = the_run(here)
    before = records.load_record(run).scores()["score spot"]
    command("runs", "clean", "--yes")
    (here / "other-machine").touch()
    code, _, err = command(*RUN, "--refill")
    assert code == 0
    assert "its predictions are not those that were freed; they are scored again" in err
    after = records.load_record(run).scores()["score spot"]
    assert before.max() > 0 and (after - before / 2).abs().max() < 1e-6
    assert states(here, check=True)["counting"] == "finished"


def test_a_method_that_builds_on_a_cleaned_one_has_it_trained_again(here: Path, command) -> None:
    command("runs", "clean", "--yes", "--checkpoints")
    pupil = ["pupil" if word == "counting" else word for word in RUN]
    code, _, err = command(*pupil, "--no-upstream")
    assert code == 0, err
    assert log(here)[:2] == ["fit", "pupil"]


def test_a_run_that_shares_a_training_is_predicted_again_from_it(here: Path, command) -> None:
    command(*RUN, "-o", "blur=1")
    assert "fit" not in log(here)
    command("runs", "clean", "--yes", "--checkpoints")
    assert not list(here.glob("runs/toy/counting/*/fit/*.npz"))
    (here / "log.txt").write_text("")
    assert command(*RUN, "-o", "blur=1", "--refill")[0] == 0
    assert log(here)[0] == "fit" and log(here).count("fit") == 1


def test_commands_that_need_what_was_freed_say_how_to_have_it_again(here: Path, command) -> None:
    command("runs", "clean", "--yes")
    plugin = ("--plugin", "counting.py")
    for words in (("picture", str(the_run(here)), "--out", "pictures"), ("evaluate", str(the_run(here)))):
        line = refused(command(*words, *plugin))
        assert "freed by `wsbench runs clean`" in line and "--refill" in line


def test_predictions_whose_training_is_gone_stay(here: Path, command) -> None:
    """They could not be made again."""
    command("runs", "clean", "--yes", "--no-predictions", "--checkpoints")
    assert states(here)["counting"] == "finished fit freed"
    before = sorted(the_run(here).glob("predict/*.npz"))
    assert "counting" not in command("runs", "clean", "--yes")[1]
    assert sorted(the_run(here).glob("predict/*.npz")) == before


def test_unfinished_and_damaged_runs_stay(here: Path, command) -> None:
    run = the_run(here)
    (run / "record.json").unlink()
    before = sorted(run.rglob("*"))
    code, out, _ = command("runs", "clean", "--yes", "--checkpoints")
    assert code == 0
    assert "left as they are: 1 unfinished" in out and "counting" not in out
    assert sorted(run.rglob("*")) == before


def test_predictions_of_another_program_stay(here: Path, command) -> None:
    code, _, err = command("export", str(the_run(here)), "--plugin", "counting.py", "--out", "boxes.json")
    assert code == 0, err
    words = ("--predictions", "boxes.json", "--plugin", "counting.py", "--name", "other")
    code, _, err = command("evaluate", "-d", "toy", *words)
    assert code == 0, err
    (external,) = here.glob("runs/toy/other/*")
    before = sorted(external.rglob("*"))
    command("runs", "clean", "--yes", "--checkpoints")
    assert sorted(external.rglob("*")) == before


def test_a_kill_between_note_and_removal_loses_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are noted as freed and still there: the run is finished, and cleaning goes on."""
    from wsbench.runs import freeing

    run = the_run(here)

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", killed)
        freeing.free(run, "predict", ["test-0000.npz"])
    assert (run / "predict" / "test-0000.npz").exists()
    assert states(here, check=True)["counting"] == "finished predict freed"


def test_caches_are_freed_when_they_are_asked_for(
    here: Path, command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSBENCH_CACHE", "cache")
    folder = here / "cache" / "toy" / "0123"
    (folder / "organs").mkdir(parents=True)
    for name in ("64x64.npy", "packed-organs-k-64.npy", "64x64.part.npy", "organs/a.png"):
        (folder / name).write_bytes(b"12345")
    assert "toy (cache)" in command("runs", "clean", "--caches", "--dry-run")[1]
    assert (folder / "64x64.npy").exists()
    assert command("runs", "clean", "--caches", "--yes")[0] == 0
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == {"packed-organs-k-64.npy", "64x64.part.npy", "organs/a.png"}
