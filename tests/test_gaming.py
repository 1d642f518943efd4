"""Who tries to win without looking gains nothing on the measure that ranks, and moves nobody's rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import METRICS, benchmark_module
from records_examples import lines_of
from wsbench.contract import plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.predictions import external, store
from wsbench.predictions.external import ExternalPredictions
from wsbench.reports.board import Board
from wsbench.runs import rescoring
from wsbench.runs.plan import load_dataset
from wsbench.types import Prediction
from wsbench.utils.progress import Silent

ROOT = Path(__file__).parents[1]
FOUND = plugins.find()


gaming, gaming_results, gaming_submissions = map(
    benchmark_module, ("gaming", "gaming_results", "gaming_submissions")
)


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load_dataset(FOUND, "phantom", {"images": 200}, Silent())


def honest(loaded: Loaded) -> ExternalPredictions:
    """Maps of the brightest place, and class scores that know the label, with noise."""
    parts = {}
    for role in store.SCORED_ROLES:
        view = loaded.views.images(loaded.roles.members[role])
        pixels = view.pixels(32, 32)[:].astype(float)
        maps = (pixels - pixels.min(axis=(1, 2), keepdims=True)) / np.ptp(pixels, axis=(1, 2), keepdims=True)
        labels = loaded.views.weak(view.names).labels
        logit = 3.0 * labels - 1.5 + np.random.default_rng(len(view)).normal(0, 1, labels.shape)
        parts[role] = Prediction(1 / (1 + np.exp(-logit)), maps[:, None] ** 2, box_grid=(64, 64))
    return ExternalPredictions(ExternalPredictions.spec_of("bright", "none"), "bright", parts)


@pytest.fixture(scope="module")
def made(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> tuple[list, Mapping[str, object]]:
    """The submissions, and the results of the run and of each of them by name."""
    folder, run = tmp_path_factory.mktemp("run"), honest(loaded)
    for role, part in run.parts.items():
        store.store(part, loaded.views.images(loaded.roles.members[role]), folder, role)
    method = run.spec.build(run.spec.settings(), loaded.dataset.classes)
    material, own = gaming_results.material_of(folder, loaded, FOUND, run.spec, method)
    submitted = gaming_submissions.submissions(material)
    results = {"the run": own}
    for submission in submitted:
        inside = tmp_path_factory.mktemp("submission")
        results[submission.name] = gaming_results.result_of(submission, loaded, FOUND, inside)
    return submitted, results


def test_blind_submissions_have_exactly_the_value_of_their_boxes_and_no_gain(made: tuple) -> None:
    submitted, results = made
    assert len(submitted) >= 12
    blind = [result for result in results.values() if result.kind == "blind"]
    assert len(blind) == 13
    for result in blind:
        assert result.floor is not None and 0 < result.floor < 1
        assert result.values["cond_ap25"] == result.floor, result.name
        assert result.values["cond_gain"] <= 1e-12, result.name
    best = max(result.values["cond_gain"] for result in blind)
    assert best == pytest.approx(0.0, abs=1e-12)  # the floor's own boxes, where the rule keeps them all


def test_the_same_submissions_gain_on_other_measures(made: tuple) -> None:
    """Otherwise nothing was tried."""
    _, results = made
    run = results["the run"].values
    assert results["constant"].values["map_gain"] > 0.2 > run["map_gain"]
    assert results["two fixed boxes"].values["miou"] > run["miou"]
    assert results["100 boxes"].values["miou"] > results["two fixed boxes"].values["miou"]
    assert results["fixed boxes"].values[gaming_results.VERSION_1] > run[gaming_results.VERSION_1]
    assert results["yes or no"].values["auc"] < results["fixed boxes"].values["auc"] == run["auc"]


def test_hedged_submissions_show_where_their_boxes_stand(made: tuple) -> None:
    _, results = made
    run = results["the run"].values
    for name in ("hedged 0.3", "hedged 0.6", "hedged 0.9"):
        assert results[name].values["near_fixed"] > max(0.5, run["near_fixed"] + 0.1), name
        assert results[name].values["cond_ap25"] > run["cond_ap25"], name
    for name in ("fixed boxes", "leaning weights", "zeros", "where called"):
        assert results[name].values["near_fixed"] == 1.0, name


def test_boxes_from_the_tested_annotations_win_everything_else(made: tuple) -> None:
    """No measure can tell; what is left is that they count in nobody's rank."""
    assert made[1]["annotations"].values["cond_ap25"] > 0.95


def test_no_submission_changes_the_rank_of_an_honest_row(loaded: Loaded, made: tuple, tmp_path: Path) -> None:
    submitted, _ = made
    run = rescoring.evaluate(honest(loaded), loaded, FOUND, tmp_path / "run")
    chosen = ("annotations", "hedged 0.9", "constant")
    files = []
    for submission in submitted:
        if submission.name in chosen:
            path = gaming_submissions.write(submission, loaded, tmp_path)
            read = external.read_predictions(path, submission.name.replace(" ", "-"), loaded)
            files.append(rescoring.evaluate(read, loaded, FOUND, tmp_path / "files"))
    ours = [trained_here(run, "bright"), trained_here(files[0], "blind")]
    names = {"bright", "blind"}
    before, after = ranks(ours), ranks([*ours, *files])
    assert len(after) == 5
    assert {name: after[name] for name in names} == before
    alone, beside = Board.of(ours, METRICS), Board.of([*ours, *files], METRICS)
    assert alone.prior("cond_ap25") == beside.prior("cond_ap25")
    winners = {row.first.method["name"]: beside.standings[place] for place, row in enumerate(beside.rows)}
    assert winners["annotations"].winner
    assert [winners[row.first.method["name"]] for row in alone.rows] == list(alone.standings.values())


def trained_here(record: Record, name: str) -> Record:
    """The same numbers as those of a method that anybody can run again."""
    return replace(record, method={**record.method, "name": name, "preset": "default", "deterministic": True})


def ranks(records: list[Record]) -> dict[str, list[str]]:
    """By method, the rank interval of the table, that of the row alone and what follows in the table."""
    rows = lines_of(records, "uniform", METRICS)
    return {row["method"].split(" (")[0]: list(row.values())[4:] for row in rows}


def test_the_page_says_what_was_seen(made: tuple) -> None:
    text = gaming.render("a run", list(made[1].values()))
    assert "$" not in text
    for name in made[1]:
        assert f"\n| {name} | " in text and f"\n- **{name}**" in text


def test_the_page_is_not_made_where_a_blind_submission_gains(made: tuple) -> None:
    results = dict(made[1])
    fixed = results["fixed boxes"]
    results["fixed boxes"] = replace(fixed, floor=fixed.floor - 1e-9)
    with pytest.raises(gaming.WsbenchError, match=r"\['fixed boxes'\]"):
        gaming.render("a run", list(results.values()))


def test_a_folder_without_a_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gaming.main([str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and str(tmp_path) in line
