"""Files of settings: what a run makes of them, and how a record says that settings were tuned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import wsbench
from conftest import METRICS
from records_examples import example
from tuning_examples import SPEC
from wsbench import testing
from wsbench.contract import records
from wsbench.contract.plugins import Plugins
from wsbench.contract.record_form import TunedForm
from wsbench.contract.records import Record
from wsbench.reports.leaderboard import render
from wsbench.runs import preset_files
from wsbench.runs.job import Job
from wsbench.runs.plan import Plan, make_plan
from wsbench.runs.preset_files import PresetFile
from wsbench.runs.runner import execute

TUNED = {
    "trials": 7,
    "dataset": "toy",
    "fingerprint": "f00d",
    "objective": "macro AUC on select",
    "value": 0.75,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of settings that were tuned."""
    path = tmp_path / "best.yaml"
    settings = {"gain": 1.5e-05, "cells": 16, "inner": {"depth": 2, "width": 5}}
    form = PresetFile(method="dial", preset="quick", settings=settings, tuned=TunedForm(**TUNED))
    preset_files.write(form, path, ["Settings", "of \x1b[31mmany trials."])
    return path


def plan(preset: str | Path, tmp_path: Path, **options: object) -> Plan:
    return make_plan(
        SPEC, str(preset), options, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path / "runs"
    )


def test_a_file_is_laid_over_its_preset_and_options_over_the_file(file: Path, tmp_path: Path) -> None:
    of_file = plan(file, tmp_path)
    assert (of_file.preset, of_file.settings.epochs, of_file.settings.rate) == ("quick", 2, 0.2)
    assert (of_file.settings.gain, of_file.settings.cells, of_file.settings.inner.depth) == (1.5e-05, 16, 2)
    assert of_file.changed() == {"gain": 1.5e-05, "cells": 16, "inner": {"depth": 2}}
    assert of_file.chosen() == {"gain": 1.5e-05, "cells": 16, "inner": {"depth": 2, "width": 5}}
    changed = plan(file, tmp_path, gain=3, inner={"width": 6})
    assert (changed.settings.gain, changed.settings.inner.depth, changed.settings.inner.width) == (3, 2, 6)
    assert changed.tuned == of_file.tuned == TUNED
    assert plan("quick", tmp_path).tuned == {}


def test_the_comment_cannot_leave_its_lines(file: Path) -> None:
    assert file.read_text().splitlines()[:3] == ["# Settings", r"# of \x1b[31mmany trials.", "method: dial"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method: dail\nsettings: {}\n", "has settings of dail; type --method dail"),
        ("method: dial\nsetings: {}\n", "settings: Field required"),
        ("method: dial\nsettings: {}\ntunned: {}\n", "did you mean 'tuned'"),
        ("method: dial\nsettings: {gian: 1}\n", "dial has no option 'gian'; did you mean 'gain'"),
        ("method: dial\nsettings: {gain: 9}\n", "option gain=9 is not valid"),
        ("method: dial\npreset: quik\nsettings: {}\n", "unknown preset of dial 'quik'; did you mean 'quick'"),
        ("method: dial\nsettings: {}\ntuned: {trials: 0}\n", "tuned.trials"),
        ("- dial\n", "should be a valid dictionary"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(text)
    with pytest.raises(wsbench.WsbenchError, match=message):
        plan(path, tmp_path)


def test_a_record_says_how_many_trials_its_settings_had(file: Path, tmp_path: Path) -> None:
    job = Job(plan(file, tmp_path), testing.toy(), Plugins(methods={"dial": SPEC}))
    record = execute(job)
    assert record.tuned == records.load(record.folder / records.FILE).tuned == TUNED
    by_hand = make_plan(
        SPEC,
        "quick",
        dict(job.plan.chosen()),
        dataset=testing.TOY,
        seed=0,
        device="cpu",
        runs=tmp_path / "runs",
    )
    assert by_hand.folder(job.loaded) == job.folder, "the settings decide where a run lies"


def test_records_without_it_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    records.write(example(), path)
    content = json.loads(path.read_text())
    assert "tuned" not in content
    for tuned, message in (({"trials": 3}, "tuned.dataset"), ({**TUNED, "trials": "7"}, "tuned.trials")):
        other = tmp_path / "other.json"
        other.write_text(json.dumps({**content, "tuned": tuned}))
        with pytest.raises(wsbench.WsbenchError, match=message):
            records.load(other)


def test_a_page_says_of_which_rows_settings_were_tuned() -> None:
    def row(name: str, seed: int = 0, **tuned: object) -> Record:
        return replace(example(name, seed, draws=[0.4, 0.5, 0.6]), tuned=tuned)

    everything = [row("tuned", 0, **TUNED), row("tuned", 1, **TUNED), row("plain")]
    line = "tuned (quick): the best of 7 trials of `wsbench tune` on toy (macro AUC on select).\n"
    assert render("phantom", everything, METRICS).count(line) == 1
    without = render("phantom", [replace(record, tuned={}) for record in everything], METRICS)
    assert without == render("phantom", everything, METRICS).replace(line + "\n", "")
