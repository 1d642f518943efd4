"""Rows beside the rows of the methods that they build on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import wsbench
from conftest import METRICS
from records_examples import example
from wsbench.contract.records import Record
from wsbench.reports import leaderboard, upstream
from wsbench.reports.board import Board
from wsbench.reports.upstream import built_on
from wsbench.runs.stages import stage_key
from wsbench.scoring.significance import Prior

PLUGIN = """
import numpy as np
import wsbench

class Settings(wsbench.Settings):
    shift: float = 0.0

class Bright(wsbench.Method):
    def fit(self, fit, select, run):
        with (run.folder.parents[3] / "fitted").open("a") as file:
            file.write(run.method + "\\n")
    def predict(self, images):
        grey = images.pixels(8, 8)[:] / 255.0
        random = np.random.default_rng(int(self.settings.shift * 10))
        return wsbench.Prediction(grey.mean((1, 2))[:, None], random.random((len(images), 1, 4, 4)))

@wsbench.hookimpl
def wsbench_methods():
    first = lambda settings: {"elder": wsbench.Requirement("elder", {"shift": settings.shift})}
    second = lambda settings: {"parent": wsbench.Requirement("parent", {})}
    return [
        wsbench.MethodSpec("elder", "", Settings, Bright, presets={"own": {}}),
        wsbench.MethodSpec("parent", "", Settings, Bright, requires=first, presets={"own": {}, "p": {}}),
        wsbench.MethodSpec("child", "", Settings, Bright, requires=second, presets={"p": {"shift": 2.0}}),
    ]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "family.py"
    path.write_text(PLUGIN)
    return path


def teacher(seed: int, value: float, draws: list[float], **more: object) -> Record:
    inputs = {"method": "teacher", "seed": seed}
    return replace(
        example("teacher", seed, cond_ap25=value, draws=draws, training=stage_key(inputs), **more),
        trained_from={**inputs, "upstream": {}},
    )


def student(seed: int, value: float, draws: list[float], **more: object) -> Record:
    inputs = {
        "method": "student",
        "seed": seed,
        "upstream": {"teacher": {"method": "teacher", "seed": seed}},
    }
    return replace(
        example("student", seed, cond_ap25=value, draws=draws, training=stage_key(inputs), **more),
        trained_from=inputs,
    )


def test_seeds_are_compared_in_pairs() -> None:
    """Two seeds that differ much, and in whose pairs the student is better by the same: paired, this is
    seen. Compared with the t interval of paired differences, which a prior without weight leaves."""
    values = [(0.2, 0.25), (0.5, 0.56), (0.8, 0.84)]
    steady = [0.5, 0.5, 0.5, 0.5]
    records = [teacher(seed, own, steady) for seed, (own, _) in enumerate(values)]
    records += [student(seed, own, steady) for seed, (_, own) in enumerate(values)]
    (built,) = built_on(Board.of(records, METRICS).rows)
    assert (built.row.first.method["name"], built.on.first.method["name"]) == ("student", "teacher")
    assert built.role == "teacher"
    result = built.difference("cond_ap25", Prior(1e-6, 1.0))
    assert result is not None and result.paired
    assert result.difference == pytest.approx(0.05)
    differences = np.array([0.05, 0.06, 0.04])
    low, high = stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))
    assert result.interval == pytest.approx((low, high), abs=0.004)


def test_only_the_very_trainings_and_all_seeds_are_a_pair() -> None:
    draws = [0.5, 0.6]
    students = [student(seed, 0.5, draws) for seed in (0, 1)]
    other = replace(teacher(1, 0.5, draws), training="another")
    assert built_on(Board.of([*students, teacher(0, 0.5, draws)], METRICS).rows) == []
    assert built_on(Board.of([*students, teacher(0, 0.5, draws), other], METRICS).rows) == []
    more = [teacher(seed, 0.5, draws) for seed in (0, 1, 2)]
    (built,) = built_on(Board.of([*students, *more], METRICS).rows)
    assert [record.seed for record in built.on.records] == [0, 1]


def test_of_rows_of_one_training_the_one_with_the_same_settings_is_taken() -> None:
    draws = [0.5, 0.6]
    rows = [teacher(0, 0.5, draws, settings={"cells": cells}) for cells in ("stretched", "centred")]
    for cells in ("stretched", "centred"):
        own = student(0, 0.6, draws, settings={"cells": cells, "alpha": 1})
        (built,) = built_on(Board.of([*rows, own], METRICS).rows)
        assert built.on.first.method["settings"] == {"cells": cells}


def test_a_page_shows_the_differences() -> None:
    draws = [0.5, 0.6, 0.4]
    records = [make(seed, 0.5, draws) for make in (teacher, student) for seed in (0, 1)]
    page = leaderboard.render("phantom", records, METRICS)
    section = page[page.index("### Less what they build on") :]
    assert "| student (quick) | teacher teacher (quick) | 0, 1 | +0.000 |" in section
    assert "Less what they build on" not in leaderboard.render("phantom", records[:2], METRICS)


def test_p_values_are_corrected_over_the_lines() -> None:
    draws = [[0.5, 0.6, 0.4, 0.5], [0.55, 0.6, 0.5, 0.6]]
    records = [teacher(seed, 0.5, draws[0]) for seed in (0, 1)]
    records += [student(seed, 0.6, draws[1]) for seed in (0, 1)]
    records += [student(seed, 0.7, draws[1], settings={"epochs": 4}) for seed in (0, 1)]
    board = Board.of(records, METRICS)
    lines = upstream.table(board).lines
    alone = [built.difference("cond_ap25", board.prior("cond_ap25")).p for built in built_on(board.rows)]
    assert float(lines[alone.index(min(alone))].cells["p (Holm)"][0]) == pytest.approx(
        min(1, 2 * min(alone)), abs=6e-4
    )


def test_a_run_scores_what_it_builds_on_and_trains_nothing_twice(plugin: Path, command) -> None:
    words = ("run", "-m", "child", "-d", "phantom", "-D", "images=120", "-D", "size=64")
    more = ("--plugin", str(plugin), "--no-references", "-q")
    code, out, err = command(*words, *more, "--no-upstream")
    assert code == 0, err
    assert " less " not in out
    assert not list(Path("runs/phantom/parent").glob("*/record.json"))
    code, out, err = command(*words, *more)
    assert code == 0, err
    assert Path("runs/fitted").read_text().split() == ["elder", "parent", "child"]
    assert "child less parent, its parent; seed 0" in out
    assert "parent less elder, its elder; seed 0" in out
    assert "parent (p)" in out
    assert "elder (own)" in out
    assert out.splitlines()[-1].startswith("record of child: runs/phantom/child/seed0-")
    data = {"images": 120, "size": 64}
    results = wsbench.run("child", "phantom", data_options=data, upstream=True, plugin_files=[plugin])
    assert [record.method["name"] for record in results] == ["child", "parent", "elder"]
    assert len(Path("runs/fitted").read_text().split()) == 3
