"""`wsbench tune` as users type it: refused, killed and typed again, and typed several times at once."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tuning_examples
import wsbench
from conftest import refused
from wsbench.cli import main
from wsbench.contract import records
from wsbench.contract.plugins import find
from wsbench.studies import tune
from wsbench.studies.tuning import form
from wsbench.studies.tuning.space import Span, space_of

PLUGIN = tuning_examples.__file__
SEARCH = ("tune", "dial", "-d", "toy", "-s", "gain", "-s", "cells")
OF_PLUGIN = ("--plugin", PLUGIN)
TRIALS = 10
CREATED = b'"op_code":4'
"""In a line of the journal that begins a trial."""


def words(runs: Path, *more: str) -> list[str]:
    """A search of ten trials whose trainings take a while."""
    return [*SEARCH, "--trials", str(TRIALS), "-o", "pause=0.04", "--runs", str(runs), *OF_PLUGIN, *more]


def started(runs: Path) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "wsbench", *words(runs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for_trial(runs: Path, number: int) -> None:
    """Wait until a trial has begun."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        journals = list(runs.glob("tuning/*/*/journal.jsonl"))
        if journals and journals[0].read_bytes().count(CREATED) > number:
            return
        time.sleep(0.01)
    raise AssertionError(f"trial {number} has not begun")


def table(runs: Path) -> list[dict[str, str]]:
    """The table of all trials, without what depends on the clock."""
    (path,) = runs.glob("tuning/*/*/trials.csv")
    with path.open(newline="") as file:
        return [{name: row[name] for name in row if name != "seconds"} for row in csv.DictReader(file)]


def ended(process: subprocess.Popen[str]) -> str:
    """The error stream of a process that has ended well."""
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return errors


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed on Windows")
def test_a_tune_of_ten_trials_that_is_killed_twice_ends_with_ten(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        main(words(tmp_path / "whole", "-q"))
    assert not end.value.code
    whole, runs = table(tmp_path / "whole"), tmp_path / "killed"
    for trial, seconds in ((2, 0.03), (6, 0.09)):
        process = started(runs)
        wait_for_trial(runs, trial)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    errors = ended(started(runs))
    assert re.search(r"trial \d goes on", errors)
    assert table(runs) == whole
    assert [row["trial"] for row in whole] == [str(number) for number in range(TRIALS)]
    assert {row["state"] for row in whole} == {"finished"}
    (journal,) = runs.glob("tuning/*/*/journal.jsonl")
    assert journal.read_bytes().count(CREATED) == TRIALS


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed on Windows")
def test_processes_share_the_trials_and_take_over_those_of_one_that_is_killed(tmp_path: Path) -> None:
    first, second = started(tmp_path), started(tmp_path)
    wait_for_trial(tmp_path, 3)
    first.send_signal(signal.SIGKILL)
    _, of_killed = first.communicate()
    errors = ended(second)
    carried_out = [re.findall(r"^trial (\d+): ", text, flags=re.MULTILINE) for text in (of_killed, errors)]
    assert not set(carried_out[0]) & set(carried_out[1])
    rows = table(tmp_path)
    assert [row["trial"] for row in rows] == [str(number) for number in range(TRIALS)]
    assert {row["state"] for row in rows} == {"finished"}
    assert len({row["gain"] for row in rows}) == TRIALS


def test_the_search_of_claritys_weights_is_that_of_its_paper() -> None:
    """Section 3.15: TPE, 20 trials, 10 at random, 100 candidates, eight weights in [0, 5]."""
    path = Path(__file__).parents[1] / "studies" / "tuning" / "clarity_weights.yaml"
    file, spec = form.read(path), find().methods["clarity"]
    assert (file.method, file.trials, file.objective, file.calibrate_for) == ("clarity", 20, "both", "msli")
    assert file.sampler == form.SamplerForm(name="tpe", startup_trials=10, candidates=100)
    space = space_of(file.forms(str(path)), spec)
    assert set(space.values()) == {Span(0, 5, whole=False)}
    weights = [
        name for name in spec.settings.model_fields if name.startswith(("alpha", "beta", "gamma", "delta"))
    ]
    assert list(space) == weights
    assert len(weights) == 8


def test_what_it_prints_leads_to_a_run(tmp_path: Path, command) -> None:
    code, out, err = command(
        *SEARCH, "--trials", "3", *OF_PLUGIN, "--out", "best settings.yaml", "-D", "skip=1"
    )
    assert refused((code, out, err)).startswith("toy has no option 'skip'")
    code, out, err = command(*SEARCH, "--trials", "3", *OF_PLUGIN, "--out", "best settings.yaml")
    assert code == 0
    assert re.search(
        r"^trial 2: 0\.\d{4} \(labels 0\.\d{4}, boxes 0\.\d{4}\)  gain=\S+ cells=\d+  best: ", err, re.M
    )
    assert "dial on toy: 3 trials" in out
    assert "value: mean of macro AUC on select and cond_loc_f1@0.25 on calibrate" in out
    (line,) = [line for line in out.splitlines() if line.startswith("now run it: wsbench ")]
    assert line == f"now run it: wsbench run -m dial -d toy --plugin {PLUGIN} --preset 'best settings.yaml'"
    code, out, _ = command(
        "run", "-m", "dial", "-d", "toy", *OF_PLUGIN, "--preset", "best settings.yaml", "-q"
    )
    assert code == 0
    assert "the best of 3 trials of `wsbench tune` on toy" in " ".join(out.split())
    (record,) = Path("runs/toy/dial").glob("*/record.json")
    assert records.load(record).tuned["trials"] == 3


@pytest.mark.parametrize("search", [["gain=1:3", "cells"], {"gain": {"low": 1, "high": 3}, "cells": None}])
def test_python_carries_out_the_trials_of_the_command(search, tmp_path: Path, command) -> None:
    words = ("-s", "gain=1:3", "-s", "cells", "--trials", "3", "-q", *OF_PLUGIN)
    assert command("tune", "dial", "-d", "toy", *words)[0] == 0
    results = tune("dial", "toy", search, search_file={"trials": 3}, runs=tmp_path, plugin_files=[PLUGIN])
    assert table(tmp_path) == table(Path("runs"))
    best = results.trials.loc[results.trials["value"].idxmax()]
    assert results.value == best["value"]
    assert results.settings == {"gain": best["gain"], "cells": best["cells"]}
    record = wsbench.run(
        method="dial", dataset="toy", preset=str(results.preset), runs=tmp_path, plugin_files=[PLUGIN]
    )
    assert record.tuned["trials"] == 3


def test_mistakes_in_python_are_errors_of_the_user(tmp_path: Path) -> None:
    for search, file, message in (
        ({"gian": None}, {}, "did you mean 'gain'"),
        ({"gain": 3}, {}, "search: gain"),
        ({"gain": None}, {"trails": 3}, "did you mean 'trials'"),
        ({"gain": None}, {"method": "cam"}, "is for cam"),
    ):
        with pytest.raises(wsbench.WsbenchError, match=re.escape(message)):
            tune("dial", "toy", search, search_file=file, runs=tmp_path, plugin_files=[PLUGIN])


def test_a_search_file_is_laid_under_the_options(command) -> None:
    Path("search.yaml").write_text(
        "method: dial\nobjective: labels\ntrials: 4\nsettings: {rate: 0.3}\n"
        "sampler: {name: random}\nsearch:\n  gain: {low: 1, high: 2}\n  cells: [4, 8]\n  inner.depth:\n"
    )
    file = ("tune", "dial", "-d", "toy", *OF_PLUGIN, "--search-file", "search.yaml", "-q")
    assert command(*file)[0] == 0
    rows = table(Path("runs"))
    assert len(rows) == 4
    assert all(1 <= float(row["gain"]) <= 2 and row["cells"] in "48" for row in rows)
    assert {"inner.depth", "boxes"} <= set(rows[0])
    assert rows[0]["boxes"] == ""
    assert command(*file, "--trials", "5", "-o", "rate=0.4", "-s", "gain=3:4", "--runs", "other")[0] == 0
    assert len(table(Path("other"))) == 5
    assert all(3 <= float(row["gain"]) <= 4 for row in table(Path("other")))
    Path("search.yaml").write_text("method: dial\ntrails: 3\n")
    assert "search.yaml: trails: Extra inputs are not permitted; did you mean 'trials'" in refused(
        command(*file)
    )
    Path("search.yaml").write_text("method: cam\n")
    assert "the search file is for cam; type `wsbench tune cam`" in refused(command(*file))


def test_without_optuna_a_line_says_what_to_install(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    line = "tuning needs Optuna; install it by `pip install 'wsbench[tune]'`"
    assert refused(command(*SEARCH, *OF_PLUGIN)) == line


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--pruner", "medain"), "unknown pruner 'medain'; did you mean 'median'"),
        (("--sampler", "tpa"), "unknown sampler 'tpa'; did you mean 'tpe'"),
        (("--objective", "box"), "unknown objective 'box'; did you mean 'boxes'"),
        (("--calibrate-for", "mslli"), "unknown objective of calibration 'mslli'; did you mean 'msli'"),
        (("--monitor", "x:least"), "pruner.mode"),
        (("--search-file", "none.yaml"), "none.yaml cannot be read"),
        (("-s", "gain=0:9"), "--search gain: is given twice"),
    ],
)
def test_mistakes_are_lines(more: tuple[str, ...], message: str, command) -> None:
    assert message in refused(command(*SEARCH, *OF_PLUGIN, *more))
    assert not Path("runs").exists()
