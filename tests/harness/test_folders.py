"""Atomic writes, locks and stages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wsbench.errors import WsbenchError
from wsbench.files.writing import atomic, write_json
from wsbench.runs.stages import locked, stage
from wsbench.utils.hashing import key_of


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"new": float("nan")})
    with pytest.raises(KeyboardInterrupt), atomic(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert json.loads(path.read_text()) == {"old": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_written_file_can_be_read_by_others(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)
    (tmp_path / "b").write_text("1")
    assert (tmp_path / "a.json").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_keys_depend_on_values_and_not_on_order() -> None:
    assert key_of({"a": 1, "b": [2, None]}) == key_of({"b": [2, None], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_the_second_process_says_so_and_stops(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from wsbench.runs.stages import locked\n"
        "with locked(Path(sys.argv[1])): pass"
    )
    with locked(tmp_path / "run"):
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True, check=False
        )
    assert "is in use by process" in other.stderr and "; wait for it, or stop it" in other.stderr
    with locked(tmp_path / "run"):  # released
        pass


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from wsbench.runs.stages import locked\n"
        "with locked(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=False)
    with locked(tmp_path / "run"):
        pass


def test_a_finished_stage_is_skipped_until_its_inputs_change(tmp_path: Path) -> None:
    calls = []

    def work(folder: Path) -> dict:
        calls.append(sorted(path.name for path in folder.iterdir()))
        (folder / "result").write_text("x")
        return {"answer": len(calls)}

    first = stage(tmp_path, "fit", {"seed": 0}, work)
    again = stage(tmp_path, "fit", {"seed": 0}, work)
    assert (first.fresh, again.fresh) == (True, False)
    assert (first.key, first.facts) == (again.key, again.facts)
    assert first.facts["answer"] == 1
    assert first.facts["cost"]["seconds"] >= 0
    assert first.facts["cost"]["peak_megabytes"] > 0
    changed = stage(tmp_path, "fit", {"seed": 1}, work)
    assert changed.facts["answer"] == 2
    assert changed.key != first.key
    assert calls == [["stage.json"], ["stage.json"]]  # the old result was removed


def test_an_unfinished_stage_finds_what_it_left(tmp_path: Path) -> None:
    def killed(folder: Path) -> dict:
        (folder / "checkpoint").write_text("half")
        raise WsbenchError("killed")

    def resumed(folder: Path) -> dict:
        return {"found": (folder / "checkpoint").read_text()}

    with pytest.raises(WsbenchError):
        stage(tmp_path, "fit", {"seed": 0}, killed)
    assert stage(tmp_path, "fit", {"seed": 0}, resumed).facts["found"] == "half"


def test_an_unfinished_stage_of_other_inputs_starts_anew(tmp_path: Path) -> None:
    def killed(folder: Path) -> dict:
        (folder / "checkpoint").write_text("half")
        raise WsbenchError("killed")

    with pytest.raises(WsbenchError):
        stage(tmp_path, "fit", {"seed": 0}, killed)
    anew = stage(tmp_path, "fit", {"seed": 1}, lambda folder: {"there": (folder / "checkpoint").exists()})
    assert anew.facts["there"] is False
