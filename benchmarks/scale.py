"""What size costs: ``python benchmarks/scale.py [rows] [deal] [score] [boxes]`` prints time and peak memory.

* ``rows``: ranks and intervals of so many rows of five seeds, and their leaderboard page.
* ``deal``: as many images as NIH ChestX-ray14 has (112,120), in samples, roles and fingerprint.
* ``score``: its official test list (25,596 images, 14 findings, heatmaps) predicted and scored.
* ``boxes``: a thousand boxes an image in place of heatmaps.

Each runs in a process of its own, so that the peak is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

import wsbench
from wsbench.contract import plugins, records
from wsbench.reports import leaderboard
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

PLUGIN = Path(__file__).with_name("scale_plugin.py")
RECORDS = Path(__file__).parents[1] / "leaderboards" / "records" / "phantom"
CATALOGUE = """\
scale:
  stratified: false
  calibrate_is_tested: true
  roles:
    trained: {fit: 0.875, select: 0.125}
    tested: {calibrate: 0.02, test: 0.98}
"""


def rows(count: int) -> None:
    """The page of so many rows, from records of a real one moved by noise."""
    templates = [records.load(path) for path in sorted(RECORDS.glob("kd_student-*.json.xz"))]
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        with timed(f"{count} rows of {len(templates)} seeds written"):
            for row in range(count):
                for template in templates:
                    record = _moved(template, f"method_{row:03d}", generator)
                    path = Path(folder) / "records" / "phantom" / f"{row:03d}-{template.seed}.json.xz"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    records.write(record, path)
        with timed("read, ranked and written as a page"):
            (page,) = [
                path
                for path in leaderboard.update(Path(folder), plugins.find().metrics)
                if path.stem == "phantom"
            ]
        print(f"  the page has {page.stat().st_size / 1e6:.1f} MB")


def _moved(record: records.Record, name: str, generator: np.random.Generator) -> records.Record:
    """A record of another method, its ranking measure moved by noise."""
    shift = float(generator.normal(0, 0.05))
    protocols = json.loads(json.dumps(record.protocols))
    ranking, drawn = protocols["uniform"]["metrics"]["cond_ap25"], protocols["uniform"]["draws"]
    ranking["value"] += shift
    drawn["cond_ap25"] = [value + shift for value in drawn["cond_ap25"]]
    method = {**record.method, "name": name}
    return replace(record, method=method, protocols=protocols, training=f"{name} {record.seed}")


def deal(images: int) -> None:
    """Samples, roles and fingerprint of so many images."""
    known = plugins.find([PLUGIN])
    options = {"trained": images - images // 5, "tested": images // 5}
    with timed(f"{images} samples made and sorted"):
        loaded = load_dataset(known, "scale", options, Silent())
    with timed("dealt"):
        roles = loaded.roles
    with timed("fingerprint"):
        assert loaded.fingerprint
    print(f"  {', '.join(f'{len(names)} {role}' for role, names in roles.members.items())}")


def score(images: int) -> None:
    """Predict and score so many tested images with a heatmap of each of 14 findings."""
    _run({"tested": images, "trained": 1000}, {})


def boxes(images: int) -> None:
    """Predict and score so many tested images with a thousand boxes each."""
    _run({"tested": images, "trained": 1000, "boxed": images // 4, "classes": 2}, {"boxes": 500})


def _run(size: dict[str, int], maps: dict[str, int]) -> None:
    record = wsbench.run(
        "made_up", "scale", data_options=size, options=maps, runs="runs", plugin_files=[PLUGIN]
    )
    for stage, cost in record.stages.items():
        print(f"  {stage}: {cost['seconds']:.1f} s, peak {cost['peak_megabytes'] / 1024:.1f} GiB")
    replay = record.folder / "replay.npz"
    print(f"  the predictions of a submission have {replay.stat().st_size / 1e6:.1f} MB")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took."""
    start = time.perf_counter()
    yield
    print(f"  {what}: {time.perf_counter() - start:.1f} s", flush=True)


PARTS: dict[str, tuple[Callable[[int], None], int]] = {
    "rows": (rows, 500),
    "deal": (deal, 112_120),
    "score": (score, 25_596),
    "boxes": (boxes, 620),
}


def apart(part: str, count: int) -> None:
    """One part, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("datasets.yaml").write_text(CATALOGUE)
        start = time.perf_counter()
        PARTS[part][0](count)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  all: {time.perf_counter() - start:.1f} s, peak {peak:.1f} GiB", flush=True)
        os.chdir("/")


def main() -> int:
    """Measure the parts that are named, or all."""
    parser = argparse.ArgumentParser(description="What size costs.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all by default")
    parser.add_argument("--count", type=int, help="of rows or images, in place of each part's own")
    arguments = parser.parse_args()
    for part in arguments.parts or PARTS:
        count = arguments.count or PARTS[part][1]
        print(f"{part} {count}", flush=True)
        process = multiprocessing.get_context("spawn").Process(target=apart, args=(part, count))
        process.start()
        process.join()
        if process.exitcode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
