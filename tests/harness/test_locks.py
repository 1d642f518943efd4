"""Locks between processes: waited for, not for ever, and taken over from the dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wsbench.errors import WsbenchError
from wsbench.files import locks
from wsbench.files.locks import held, held_for_a_moment
from wsbench.runs.stages import locked

HOLD = """
import sys, time
from pathlib import Path
from wsbench.files.locks import held
with held(Path(sys.argv[1]), print):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def holder(lock: Path, seconds: float) -> Iterator[subprocess.Popen]:
    """Another process that holds a lock."""
    words = [sys.executable, "-c", HOLD, str(lock), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_another_process_is_waited_for_and_named(tmp_path: Path) -> None:
    said: list[str] = []
    with holder(tmp_path / ".lock", 0.5) as other, held(tmp_path / ".lock", said.append, patience=60):
        pass
    assert len(said) == 1 and f"waiting for process {other.pid} of " in said[0]


def test_nobody_is_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    with holder(tmp_path / ".lock", 60) as other:
        expected = f"is held by process {other.pid} of .*, which does not go on; stop it"
        with pytest.raises(WsbenchError, match=expected), held_for_a_moment(tmp_path / ".lock"):
            pass


def test_a_process_that_gets_on_is_waited_for_longer(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        holder(tmp_path / ".lock", 1.5),
        held(
            tmp_path / ".lock",
            lambda line: None,
            patience=0.5,
            sign_of_life=lambda: int(5 * (time.monotonic() - began)),
        ),
    ):
        assert time.monotonic() - began > 1


def test_the_lock_of_a_dead_process_is_taken_over_and_said(tmp_path: Path) -> None:
    with holder(tmp_path / ".lock", 60) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        said: list[str] = []
        with locked(tmp_path, said.append):
            pass
    (line,) = said
    assert f"took over the lock of process {other.pid} of " in line
    said.clear()
    with locked(tmp_path, said.append):
        pass
    assert said == []


def test_children_of_a_dead_process_are_waited_for(tmp_path: Path) -> None:
    """A worker that was forked holds the lock of its parent until it notices that this was killed."""
    code = HOLD.replace("time.sleep", "import os; os.fork() and os.kill(os.getpid(), 9); time.sleep")
    words = [sys.executable, "-c", code, str(tmp_path / ".lock"), "1"]
    assert subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode == -signal.SIGKILL
    with locked(tmp_path):
        pass


def test_a_living_process_is_named_at_once(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(WsbenchError, match=f"in use by process {os.getpid()} of .*; wait for it, or stop it"),
        locked(tmp_path),
    ):
        pass


ADD = """
import sys
from pathlib import Path
from wsbench.runs.evaluation_log import note
for seed in range(10):
    note(Path(sys.argv[1]), fingerprint="f00d", method="m", settings={}, seed=seed)
"""


def test_four_processes_lose_no_evaluation(tmp_path: Path) -> None:
    log = tmp_path / "evaluations.jsonl"
    words = [sys.executable, "-c", ADD, str(log)]
    processes = [subprocess.Popen(words) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert len([json.loads(line) for line in log.read_text().splitlines()]) == 40
