"""Files of external predictions and the seeds that they are of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import METRICS, refused
from external_examples import finished_run, results_of, small_phantom
from wsbench.contract import records
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.reports import leaderboard


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    """A finished run, and the plugin file of its method."""
    return finished_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return small_phantom()


def write_results(loaded: Loaded, folder: Path, count: int) -> list[str]:
    """Files of a box on every test image, each somewhere else; their names."""
    names = [f"{number}.json" for number in range(count)]
    for number, name in enumerate(names):
        boxes = [(sample.name, [60 + 30 * number, 60, 160, 200], 0.5) for sample in loaded.samples_of("test")]
        (folder / name).write_text(results_of(*boxes))
    return names


def test_files_of_several_seeds_are_one_row(command, loaded: Loaded, tmp_path: Path) -> None:
    words = [word for name in write_results(loaded, tmp_path, 3) for word in ("--predictions", name)]
    common = ["-d", "phantom", "-D", "images=80", "--no-references", "-q", "--name", "program", "--submit"]
    code, out, _ = command("evaluate", *words, "--seeds", "0,1,7", *common)
    assert code == 0
    assert re.search(r"^1\* +program \(external\) .*\n +± over 3 seeds", out, re.MULTILINE)
    assert out.count("record: runs/phantom/program/external-seed") == 3
    found = {r.seed: r for r in map(records.load, tmp_path.glob("runs/phantom/program/*/record.json"))}
    assert sorted(found) == [0, 1, 7]
    assert len({record.value("miou") for record in found.values()}) == 3
    (committed,) = leaderboard.read_records(tmp_path / "leaderboards", METRICS).values()
    assert [(record.seed, record.planned_seeds) for record in committed] == [
        (s, (0, 1, 7)) for s in (0, 1, 7)
    ]
    page = leaderboard.render("phantom", committed, METRICS)
    assert "| program (external) |  | 0, 1, 7 |" in page
    assert "missing 7" in leaderboard.render("phantom", committed[:2], METRICS)


def test_a_file_has_seed_0_unless_another_is_said(command, loaded: Loaded, tmp_path: Path) -> None:
    (name,) = write_results(loaded, tmp_path, 1)
    common = ["-d", "phantom", "-D", "images=80", "--no-references", "-q", "--predictions", name]
    assert command("evaluate", *common)[0] == 0
    assert command("evaluate", *common, "--seed", "5")[0] == 0
    found = [records.load(path) for path in tmp_path.glob("runs/phantom/0/*/record.json")]
    assert sorted(record.seed for record in found) == [0, 5]
    rows = [(record.method["name"], record.method["settings"], record.key) for record in found]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seeds", "0,1,2"], "--seeds 0,1,2: 3 seeds for 2 files of predictions; give every file its seed"),
        ([], "--seeds 0: 1 seed for 2 files of predictions; give every file its seed"),
        (["--seeds", "1,1"], "--seeds 1,1: names a seed twice; give every file a seed of its own"),
        (["--seeds", "1,x"], "--seeds 1,x: must be whole numbers separated by commas, such as 0,1,42"),
        (["--seeds", "0,1"], "2 files of predictions need the name of their program; give --name"),
    ],
)
def test_seeds_that_do_not_fit_their_files(
    command, words: list[str], line: str, loaded: Loaded, tmp_path: Path
) -> None:
    files = [word for name in write_results(loaded, tmp_path, 2) for word in ("--predictions", name)]
    assert refused(command("evaluate", *files, "-d", "phantom", "-D", "images=80", *words)) == line


def test_one_file_is_not_two_seeds(command, loaded: Loaded, tmp_path: Path) -> None:
    (name,) = write_results(loaded, tmp_path, 1)
    (tmp_path / "copy.json").write_bytes((tmp_path / name).read_bytes())
    words = ["--predictions", name, "--predictions", "copy.json", "--seeds", "0,1", "--name", "program"]
    line = refused(command("evaluate", *words, "-d", "phantom", "-D", "images=80"))
    assert line == "0.json and copy.json hold the same predictions: they are of one seed; name one of them"


def test_a_finished_run_has_its_seed(command, run: tuple[Record, Path]) -> None:
    words = ["evaluate", str(run[0].folder), "--plugin", str(run[1]), "-q", "--seed", "3"]
    assert refused(command(*words)).startswith("--seeds 3: needs --predictions; ")
