"""Rows that repeat over a setting, such as the seed of the last layer, instead of over base seeds."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import Field

import wsbench
from conftest import METRICS, refused
from records_examples import example
from wsbench.contract import records
from wsbench.contract.plugins import find
from wsbench.contract.records import Record
from wsbench.contract.specs import MethodSpec
from wsbench.errors import WsbenchError
from wsbench.reports.board import Board
from wsbench.reports.repeated import RepeatOver
from wsbench.reports.upstream import built_on
from wsbench.runs.stages import stage_key

TABLE_3 = {
    "teacher": {0: 0.1814, 1: 0.1324, 42: 0.1482, 1234: 0.1154},
    "student": {0: 0.2355, 1: 0.1190, 42: 0.2428, 1234: 0.2651},
}
"""mIOU by the seed of the last layer, as KD-Grad-CAM's paper prints it."""


class Settings(wsbench.Settings):
    backbone: str = Field("small", description="which network")
    epochs: int = Field(3, description="how long")
    head: int = Field(42, description="seed of the last layer")


METHODS = {
    name: MethodSpec(name, "", Settings, lambda settings, classes: None, repeats=("head",))  # type: ignore[arg-type, return-value]
    for name in TABLE_3
}


def run(name: str, head: int, seed: int = 0) -> Record:
    """A record of Table 3 under protocol ``paper``."""
    inputs = {"method": name, "head": head, "seed": seed}
    upstream = {"teacher": {"method": "teacher", "head": head, "seed": seed}} if name == "student" else {}
    inputs |= {"upstream": upstream} if upstream else {}
    changed = {} if head == 42 else {"head": head}
    record = example(
        name, seed, settings={"epochs": 3, "head": head}, changed=changed, training=stage_key(inputs)
    )
    paper = {"calibration": {}, "metrics": {"miou": {"value": TABLE_3[name][head]}}}
    protocols = {**record.protocols, "paper": paper}
    return replace(record, trained_from=inputs, protocols=protocols, planned_seeds=(seed,))


def test_runs_that_differ_in_the_setting_alone_are_one_row() -> None:
    runs = [run(name, head) for name, of_heads in TABLE_3.items() for head in of_heads]
    assert len(Board.of(runs, METRICS).rows) == 8
    rows = {
        row.first.method["name"]: row
        for row in Board.of(RepeatOver("head", METHODS).collected(runs), METRICS).rows
    }
    assert set(rows) == set(TABLE_3)
    for name, of_heads in TABLE_3.items():
        assert rows[name].seeds == "0, 1, 42, 1234"
        assert rows[name].label("uniform") == f"{name} (quick) head=repeated"
        values = list(of_heads.values())
        assert rows[name].values("miou", "paper") == values
        assert rows[name].cell("miou", "paper") == (
            f"{statistics.fmean(values):.3f} ± {statistics.stdev(values):.3f}"
        )


def test_the_papers_own_four_seeds_show_no_difference() -> None:
    """By hand: differences .0541, -.0134, .0946, .1497; mean .07125, standard error .03435, t(3) = 2.074."""
    runs = [run(name, head) for name, of_heads in TABLE_3.items() for head in of_heads]
    (built,) = built_on(Board.of(RepeatOver("head", METHODS).collected(runs), METRICS).rows)
    result = built.difference_over_seeds("miou", "paper")
    assert result is not None and result.paired
    assert result.difference == pytest.approx(0.07125)
    reach = 3.1824 * 0.03435
    assert result.interval == pytest.approx((0.07125 - reach, 0.07125 + reach), abs=1e-4)
    assert result.p == pytest.approx(0.130, abs=1e-3)


def test_the_default_that_a_record_leaves_out_is_a_value_too() -> None:
    runs = [run("teacher", head) for head in (0, 42)]
    runs[1] = replace(runs[1], method={**runs[1].method, "settings": {"epochs": 3}})
    (row,) = Board.of(RepeatOver("head", METHODS).collected(runs), METRICS).rows
    assert row.seeds == "0, 42"


def test_other_settings_and_other_methods_stay_rows_of_their_own() -> None:
    other = run("teacher", 1)
    other = replace(other, method={**other.method, "settings": {"epochs": 5, "head": 1}})
    blind = [example("fixed", seed) for seed in (0, 1)]
    collected = RepeatOver("head", METHODS).collected([run("teacher", 0), other, *blind])
    rows = Board.of(collected, METRICS).rows
    assert sorted((row.first.method["name"], row.seeds) for row in rows) == [
        ("fixed", "0, 1"),
        ("teacher", "0"),
        ("teacher", "1"),
    ]


def test_what_is_refused() -> None:
    repeat = RepeatOver("head", METHODS)
    with pytest.raises(WsbenchError, match="seeds 0, 3: a row repeats over head or over seeds"):
        repeat.collected([run("teacher", 0), run("teacher", 1, seed=3)])
    with pytest.raises(WsbenchError, match="did you mean 'head'"):
        RepeatOver("heads", METHODS)
    for name, why in (("tail", "no setting of it"), ("backbone", "no whole number")):
        with pytest.raises(WsbenchError, match=f"repeats names '{name}', which is {why}"):
            replace(METHODS["teacher"], repeats=(name,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Records of kd_student and kd_teacher, by hand, with three seeds of the last layer."""
    methods = find().methods
    for name in ("kd_teacher", "kd_student"):
        for head, value in ((0, 0.5), (1, 0.6), (42, 0.4)):
            settings = methods[name].settings(head_seed=head).model_dump(mode="json")
            draws = [value - 0.01, value + 0.01, value]
            record = example(name, cond_ap25=value, settings=settings, draws=draws)
            path = tmp_path / name / f"seed0-{head}" / records.FILE
            path.parent.mkdir(parents=True)
            records.write(record, path)
    return tmp_path


def test_the_command_shows_finished_runs_as_rows(folder: Path, command) -> None:
    code, out, err = command("rows", f"{folder}/kd_*/seed0-*", "--repeat-over", "head_seed")
    assert code == 0, err
    assert out.count("± over 3 seeds") == 2
    assert "0.500" in out
    code, out, _ = command("rows", f"{folder}/kd_student/seed0-0", f"{folder}/kd_student/seed0-1")
    assert code == 0
    assert "± over" not in out
    assert "repeated" not in out


def test_rows_are_compared_over_the_setting(folder: Path, command) -> None:
    words = (f"{folder}/kd_student/seed0-*", f"{folder}/kd_teacher/seed0-*", "-q")
    assert "not one row" in refused(command("compare", *words))
    code, out, err = command("compare", *words, "--repeat-over", "head_seed")
    assert code == 0, err
    assert "head_seed=repeated" in " ".join(out.split())
    assert "seeds 0, 1, 42" in " ".join(out.split())


def test_what_the_command_refuses(folder: Path, command) -> None:
    assert "no such run" in refused(command("rows", "nowhere"))
    one = f"{folder}/kd_student/seed0-0"
    line = refused(command("rows", one, "--repeat-over", "head_sed"))
    assert "did you mean 'head_seed'" in line
    again = folder / "again"
    again.mkdir()
    (again / "plain.json").write_bytes((Path(one) / records.FILE).read_bytes())
    assert "is seed 0 of the same row" in refused(command("rows", one, str(again / "plain.json")))


def test_describe_says_which_settings_repeat(command) -> None:
    _, out, _ = command("describe", "kd_student")
    assert "rows can repeat over it (--repeat-over)" in " ".join(out.split())
