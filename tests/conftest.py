"""What all tests share: caches of their own, builders of tables, and the real data where it is at hand."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import settings

import wsbench
from browser import chromium, open_page  # noqa: F401 - fixtures
from cases_examples import films  # noqa: F401 - a fixture
from report_examples import finished_runs  # noqa: F401 - a fixture
from site_examples import committed_site  # noqa: F401 - a fixture
from wsbench.cli import main, reporting
from wsbench.contract import provenance
from wsbench.contract.plugins import find
from wsbench.contract.specs import MetricSpec
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring import measuring
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Heatmaps, Scored
from wsbench.torch import inference
from wsbench.types import Box, ScoredBox

settings.register_profile("wsbench", deadline=None, derandomize=True)  # no test fails by chance or by time
settings.load_profile("wsbench")

# Tests run in as many processes as there are cores: more threads would spin while they wait for each other,
# and trainings take four times as long. Libraries read this when they are first imported.
os.environ["OMP_NUM_THREADS"] = "1"

REAL_DATA = os.environ.get("WSBENCH_REAL_DATA")

METRICS = find().metrics
"""By name, those of the built-in plugins."""


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or fills the user's cache."""
    os.environ["WSBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_waited_for() -> Iterator[None]:
    """What takes a user's time and is not tested: in this process nothing is timed for longer than the fewest
    repeats, no file is flushed to the disk, as if a power cut could come, git is asked for the state of the
    source once, and a run's report has no curves. A test of one of them replaces it itself; commands in other
    processes do it all."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(inference, "TIMING_SECONDS", 0.0)
        patched.setattr(reporting, "MOST_SCORES", 0)
        patched.setattr(os, "fsync", lambda _: None)
        patched.setattr(provenance, "source_state", functools.cache(provenance.source_state))
        yield


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test depends on the user's variables or working directory."""
    for name in ("WSBENCH_PLUGINS", "WSBENCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def all_imported() -> None:
    """Every module of wsbench is imported: one that is first imported while a test has replaced a function of
    another module would keep the replacement for all tests that follow."""
    for module in pkgutil.walk_packages(wsbench.__path__, "wsbench."):
        importlib.import_module(module.name)


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """Gives a folder of real radiographs by its name, where ``WSBENCH_REAL_DATA`` has it."""

    def folder(name: str) -> Path:
        if not REAL_DATA:
            pytest.skip("WSBENCH_REAL_DATA names no folder of real radiographs")
        path = (Path(__file__).parents[1] / REAL_DATA / name).resolve()
        if not path.is_dir():
            pytest.skip(f"WSBENCH_REAL_DATA: {path} does not exist")
        return path

    return folder


@pytest.fixture
def real_tbx11k(real_data: Callable[[str], Path]) -> Path:
    """The subset of real TBX11K files."""
    return real_data("tbx11k-mini")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]):
    """Runs a command line; gives exit code, standard output and error stream."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(words)
        captured = capsys.readouterr()
        return end.value.code, captured.out, captured.err

    return run


def refused(result: tuple[int, str, str]) -> str:
    """The one line of a refusal."""
    code, _out, err = result
    assert code == 2
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert err.splitlines()[-1] == line
    return line.removeprefix("error: ")


def table(
    truth: Sequence[Sequence[Box]],
    predicted: Sequence[Sequence[ScoredBox]],
    *,
    labels: Sequence[Sequence[int]] | None = None,
    scores: Sequence[Sequence[float]] | None = None,
    operating_points: Sequence[float] | None = None,
    classes: Sequence[str] = ("tb",),
) -> Scored:
    """A table of 100 x 100 images; a class is present where it has a box unless ``labels`` says otherwise."""
    count = len(truth)
    if labels is None:
        labels = [[int(any(box.label == name for box in boxes)) for name in classes] for boxes in truth]
    return Scored(
        classes=tuple(classes),
        names=tuple(f"image{row}" for row in range(count)),
        sizes=np.full((count, 2), 100),
        labels=np.array(labels, dtype=bool).reshape(count, len(classes)),
        known=np.ones((count, len(classes)), dtype=bool),
        scores=np.array(scores if scores is not None else np.full((count, len(classes)), 0.5), dtype=float),
        operating_points=np.array(operating_points or [0.5] * len(classes)),
        truth=BoxTable.of(truth, classes),
        predicted=BoxTable.of(predicted, classes),
    )


def measured(compute: Callable, scored: Scored) -> dict:
    """A metric's function as a record shows it: value, per class, interval."""
    draws = Resamples.draw(scored.names, 20, seed=0)
    return measuring.metric_results(scored, {"metric": MetricSpec("metric", "", compute)}, draws)["metric"]


def value(compute: Callable, scored: Scored) -> float | None:
    """A metric's macro value."""
    return measured(compute, scored)["value"]


def box(x0: float, y0: float, x1: float, y1: float, label: str = "tb") -> Box:
    """A truth box."""
    return Box(label, x0, y0, x1, y1)


def found(x0: float, y0: float, x1: float, y1: float, score: float = 0.5, label: str = "tb") -> ScoredBox:
    """A predicted box."""
    return ScoredBox(label, x0, y0, x1, y1, score)


def benchmark_module(name: str) -> ModuleType:
    """A module of ``benchmarks``, which is no package."""
    folder = str(Path(__file__).parents[1] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)


def taken(scored: Scored, rows: np.ndarray) -> Scored:
    """A table of some of the images, as often as they occur."""

    def boxes(kind: BoxTable) -> BoxTable:
        chosen = [np.flatnonzero(kind.image == row) for row in rows]
        image = np.repeat(np.arange(len(rows)), [len(of_image) for of_image in chosen])
        return replace(kind.where(np.concatenate(chosen)), image=image)

    maps = scored.heatmaps
    return Scored(
        classes=scored.classes,
        names=tuple(f"{number} {scored.names[row]}" for number, row in enumerate(rows)),
        sizes=scored.sizes[rows],
        labels=scored.labels[rows],
        known=scored.known[rows],
        truth=boxes(scored.truth),
        scores=scored.scores[rows],
        operating_points=scored.operating_points,
        predicted=boxes(scored.predicted),
        heatmaps=maps and Heatmaps(maps.maps[rows], [maps.regions[row] for row in rows]),
        calibrate=scored.calibrate,
        masks={
            (number, column): scored.masks[row, column]
            for number, row in enumerate(rows.tolist())
            for column in range(len(scored.classes))
            if (row, column) in scored.masks
        },
        box_thresholds=scored.box_thresholds,
    )
