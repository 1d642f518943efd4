"""Sweeps of twelve cells by three engines: equal records, kills, and what a sweep costs beside a plain loop.

``python benchmarks/sweep.py FOLDER`` writes its runs into a folder and goes on where it was. It takes about
half an hour on two cores. It prints one line a check and ends with exit code 1 where one does not hold.

- *equal*: every number of every record is the same by processes, Ray, and jobs of submitit.
- *killed*: drivers and workers are killed 20 times at random. No finished cell is made again, and the table
  is that of the sweep that nobody killed.
- *overhead*: processor seconds of the sweep, divided by those of a shell loop over the same commands. A ratio
  of wall-clock times is printed beside it, which other programs on the machine change.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from wsbench.contract import records
from wsbench.contract.plugins import find
from wsbench.studies.sweeps.api import Sweep, named_sweep
from wsbench.studies.sweeps.driver import work_of
from wsbench.utils.progress import Silent

STUDY = {
    "methods": "kd_teacher",
    "datasets": "phantom",
    "presets": "quick",
    "options": {"learning_rate": [1e-4, 3e-4, 1e-3, 3e-3], "epochs": 2, "resize": 32, "crop": 32},
    "data_options": {"images": 200, "size": 64},
    "seeds": [0, 1, 2],
    "references": False,
    "device": "cpu",
}
ENGINES = {"local": [], "ray": [], "submitit": ["-E", "time=30"]}
KILLS = 20
SECONDS = (4.0, 16.0)
"""Between the start of a driver and its kill."""


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    Path("study.yaml").write_text(yaml.safe_dump(STUDY))
    checks = [overhead, equal, killed]
    sys.exit(0 if all([check() for check in checks]) else 1)


def overhead() -> bool:
    """A plain loop of commands, and a sweep with one cell at a time."""
    commands = [
        [
            sys.executable,
            "-m",
            "wsbench",
            *work_of(run, "", run_study("loop").form, Path(), Path("loop")).command.words,
        ]
        for run in run_study("loop").planned
    ]

    def loop() -> None:
        for words in commands:
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    plain, swept = spent(loop), spent(lambda: sweep("alone", "local", 1))
    ratios = [after / before for before, after in zip(plain, swept, strict=True)]
    print(
        f"overhead: loop {plain[0]:.0f} s of processor and {plain[1]:.0f} s of time, sweep {swept[0]:.0f} "
        f"and {swept[1]:.0f}: ratios {ratios[0]:.3f} and {ratios[1]:.3f}",
        flush=True,
    )
    return ratios[0] <= 1.05


def equal() -> bool:
    """The records of all engines."""
    expected, same = numbers("loop"), True
    for engine in ENGINES:
        seconds = spent(lambda engine=engine: sweep(engine, engine, 2))[1]
        equal_records = numbers(engine) == expected
        print(f"equal: {engine}: {equal_records}, {len(expected)} records ({seconds:.0f} s)", flush=True)
        same &= equal_records
    return same


def killed() -> bool:
    """Kills of drivers and of workers."""
    rng, kills, redone, rounds, driver_kills = random.Random(0), 0, 0, 0, 0
    same = True
    while kills < KILLS:
        runs, engine = f"killed{rounds}", list(ENGINES)[rounds % len(ENGINES)]
        rounds += 1
        while len(finished(runs)) < 48 and kills < KILLS:
            before = finished(runs)
            driver = start(runs, engine, 2)
            time.sleep(rng.uniform(*SECONDS))
            of_driver = rng.random() < 0.5
            if kill(driver, of_driver=of_driver, rng=rng):
                kills += 1
                driver_kills += of_driver
            if of_driver:
                driver.wait()
                wait_for_the_end_of_workers(runs)
            else:
                driver.wait()
            after = finished(runs)
            redone += sum(after.get(path) != made for path, made in before.items())
        sweep(runs, engine, 2)
        same &= numbers(runs) == numbers("loop") and tables(runs) == tables("alone")
    print(
        f"killed: {kills} kills ({driver_kills} of drivers) in {rounds} sweeps: {redone} finished stages "
        f"made again, table and records equal: {same}",
        flush=True,
    )
    return same and redone == 0


def run_study(runs: str) -> Sweep:
    return named_sweep(Path("study.yaml"), {}, find(), Path(runs), Silent())


def start(runs: str, engine: str, jobs: int) -> subprocess.Popen[bytes]:
    words = ["sweep", "study.yaml", "--runs", runs, "--engine", engine, "--jobs", str(jobs), "-q"]
    return subprocess.Popen(
        [sys.executable, "-m", "wsbench", *words, *ENGINES[engine]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def sweep(runs: str, engine: str, jobs: int) -> None:
    if code := start(runs, engine, jobs).wait():
        sys.exit(
            f"the sweep of {runs} by {engine} ended with {code}; see the logs in {runs}/sweeps/study/logs"
        )


def spent(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds of processor of the children of this process, and seconds of time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, time.monotonic() - began


def kill(driver: subprocess.Popen[bytes], *, of_driver: bool, rng: random.Random) -> bool:
    """Kill the driver, or one of the commands that run under it; whether there was one."""
    if driver.poll() is not None:
        return False
    if of_driver:
        driver.kill()
        return True
    workers = commands_of(f"{Path().absolute()}/killed")
    if not workers:
        driver.kill()
        return False
    os.kill(rng.choice(workers), signal.SIGKILL)
    return True


def commands_of(words: str) -> list[int]:
    """The numbers of processes of ``wsbench run`` whose words have some others among them."""
    result = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if " -m wsbench run " in line and words in line:
            result.append(int(path.parent.name))
    return result


def wait_for_the_end_of_workers(runs: str) -> None:
    until = time.monotonic() + 30
    while commands_of(str(Path(runs).absolute())) and time.monotonic() < until:
        time.sleep(0.2)
    if left := commands_of(str(Path(runs).absolute())):
        print(f"killed: {len(left)} commands have not ended with their driver", flush=True)


def finished(runs: str) -> dict[Path, int]:
    """The stages of finished runs, and when each was written."""
    result = {}
    for path in Path(runs).glob(f"phantom/kd_teacher/*/{records.FILE}"):
        for stage in ("fit", "predict", "score", "measure"):
            mark = path.parent / stage / "stage.json"
            result[mark] = mark.stat().st_mtime_ns
    return result


def numbers(runs: str) -> dict[str, str]:
    """All that records say of scores, by the name of the run's folder."""
    paths = Path(runs).glob(f"phantom/kd_teacher/*/{records.FILE}")
    return {path.parent.name: json.dumps(records.load(path).protocols) for path in paths}


def tables(runs: str) -> str:
    return (Path(runs) / "sweeps/study/results.csv").read_text()


if __name__ == "__main__":
    main()
