"""`wsbench sweep` with processes of this machine, Ray, and jobs of submitit: the same runs, done once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import submitit
import yaml

import slurm_pretended
from sweep_examples import study, write_plugin
from wsbench.contract.records import Record, load_record
from wsbench.errors import WsbenchError
from wsbench.studies import EngineChoice, SweepResults, sweep
from wsbench.studies.sweeps.engines.base import Command
from wsbench.studies.sweeps.engines.slurm import POLL_SECONDS, SlurmEngine


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the plugin, whose trainings write lines into ``log`` of the working directory."""
    monkeypatch.setenv("WSBENCH_PLUGINS", "")
    monkeypatch.setenv("LAMP_LOG", str(tmp_path / "log"))
    return write_plugin(tmp_path)


def _trainings(folder: Path = Path()) -> list[str]:
    return sorted((folder / "log").read_text().splitlines())


def _numbers(results: SweepResults) -> list[tuple[dict[str, str], int, Mapping[str, Any]]]:
    """All that a record says of scores, with the cell."""
    return [
        (dict(cell.settings), cell.seed, json.loads(json.dumps(record.protocols)))
        for cell, record in results.records
    ]


def test_cells_are_runs_that_are_done_once_and_share_trainings(plugin: Path) -> None:
    values = study(options={"offset": 0.5, "shift": [0, 2]})
    results = sweep(values, jobs=2, plugin_files=[plugin])
    assert len(results.records) == 2
    assert len(_trainings()) == 1  # of two cells: `shift` needs no training of its own
    again = sweep(values, plugin_files=[plugin])
    assert len(_trainings()) == 1
    assert _numbers(again) == _numbers(results)
    more = sweep({**values, "seeds": [0, 1]}, plugin_files=[plugin], jobs=2)
    assert (len(more.records), len(_trainings())) == (4, 2)

    table = pd.read_csv("runs/sweeps/lamp-phantom/results.csv")
    assert list(table.columns[:2]) == ["method", "shift"]
    assert set(table["seeds"]) == {2}
    of_auc = table.query("metric == 'auc' and protocol == 'uniform'")
    assert sorted(of_auc["shift"]) == [0, 2]
    for row in of_auc.itertuples():
        aucs = [
            record.value("auc") for cell, record in more.records if cell.settings["shift"] == str(row.shift)
        ]
        assert row.mean == pytest.approx(sum(aucs) / 2)

    of_pages = table.query("metric == 'boxes_per_image' and protocol == 'uniform'")  # and not of terminals
    counts = [record.value("boxes_per_image") for _, record in more.records]
    assert of_pages["mean"].sum() == pytest.approx(sum(counts) / 2)
    assert "boxes_per_image" not in Path("runs/sweeps/lamp-phantom/results.md").read_text()


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where SLURM's programs, which only pretend, keep what they are handed."""
    programs = slurm_pretended.install(tmp_path)
    kept = tmp_path / "slurm"
    kept.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(kept))
    monkeypatch.setitem(POLL_SECONDS, "slurm", 0.3)
    return kept


ENGINES = [
    EngineChoice("ray", 2),
    EngineChoice("submitit", options={"time": "5"}),
    EngineChoice("slurm", 2, options={"time": "240", "partition": "gpu"}),
]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda choice: choice.name)
def test_every_engine_leaves_equal_records(
    engine: EngineChoice, plugin: Path, slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an engine or the user says of threads: the sweep's number holds."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    local = sweep(study(), runs="local", plugin_files=[plugin])
    other = sweep(study(), runs="other", engine=engine, plugin_files=[plugin])
    assert _numbers(other) == _numbers(local)
    assert [line.split()[-1] for line in _trainings()] == ["threads=1"] * 4


def _commands(folder: Path, count: int) -> list[Command]:
    return [
        Command(f"cell{number}", ("run", str(number)), folder / f"{number}.log", folder)
        for number in range(count)
    ]


def test_one_array_is_submitted_and_found_again_by_the_next_process(slurm: Path, tmp_path: Path) -> None:
    """The next process waits for jobs that are still there, and submits only what is new."""
    (slurm / "idle").touch()
    options = {"time": "240", "partition": "gpu", "account": "lab"}

    def engine() -> SlurmEngine:
        return SlurmEngine("slurm", tmp_path, jobs=1, threads=3, gpus=1, options=options)

    engine().start(_commands(tmp_path, 2))
    (script,) = slurm.glob("script-*")
    lines = script.read_text().splitlines()
    for expected in ("array=0-1%1", "cpus-per-task=3", "gpus-per-node=1", "time=240", "partition=gpu"):
        assert f"#SBATCH --{expected}" in lines
    assert "#SBATCH --account=lab" in lines

    next_engine = engine()
    next_engine.start(_commands(tmp_path, 2))
    assert len(list(slurm.glob("script-*"))) == 1
    assert list(next_engine.ended()) == []
    engine().start(_commands(tmp_path, 3))
    assert sorted(path.name for path in slurm.glob("script-*")) == ["script-101", "script-102"]
    assert json.loads((tmp_path / "submitted.json").read_text())["jobs"] == {
        "cell0": "101_0",
        "cell1": "101_1",
        "cell2": "102",
    }


def test_a_job_that_leaves_nothing_has_failed(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitit.SlurmJob.watcher, "_delay_s", 0)  # it asks SLURM once a minute
    monkeypatch.setattr(submitit.SlurmJob, "_results_timeout_s", 0.1)  # for slow file systems
    (slurm / "idle").touch()
    engine = SlurmEngine("slurm", tmp_path, jobs=None, threads=1, gpus=0, options={"time": "1"})
    engine.start(_commands(tmp_path, 2))
    (slurm / "done-101_0").touch()  # SLURM says that it is over, and there is no result
    (end,) = engine.ended()
    assert (end.name, end.problem.startswith("job 101_0 ended as COMPLETED; see ")) == ("cell0", True)


def test_a_failing_cell_is_named_and_costs_no_other(plugin: Path, command) -> None:
    Path("study.yaml").write_text(yaml.safe_dump(study(options={"fails": [True, False]})))
    code, out, _ = command("sweep", "study.yaml", "--plugin", str(plugin), "-q")
    assert code == 1
    assert "1 of 2 cells have failed:" in out
    (line,) = [line for line in out.splitlines() if "lamp: it was told to fail" in line]
    assert line.startswith("  lamp fails=true seed 0: lamp: it was told to fail; see ")
    assert Path(line.rpartition("see ")[2]).name in {
        path.name for path in Path("runs/sweeps/study/logs").iterdir()
    }
    assert len(_trainings()) == 1
    with pytest.raises(WsbenchError, match="1 of 2 cells failed; lamp fails=true"):
        sweep(study(options={"fails": [True, False]}), plugin_files=[plugin])
    assert len(_trainings()) == 1


def test_a_dry_run_says_what_is_done_and_how_long_the_rest_takes(plugin: Path, command) -> None:
    words = ("-m", "lamp", "-d", "phantom", "-D", "images=60", "-D", "size=64", "--no-references")
    sweep(study(options={"offset": 0}), plugin_files=[plugin])
    code, out, _ = command("sweep", *words, "-o", "offset=0,0.5", "--plugin", str(plugin), "--dry-run", "-q")
    assert code == 0
    assert [line.split() for line in out.splitlines()[1:4]] == [
        ["offset", "seed", "state"],
        ["0", "0", "done"],
        ["0.5", "0", "to", "do"],
    ]
    assert "1 are done, 1 are to do. They take about 0 minutes with 1 at a time." in out
    assert len(_trainings()) == 1


def test_a_killed_sweep_goes_on_and_its_cells_end_with_it(plugin: Path, tmp_path: Path) -> None:
    Path("study.yaml").write_text(yaml.safe_dump(study(options={"offset": [0, 0.25, 0.5]})))
    words = [sys.executable, "-m", "wsbench", "sweep", "study.yaml", "--plugin", str(plugin), "--jobs", "2"]
    slow = {**os.environ, "LAMP_SECONDS": "1"}
    first = subprocess.Popen(words, env=slow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not _finished() and time.monotonic() < until:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    finished = _finished()
    assert 1 <= len(finished) < 3
    written = {path: path.stat().st_mtime_ns for path in finished}
    subprocess.run(words, check=True, capture_output=True)
    assert len(_finished()) == 3
    assert {path: path.stat().st_mtime_ns for path in finished} == written


def _finished() -> list[Path]:
    return sorted(Path("runs/phantom/lamp").glob("*/record.json"))


def test_a_method_that_does_the_same_for_every_seed_runs_once(plugin: Path, command) -> None:
    small = ["-D", "images=60", "-D", "size=64", "--no-references", "--device", "cpu", "-q", "--dry-run"]
    words = ["-m", "two_lungs,lamp", "-d", "phantom", "--seeds", "4,5", "--plugin", str(plugin)]
    code, out, _ = command("sweep", *words, *small)
    assert code == 0
    cells = [line.split()[:2] for line in out.splitlines() if line.split()[-2:] == ["to", "do"]]
    assert cells == [["two_lungs", "4"], ["lamp", "4"], ["lamp", "5"]]


def test_settings_that_are_the_same_run_are_refused(plugin: Path) -> None:
    with pytest.raises(WsbenchError, match=r"two cells are the same run: .*leave out one of them"):
        sweep(study(options={"offset": [0, "0.0"]}), plugin_files=[plugin])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-m", "lmap", "-d", "phantom"], "unknown method 'lmap'; did you mean 'lamp'?"),
        (
            ["-m", "lamp", "-d", "phantom", "-o", "ofset=1"],
            "lamp has no option 'ofset'; did you mean 'offset'?",
        ),
        (["-m", "lamp"], "name the file of a sweep, or give --method and --dataset"),
        (
            ["-m", "lamp", "-d", "phantom", "--engine", "lokal"],
            "unknown engine 'lokal'; did you mean 'local'?",
        ),
        (["-m", "lamp", "-d", "phantom", "--engine", "slurm"], "-E time=240"),
        (["-m", "lamp", "-d", "phantom", "-E", "time=3"], "-E is SLURM's; give --engine slurm, not local"),
        (
            ["-m", "lamp", "-d", "phantom", "--address", "x:1"],
            "--address is Ray's; give --engine ray, not local",
        ),
        (["nothing.yaml"], "nothing.yaml cannot be read: No such file or directory"),
        (["stady.yaml"], "stady.yaml cannot be read: No such file or directory; did you mean 'study.yaml'?"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(
    words: Sequence[str], message: str, plugin: Path, command
) -> None:
    small = ["-D", "images=60", "-D", "size=64", "--no-references", "--device", "cpu"]
    Path("study.yaml").touch()
    code, _, err = command("sweep", *words, *small, "--plugin", str(plugin), "-q")
    assert code == 2
    assert message in err
    assert not _finished()


def test_other_datasets_have_tables_of_their_own(plugin: Path) -> None:
    results = sweep(
        study(options={"offset": 0}, test_on="phantom:images=40,size=64,tone=2"), plugin_files=[plugin]
    )
    assert len(results.records) == 2
    table = results.table().query("metric == 'auc' and protocol == 'uniform'")
    assert len(table) == 2
    assert load_record(results.records[1][1].folder).transfer
    assert isinstance(results.records[0][1], Record)
