"""The report of 50 runs on 1,000 test images: its size, and how long it takes to build and to open.

``python benchmarks/report.py FOLDER`` makes the runs in a folder, from synthetic predictions, and goes on
where it was. It takes some minutes the first time. It prints one line a measurement, and ends with exit code
1 where a limit is not kept: 3 MB without pictures, two seconds to open. A headless Chromium opens the page,
without a network, if it and Playwright are installed.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import wsbench
from wsbench.contract import records
from wsbench.data.dataset import Loaded
from wsbench.reports.web.report import api

RUNS, PROGRAMS = 50, 5
"""Runs of the report, and how many of them have predictions of their own."""

DATA = {"images": 3940}
"""Settings of the phantom that leave a thousand images for the test role."""

GRID = 16
"""Side of the heatmaps."""

LARGEST_MB, LONGEST_OPENING = 3.0, 2.0
OPENINGS = 5


def main() -> None:
    folder = Path(sys.argv[1])
    loaded = wsbench.load_dataset("phantom", data_options=DATA)
    print(f"test images: {len(loaded.roles.members['test'])}")
    originals = [evaluated(number, loaded, folder / "evaluated") for number in range(PROGRAMS)]
    runs = [
        copied(originals[number % PROGRAMS], folder / "runs", f"method{number:02}") for number in range(RUNS)
    ]
    kept = [
        measured(runs, folder / "tables.html", images=0),
        measured(runs, folder / "cases.html", images=api.IMAGES),
    ]
    sys.exit(0 if all(kept) else 1)


def evaluated(number: int, loaded: Loaded, runs: Path) -> Path:
    """The folder of a run whose scores and heatmaps are the better, the higher its number is."""
    name = f"program{number:02}"
    there = list(runs.glob(f"phantom/{name}/*/record.json"))
    if there:
        return there[0].parent
    record = wsbench.evaluate(predictions(number, loaded), "phantom", name=name, data_options=DATA, runs=runs)
    assert record.folder is not None
    print(f"{name}: {record.value('cond_ap25'):.3f}", flush=True)
    return record.folder


def copied(run: Path, runs: Path, name: str) -> Path:
    """A copy of a finished run, as if a method of this name had made the predictions."""
    folder = runs / "phantom" / name / run.name
    if not (folder / records.FILE).exists():
        shutil.copytree(run, folder)
        record = records.load(folder / records.FILE)
        method = {**record.method, "name": name, "preset": "default"}  # rows of programs are in nobody's rank
        records.write(replace(record, method=method), folder / records.FILE)
    return folder


def predictions(number: int, loaded: Loaded) -> dict[str, np.ndarray]:
    """Arrays of a program: a blob near the first lesion of an image, or anywhere, and a noisy class score."""
    generator = np.random.default_rng(number)
    wanted = {name for role in ("select", "calibrate", "test") for name in loaded.roles.members[role]}
    samples = [sample for sample in loaded.samples if sample.name in wanted]
    y, x = (np.mgrid[:GRID, :GRID] + 0.5) / GRID
    scores, maps = [], []
    for sample in samples:
        centre = generator.random(2)
        if sample.boxes:
            box = sample.boxes[0]
            middle = ((box.x0 + box.x1) / 2 / sample.width, (box.y0 + box.y1) / 2 / sample.height)
            centre = np.array(middle) + generator.normal(0, 0.3 * (1 - number / PROGRAMS), 2)
        level = 0.3 + 0.3 * bool(sample.labels) + generator.normal(0, 0.25)
        scores.append([np.clip(level, 0.01, 0.99)])
        maps.append([np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 0.02)])
    return {
        "names": np.array([sample.name for sample in samples]),
        "classes": np.array(loaded.dataset.classes),
        "scores": np.array(scores, dtype=np.float32),
        "heatmaps": np.array(maps, dtype=np.float16),
    }


def measured(runs: list[Path], out: Path, *, images: int) -> bool:
    """Build and open a report, and say whether it keeps the limits."""
    wall, processor = time.perf_counter(), time.process_time()
    api.report(runs, out, images=images)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    size, seconds = out.stat().st_size / 1e6, opening_seconds(out)
    opened = "not measured, no Chromium" if seconds is None else f"{seconds:.2f} s"
    built = f"built in {wall:.1f} s ({processor:.1f} s of CPU)"
    print(f"{images} pictures: {size:.2f} MB, {built}, opened in {opened}", flush=True)
    return (images > 0 or size <= LARGEST_MB) and (seconds is None or seconds <= LONGEST_OPENING)


def opening_seconds(file: Path) -> float | None:
    """The median time from the address to the end of loading in a fresh window, in seconds; None without a
    browser."""
    executable = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if executable is None:
        return None
    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for _ in range(OPENINGS):
            context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)
            page = context.new_page()
            started = time.perf_counter()
            page.goto(file.resolve().as_uri(), wait_until="load")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            seconds.append(time.perf_counter() - started)
            context.close()
        browser.close()
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
