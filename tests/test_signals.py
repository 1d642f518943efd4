"""Commands that are told to stop, or are killed: one line, the exit code, no process and no file left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wsbench.utils.signals import GRACE, LINE

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")

# What a background job or `nohup` ignores, its children ignore, too: also the commands of these tests.
HEED = "import signal as s; [s.signal(n, s.SIG_DFL) for n in (1, 15)]; s.signal(2, s.default_int_handler)\n"
MAIN = "from wsbench.cli import command; command()"
# Enough images that their workers are at it for seconds.
RUN = ["run", "-m", "low_level", "-d", "phantom", "-D", "images=300", "--no-references", "-q"]
MAKE = ["data", "make", "phantom", "made", "--layout", "tbx11k", "-D", "size=64", "-D", "images=80", "-q"]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Starts a command in a process group of its own; whatever is left of it is killed after the test."""
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))
    started = []

    def start_(*words: str, code: str = MAIN) -> subprocess.Popen:
        command = [sys.executable, "-c", HEED + code, *words]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start_
    for process in started:
        if group(process):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def group(process: subprocess.Popen) -> list[str]:
    """The processes of a command that are alive, as /proc says."""
    alive = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, leader = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(leader) == process.pid and state != "Z":
            alive.append(path.parent.name)
    return alive


def command(number: str) -> str:
    """The words of a process's command; empty where it has just ended."""
    try:
        return (Path("/proc") / number / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def wait(until: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def at_work(process: subprocess.Popen) -> bool:
    """Whether workers of a command have used a fifth of a second of a processor: they are past importing."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = []
    for number in group(process):
        try:
            words = (Path("/proc") / number / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used.append(int(words[11]) / ticks > 0.2 and int(number) != process.pid)
    return any(used)


@pytest.mark.parametrize(("number", "code"), CODES.items(), ids=str)
def test_a_signal_while_workers_render(start, tmp_path: Path, number: int, code: int) -> None:
    process = start(*RUN)
    wait(lambda: at_work(process))
    os.killpg(process.pid, number)  # as a terminal does
    assert process.wait(GRACE + 1) == code
    wait(lambda: not group(process), 2)
    out, err = process.communicate()
    assert (out, err) == ("", f"{LINE}\n")
    assert not [path for path in tmp_path.rglob(".*.part")]


def test_ctrl_c_while_workers_start(start) -> None:
    """They are still importing then, and Python would print a traceback of each."""
    process = start(*RUN)
    wait(lambda: any("popen_loky" in words for words in map(command, group(process))))
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(GRACE + 1) == 130
    wait(lambda: not group(process), 2)
    assert process.communicate() == ("", f"{LINE}\n")


def test_no_worker_outlives_a_killed_command(start) -> None:
    process = start(*RUN)
    wait(lambda: at_work(process))
    process.kill()
    process.wait()
    wait(lambda: not group(process), 2)


def test_ctrl_c_while_modules_are_imported(start) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    out, err = start("list", code=code + MAIN).communicate(timeout=60)
    assert (out, err) == ("", f"{LINE}\n")


SLOW = """
import time, wsbench
class Settings(wsbench.Settings): pass
class Slow(wsbench.Method):
    def predict(self, images):
        print("predicting", flush=True)
        while True:
            try:
                time.sleep(60)
            except BaseException:
                {then}
@wsbench.hookimpl
def wsbench_methods(): return [wsbench.MethodSpec("slow", "", Settings, Slow)]
"""


@pytest.mark.parametrize("then", ["raise ImportError('another exception')", "pass"])
def test_what_others_make_of_a_signal_changes_nothing(start, tmp_path: Path, then: str) -> None:
    (tmp_path / "slow.py").write_text(SLOW.format(then=then))
    words = ["-m", "slow", "--plugin", "slow.py", "-d", "phantom", "-D", "images=80", "-D", "size=64"]
    process = start("run", *words, "-q", "--no-references")
    assert process.stdout.readline() == "predicting\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(GRACE + 2) == 143
    assert process.communicate() == ("", f"{LINE}\n")


def test_a_signal_that_is_ignored_stays_ignored(start, tmp_path: Path) -> None:
    code = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + MAIN
    (tmp_path / "hangs_up.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGHUP)\n")
    process = start("list", "--plugin", "hangs_up.py", code=code)
    assert "phantom" in process.communicate(timeout=60)[0]
    assert process.returncode == 0


KILLED = """
import os, pathlib, signal
real = pathlib.Path.{step}
def step(self, *words, **others):
    result = real(self, *words, **others)
    if "made" in self.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
pathlib.Path.{step} = step
"""


@pytest.mark.parametrize("step", ["mkdir", "rename"])
def test_data_make_killed_and_typed_again(start, tmp_path: Path, step: str) -> None:
    killed = start(*MAKE, code=KILLED.format(step=step) + MAIN)
    assert killed.wait(60) == -signal.SIGKILL
    process = start(*MAKE)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("80 images in made")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["made"]
    assert len(list(tmp_path.glob("made/imgs/*/*.png"))) == 80


def test_a_signal_while_python_ends(start, tmp_path: Path) -> None:
    """All is done and said, and what libraries do at the end takes long: a signal does not wait for it."""
    (tmp_path / "lingers.py").write_text("import atexit, time\natexit.register(time.sleep, 30)\n")
    for number, code in CODES.items():
        process = start("list", "--plugin", "lingers.py")
        assert any("metric" in line for line in process.stdout)
        time.sleep(0.5)
        process.send_signal(number)
        assert process.wait(GRACE) == code
        assert process.communicate()[1] == f"{LINE}\n"
