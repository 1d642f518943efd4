"""Sends signals to commands at random moments and counts what they leave: run by hand, on Linux.

``python benchmarks/signals.py --each 20`` prints the table of docs/reliability.md. A command is right
if it ends with the signal's exit code after one line within `wsbench.utils.signals.GRACE` seconds, leaves
no process after two, and the same command typed again ends with 0, with the files of one that was left alone
and no ``.part``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wsbench.reports.board_tables import markdown_table
from wsbench.utils.signals import GRACE, LINE

START = [sys.executable, "-c", "from wsbench.cli import command; command()"]
SMALL = ["-D", "images=120", "-D", "size=128", "-q"]
COMMANDS = {
    "data make": ["data", "make", "phantom", "made", "--layout", "tbx11k", *SMALL],
    "run": ["run", "-m", "low_level", "-d", "phantom", "--no-references", "--runs", "made", *SMALL],
}
COMPARED = ("*.png", "*.json", "scores.csv", "boxes.csv", "protocols.json")
OWN = ("record.json", "stage.json", "facts.json", "checksums.json")
"""Files that hold times, or hashes of files that do."""
SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGKILL": -9}
PYTHON_STARTS = 0.3
"""Seconds in which Python reads its own modules, with no code of wsbench running."""


def group(leader: int) -> list[int]:
    """The living processes that a command began."""
    alive = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, number = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == leader and state != "Z":
            alive.append(int(path.parent.name))
    return alive


def digest(folder: Path) -> str:
    """Of all files that two equal commands leave equal."""
    paths = {path for pattern in COMPARED for path in folder.rglob(pattern) if path.name not in OWN}
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


def environment(folder: Path) -> dict[str, str]:
    """A cache of the folder's own."""
    return {**os.environ, "WSBENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}


def finish(words: list[str], folder: Path) -> tuple[int, float]:
    """Exit code and seconds of a command that is left alone."""
    started = time.monotonic()
    done = subprocess.run(
        START + words, cwd=folder, env=environment(folder), capture_output=True, check=False
    )
    return done.returncode, time.monotonic() - started


def interrupt(words: list[str], folder: Path, name: str, delay: float) -> list[str]:
    """What is wrong with the end of a command that gets a signal after some seconds."""
    process = subprocess.Popen(
        START + words,
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(delay)
    number = getattr(signal, name)
    # A terminal sends Ctrl-C and its own end to all processes of a command.
    (os.killpg if name in ("SIGINT", "SIGHUP") else os.kill)(process.pid, number)
    asked, wrong = time.monotonic(), []
    process.wait()
    if time.monotonic() - asked > GRACE + 1:
        wrong.append("late")
    time.sleep(2)
    if left := group(process.pid):
        wrong.append("orphans")
        for worker in left:
            os.kill(worker, signal.SIGKILL)
    said = process.communicate()[1]
    if process.returncode == 0:
        return wrong  # it had ended
    if process.returncode != SIGNALS[name]:
        wrong.append("exit code")
    if said != (f"{LINE}\n" if name != "SIGKILL" else ""):
        wrong.append("words")
    return wrong


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", type=int, default=20, help="signals of each kind to each command")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    kinds = ("late", "orphans", "exit code", "words", "again", "differs", ".part")
    rows = []
    for command, words in COMMANDS.items():
        with tempfile.TemporaryDirectory() as alone:
            code, seconds = finish(words, Path(alone))
            assert code == 0, "the command fails when it is left alone"
            expected = digest(Path(alone) / "made")
        for name in SIGNALS:
            wrong: list[str] = []
            for _ in range(chosen.each):
                with tempfile.TemporaryDirectory() as place:
                    folder = Path(place)
                    wrong += interrupt(words, folder, name, chance.uniform(PYTHON_STARTS, seconds))
                    wrong += ["again"] * (finish(words, folder)[0] != 0)
                    wrong += ["differs"] * (digest(folder / "made") != expected)
                    wrong += [".part"] * any(".part" in path.name for path in folder.rglob("*"))
            rows.append([f"{command}, {name}", str(chosen.each), *(str(wrong.count(kind)) for kind in kinds)])
            print(rows[-1], file=sys.stderr, flush=True)
    print(markdown_table(["command, signal", "times", *kinds], rows), end="")


if __name__ == "__main__":
    main()
