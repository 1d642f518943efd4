"""Training on select and calibrate, too: roles, the mark of rows, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import wsbench
from collection_examples import written
from conftest import refused
from wsbench.contract import plugins, records
from wsbench.data.fit_all import with_all_in_fit
from wsbench.data.folds import Fold
from wsbench.data.splits import Roles
from wsbench.errors import WsbenchError
from wsbench.reports import leaderboard
from wsbench.reports.labels import FITS_ALL, label_of


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return written(tmp_path)


def load(plugin: Path, **options: object):
    return wsbench.load_dataset("three", plugin_files=[plugin], data_options=options)


def run(plugin: Path, **options: object) -> wsbench.Record:
    return wsbench.run("brightness", "three", plugin_files=[plugin], data_options=options)


def test_images_that_are_tested_too_and_those_of_other_splits_are_not_added() -> None:
    roles = Roles(
        {"fit": ("a", "b"), "select": ("c", "v"), "calibrate": ("d", "t"), "test": ("t", "u")}, {"x": "why"}
    )
    every = with_all_in_fit(roles)
    assert every.members == {**roles.members, "fit": ("a", "b", "c", "d", "v")}
    assert every.left_out == {"x": "why"}
    assert with_all_in_fit(roles, {"a", "b", "c", "d"}).members["fit"] == ("a", "b", "c", "d")
    with pytest.raises(WsbenchError, match="nothing is held out"):
        with_all_in_fit(roles, {"a", "b", "u"})


@pytest.mark.parametrize("options", [{}, {"leave_out": "north"}])
def test_fit_has_what_is_not_tested_and_the_other_roles_stay(plugin: Path, options) -> None:
    own, every = load(plugin, **options), load(plugin, fit="all", **options)
    for role in ("select", "calibrate", "test"):
        assert every.roles.members[role] == own.roles.members[role]
    held_out = {*own.roles.members["select"], *own.roles.members["calibrate"]}
    assert held_out
    assert set(every.roles.members["fit"]) == {*own.roles.members["fit"], *held_out}
    assert every.fingerprint != own.fingerprint


def test_a_fold_trains_on_all_that_it_does_not_test(plugin: Path) -> None:
    every = load(plugin, fit="all")
    roles = every.of_fold(Fold(2, 3)).roles.members
    assert {*roles["fit"], *roles["test"]} == {sample.name for sample in every.samples}
    assert not {*roles["fit"]} & {*roles["test"]}


def test_the_method_sees_them_the_row_is_marked_and_stands_in_a_table_of_its_own(plugin: Path) -> None:
    own, every = run(plugin), run(plugin, fit="all")
    fitted, selected = json.loads((every.folder / "fit" / "names").read_text())
    assert set(selected) < set(fitted)
    assert every.dataset["fit"] == "all"
    assert "fit" not in own.dataset
    assert FITS_ALL in label_of(every, "uniform")
    assert FITS_ALL not in label_of(own, "uniform")
    folder, metrics = Path("leaderboards"), plugins.find([plugin]).metrics
    paths = {leaderboard.add(record, folder) for record in (own, every)}
    assert len(paths) == 2
    page = leaderboard.render("three", map(records.load, sorted(paths)), metrics)
    tables = page.split("Data `")[1:]
    assert sorted(FITS_ALL in table for table in tables) == [False, True]
    assert page.count("it knew") == 1


def test_a_run_is_scored_again_on_the_same_roles(plugin: Path, command) -> None:
    record = run(plugin, fit="all")
    code, _, err = command("evaluate", str(record.folder), "--plugin", str(plugin))
    assert code == 0, err
    again = records.load(record.folder / records.FILE)
    assert again.key == record.key
    assert again.protocols["uniform"]["metrics"] == record.protocols["uniform"]["metrics"]


def test_what_is_refused(plugin: Path, command) -> None:
    words = ("run", "-m", "brightness", "-d", "three", "--plugin", str(plugin), "--no-references")
    assert "write fit=all" in refused(command(*words, "-D", "fit=most"))
    names = [sample.name for sample in load(plugin).samples]
    split = {"fit": names[::4], "select": names[1::4], "calibrate": names[2::4], "test": names[3::4]}
    Path("own.json").write_text(json.dumps(split))
    line = refused(command(*words, "-D", "split=own.json", "-D", "fit=all"))
    assert "own.json says what is trained on" in line
