"""Tuning: what a trial is judged by, and that a study goes on after anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import wsbench
from tuning_examples import BEST, SPEC, Dial, held_out_toy, tuning
from walk import reachable
from wsbench import testing
from wsbench.contract.base import Dataset
from wsbench.contract.plugins import Plugins
from wsbench.data.dataset import Loaded
from wsbench.data.views import Views, WeakView
from wsbench.files.writing import read_json
from wsbench.runs.held_out import HeldOut
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import execute
from wsbench.studies.tuning import results, trials
from wsbench.studies.tuning.journal import JOURNAL, Journal, quiet_optuna
from wsbench.studies.tuning.results import TrialRow
from wsbench.studies.tuning.tuning import Tuning, carry_out
from wsbench.types import Box, Sample

GAIN, CELLS = "gain=0:4", "cells"
EARLY = {"startup_trials": 3}
"""A sampler that soon draws by what it knows."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with quiet_optuna():
        yield


def done(study: Tuning) -> list[TrialRow]:
    """The trials of a study that is carried out."""
    return results.rows_of(study, carry_out(study))


def outcome(rows: list[TrialRow]) -> list[tuple[Any, ...]]:
    """All of some trials that does not depend on the clock."""
    return [(row.number, row.state, row.value, row.labels, row.boxes, dict(row.settings)) for row in rows]


# What a trial is judged by.


def test_the_value_is_the_mean_of_auc_on_select_and_the_box_objective_on_calibrate(tmp_path: Path) -> None:
    """The AUC by scikit-learn; the objective as a whole run of the same settings notes it."""
    study = tuning(tmp_path, "gain=0.7:0.9", trials=1, objective="both")
    (row,) = done(study)
    job = Job(study.planned(row.settings), study.loaded, study.plugins)
    method, views, roles = job.build(), study.loaded.views, study.loaded.roles.members
    scores = method.predict(views.images(roles["select"])).scores.astype(np.float32)
    assert row.labels == pytest.approx(roc_auc_score(views.weak(roles["select"]).labels[:, 0], scores[:, 0]))
    assert 0.5 < row.labels < 1
    boxes = execute(job).protocols["uniform"]["calibration"]["boxes"]["spot"]["value"]
    assert row.boxes == boxes
    assert 0 < boxes < 1
    assert row.value == (row.labels + boxes) / 2


@pytest.mark.parametrize("objective", ["labels", "boxes"])
def test_other_objectives_are_its_parts(objective: str, tmp_path: Path) -> None:
    (row,) = done(tuning(tmp_path, "gain=1.2:1.4", trials=1, objective=objective))
    assert row.value == getattr(row, objective)
    assert (row.boxes is None) == (objective == "labels")


def with_other_test_truth(loaded: Loaded) -> Loaded:
    """The same data, but what is true of every test image is its opposite."""

    def other(sample: Sample) -> Sample:
        if sample.name not in loaded.roles.members["test"]:
            return sample
        return replace(sample, labels=() if sample.labels else ("spot",), boxes=(), attributes={})

    return replace(loaded, samples=tuple(map(other, loaded.samples)))


def test_no_truth_of_test_images_changes_a_trial(tmp_path: Path) -> None:
    loaded = held_out_toy()
    changed = with_other_test_truth(loaded)
    assert changed.roles == loaded.roles
    assert changed.fingerprint != loaded.fingerprint
    first = done(tuning(tmp_path / "a", GAIN, CELLS, loaded=loaded, objective="both", trials=4))
    second = done(tuning(tmp_path / "b", GAIN, CELLS, loaded=changed, objective="both", trials=4))
    assert outcome(first) == outcome(second)


def test_no_test_image_is_predicted_and_no_evaluation_is_counted(tmp_path: Path) -> None:
    Dial.predicted.clear()
    study = tuning(tmp_path, GAIN, objective="both", trials=2)
    carry_out(study)
    members = study.loaded.roles.members
    assert set(Dial.predicted) == {*members["select"], *members["calibrate"]}
    assert not list(tmp_path.rglob("evaluations.jsonl"))


def test_what_judges_a_trial_leads_to_no_other_role() -> None:
    """A walk over attributes and closures meets no sample, and no name of a test or fit image."""
    loaded = held_out_toy()
    roles = trials.held_out_of(loaded, "both")
    things = list(reachable(roles))
    assert [type(thing) for thing in things if isinstance(thing, (Box, Sample, Dataset, Loaded, Views))] == []
    assert not [thing for thing in things if isinstance(thing, WeakView)]
    members = loaded.roles.members
    names = {thing for thing in things if isinstance(thing, str)}
    assert {*members["select"], *members["calibrate"]} <= names
    assert not {*members["test"], *members["fit"]} & names
    assert any(isinstance(thing, Sample) for thing in reachable(loaded)), "the walk sees samples"


def test_images_that_are_tested_choose_no_settings(tmp_path: Path) -> None:
    toy = held_out_toy()
    loaded = replace(toy, entry=toy.entry.model_copy(update={"calibrate_is_tested": True}))
    assert set(loaded.roles.members["calibrate"]) <= set(loaded.roles.members["test"])
    for objective in ("both", "boxes"):
        with pytest.raises(
            wsbench.WsbenchError, match=r"calibrate images are tested as well.*--objective labels"
        ):
            carry_out(tuning(tmp_path, GAIN, loaded=loaded, objective=objective, trials=1))
    Dial.predicted.clear()
    (row,) = done(tuning(tmp_path, GAIN, loaded=loaded, objective="labels", trials=1))
    assert row.boxes is None
    assert not set(Dial.predicted) & set(loaded.roles.members["test"])


def test_an_objective_of_boxes_needs_boxes() -> None:
    loaded = held_out_toy()
    bare = replace(loaded, samples=tuple(replace(sample, boxes=()) for sample in loaded.samples))
    with pytest.raises(wsbench.WsbenchError, match="no calibrate image has a box; type --objective labels"):
        trials.held_out_of(bare, "both")
    scores = np.zeros((len(bare.roles.members["select"]), 1))
    assert HeldOut.of(bare, boxes=False).reached(scores, None, "").boxes is None


# The search.


def test_it_finds_what_is_best(tmp_path: Path) -> None:
    rows = done(tuning(tmp_path, GAIN, objective="both", trials=15, sampler=EARLY))
    best = results.best_of(rows)
    assert abs(best.settings["gain"] - BEST) < 0.4
    assert best.value == max(row.value for row in rows)


def test_a_study_is_the_same_each_time_and_another_one_with_another_seed(tmp_path: Path) -> None:
    search = (GAIN, "rate=0.01:0.5:log", CELLS, "steps", "inner.depth")
    first, again = (tuning(tmp_path / name, *search, trials=7, sampler=EARLY) for name in "ab")
    rows = done(first)
    assert outcome(rows) == outcome(done(again))
    assert len({row.settings["gain"] for row in rows}) == 7
    other = replace(first, plan=replace(first.plan, seed=1))
    assert other.folder != first.folder
    assert done(other)[0].settings != rows[0].settings


def test_no_seed_is_used_twice(tmp_path: Path) -> None:
    study = tuning(tmp_path, GAIN, "rate", trials=1)
    journal = Journal(study.folder, study.search)
    seeds = [journal.seed(number, name) for number in range(500) for name in ("gain", "rate")]
    assert len(set(seeds)) == len(seeds)


def test_more_trials_go_on_and_fewer_change_nothing(tmp_path: Path) -> None:
    def until(count: int, folder: str) -> list[tuple[Any, ...]]:
        return outcome(done(tuning(tmp_path / folder, GAIN, trials=count, sampler=EARLY)))

    whole = until(6, "whole")
    assert until(4, "parts") == whole[:4]
    assert until(6, "parts") == whole
    assert until(2, "parts") == whole


class Stop(BaseException):
    """Ends a command where it stands."""


def stopping(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the method end the command in its n-th epoch from now."""
    left, fit = [after], Dial.fit

    def stopped(self: Dial, fit_view: WeakView, select: WeakView, run: wsbench.RunContext) -> None:
        def ended(epoch: int, metrics: Mapping[str, float]) -> None:
            run.epoch_ended(epoch, metrics)
            left[0] -= 1
            if left[0] == 0:
                raise Stop

        fit(self, fit_view, select, replace(run, epoch_ended=ended))

    monkeypatch.setattr(Dial, "fit", stopped)


@pytest.mark.parametrize("pruner", ["none", "median"])
def test_an_interrupted_study_ends_as_one_that_was_not(
    pruner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the middle of a training, three times; no epoch of it is trained twice."""
    words = {"trials": 8, "sampler": EARLY, "pruner": {"name": pruner, "startup_trials": 2}}
    whole = outcome(done(tuning(tmp_path / "whole", GAIN, CELLS, **words)))
    study = tuning(tmp_path / "parts", GAIN, CELLS, **words)
    for after in (2, 3, 2):
        with monkeypatch.context() as patched:
            stopping(after, patched)
            with pytest.raises(Stop):
                carry_out(study)
    assert outcome(done(study)) == whole
    assert {row[1] for row in whole} == ({"finished"} if pruner == "none" else {"finished", "pruned"})


def test_half_a_line_of_a_killed_process_is_no_end(tmp_path: Path) -> None:
    study = tuning(tmp_path, GAIN, trials=2)
    before = outcome(done(study))
    with (study.folder / JOURNAL).open("ab") as file:
        file.write(b'{"op_code":4,"work')
    assert outcome(done(study)) == before
    assert outcome(done(tuning(tmp_path, GAIN, trials=3)))[:2] == before


def test_a_trial_that_fails_is_noted_and_the_others_go_on(tmp_path: Path) -> None:
    rows = done(tuning(tmp_path, GAIN, trials=6, options={"fails": 3.0}, sampler={"name": "random"}))
    failed = [row for row in rows if row.state == "failed"]
    assert failed
    assert len(rows) == 6
    assert all(row.problem == f"gain {row.settings['gain']:.2f} is too high" for row in failed)
    assert all((row.settings["gain"] > 3.0) == (row.state == "failed") for row in rows)


def test_five_failures_in_a_row_end_the_command(tmp_path: Path) -> None:
    study = tuning(tmp_path, "gain=1:4", trials=9, options={"fails": 0.5})
    with pytest.raises(wsbench.WsbenchError, match="5 trials in a row have failed; the last one: gain"):
        carry_out(study)
    rows = results.rows_of(study, Journal(study.folder, study.search))
    assert [row.state for row in rows] == ["failed"] * 5
    with pytest.raises(wsbench.WsbenchError, match="none of 5 trials has a value; the last one: gain"):
        results.best_of(rows)


# Pruning.


def test_poor_trials_are_pruned_and_a_run_of_their_settings_goes_on(tmp_path: Path) -> None:
    study = tuning(
        tmp_path,
        GAIN,
        trials=8,
        options={"epochs": 3},
        pruner={"name": "median", "startup_trials": 1, "warmup_epochs": 1},
    )
    journal = carry_out(study)
    rows = results.rows_of(study, journal)
    pruned = [row for row in rows if row.state == "pruned"]
    assert pruned
    assert all(row.value is None for row in pruned)
    trial = journal.trials()[pruned[0].number]
    loss = abs(pruned[0].settings["gain"] - BEST)
    assert trial.intermediate_values == pytest.approx({0: -loss - 1, 1: -loss - 1 / 2})
    folder = study.planned(pruned[0].settings).folder(study.loaded)
    assert read_json(folder / "fit" / "stage.json")["done"] is False
    job = Job(study.planned(pruned[0].settings), study.loaded, study.plugins)
    whole = execute(replace(job, plan=replace(job.plan, runs=tmp_path / "other")))
    assert execute(job).protocols == whole.protocols
    assert len((folder / "fit" / "history.csv").read_text().splitlines()) == 4


def test_a_metric_that_the_method_does_not_log_is_named(tmp_path: Path) -> None:
    study = tuning(tmp_path, GAIN, trials=2, pruner={"name": "median", "monitor": "select_los"})
    with pytest.raises(wsbench.WsbenchError, match="logs no metric 'select_los'; did you mean 'select_loss'"):
        carry_out(study)


@pytest.mark.parametrize("name", ["halving", "hyperband"])
def test_other_pruners_work(name: str, tmp_path: Path) -> None:
    rows = done(tuning(tmp_path, GAIN, trials=8, options={"epochs": 9}, pruner={"name": name}))
    assert {row.state for row in rows} == {"finished", "pruned"}


# What it leaves.


def test_the_best_settings_are_a_preset_and_their_training_is_there(tmp_path: Path) -> None:
    study = tuning(tmp_path, GAIN, CELLS, "inner.depth", trials=4, objective="both", options={"rate": 0.3})
    rows = done(study)
    results.write_best(study, rows, tmp_path / "best.yaml")
    best = results.best_of(rows)
    plan = make_plan(
        SPEC, str(tmp_path / "best.yaml"), {}, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path
    )
    assert plan.settings == study.planned(best.settings).settings
    assert plan.settings.rate == 0.3
    fit = plan.trained().folder(study.loaded) / "fit" / "stage.json"
    before = fit.stat().st_mtime_ns
    record = execute(Job(plan, study.loaded, Plugins(methods={"dial": SPEC})))
    assert fit.stat().st_mtime_ns == before, "it is not trained again"
    assert (record.tuned["trials"], record.tuned["value"]) == (4, best.value)
    lines = (tmp_path / "best.yaml").read_text().splitlines()
    assert lines[1].startswith(
        f"# Trial {best.number} of 4 trials (4 finished): {best.value:.4f}, mean of macro"
    )


def test_a_second_tuning_starts_from_the_first_and_counts_its_trials(tmp_path: Path) -> None:
    first = tuning(tmp_path, GAIN, trials=3)
    rows = done(first)
    results.write_best(first, rows, tmp_path / "first.yaml")
    second = tuning(tmp_path, CELLS, trials=2, preset=str(tmp_path / "first.yaml"))
    file = results.write_best(second, done(second), tmp_path / "second.yaml")
    assert file.settings["gain"] == results.best_of(rows).settings["gain"]
    assert file.tuning["trials"] == 5


def test_the_table_of_trials_is_read_back(tmp_path: Path) -> None:
    import pandas as pd

    study = tuning(tmp_path, GAIN, CELLS, trials=9)
    rows = done(study)
    table = pd.read_csv(results.write_trials(study, rows))
    assert table["value"].tolist() == [row.value for row in rows]
    assert table["gain"].tolist() == [row.settings["gain"] for row in rows]
    shares = results.importances(study, carry_out(study), rows)
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=lambda name: shares[name]) == "gain"
    assert results.importances(study, carry_out(study), rows[:5]) == {}
