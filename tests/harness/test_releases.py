"""Weights that were trained before the run: marks, ranks, the Ladder rule, and records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wsbench
from conftest import METRICS
from records_examples import example
from wsbench import testing
from wsbench.cli import tables
from wsbench.contract import plugins, records
from wsbench.contract.records import Record
from wsbench.contract.releases import overlap
from wsbench.reports.board import Board
from wsbench.reports.leaderboard import render
from wsbench.reports.sides import _plain
from wsbench.reports.submission import refusal
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import execute

DRAWS = [value / 1000 for value in range(-20, 21)]


@pytest.mark.parametrize(
    ("before", "tested", "answer"),
    [
        ([], ["nih"], "none"),
        (["ImageNet-1k"], ["nih", "ChestX-ray14"], "none"),
        (["ImageNet-1k", "chest xray 14"], ["nih", "ChestX-ray14"], "test"),
        (["unknown"], ["nih"], "unknown"),
        (["unknown", "NIH"], ["nih"], "test"),
        (["ChestX-ray"], ["ChestX-ray14"], "none"),
    ],
)
def test_releases_are_compared_by_letters_and_digits(
    before: list[str], tested: list[str], answer: str
) -> None:
    assert overlap(before, tested) == answer


def row(name: str, value: float, before: tuple[str, ...] = (), **more: Any) -> Record:
    draws = [value + draw for draw in DRAWS]
    record = example(name, cond_ap25=value, draws=draws, deterministic=True, **more)
    return replace(record, trained_on=before)


def test_what_may_know_the_test_images_is_marked_and_moves_no_other_row() -> None:
    clean = [row("low", 0.3), row("middle", 0.5), row("imagenet", 0.6, ("ImageNet-1k",))]
    seen, unknown = row("seen", 0.9, ("Phantom",)), row("unsaid", 0.8, ("unknown",))
    alone, board = Board.of(clean, METRICS), Board.of([*clean, seen, unknown], METRICS)
    labels = [of_row.label("uniform").partition(" (quick)")[::2] for of_row in board.rows]
    assert labels == [("seen", " §"), ("unsaid", " §?"), ("imagenet", ""), ("middle", ""), ("low", "")]
    assert [board.standings[place].words for place in range(5)] == ["1", "1", "1", "2", "3"]
    for place in range(3):
        assert board.standings[place + 2] == alone.standings[place]
    assert [board.standings[place].winner for place in range(3)] == [False, False, True]
    assert board.prior("cond_ap25") == alone.prior("cond_ap25")


def test_pages_say_what_was_trained_before_and_only_where_something_was() -> None:
    clean = [row("low", 0.3)]
    plain = render("phantom", clean, METRICS)
    assert "trained before" not in plain and "§" not in plain
    marked = render(
        "phantom", [*clean, row("seen", 0.9, ("Phantom", "MIMIC")), row("more", 0.4, ("X",))], METRICS
    )
    assert "seen (quick) §: trained before on Phantom, MIMIC." in marked
    assert "more (quick): trained before on X." in marked
    assert "§ was trained before on the release that the test images are from" in marked
    assert "§?" not in marked
    assert marked.count("seen (quick) §") == 2, "in the ranking, and in its footnote"


def test_the_terminal_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    tables.results([row("low", 0.3), row("unsaid", 0.9, ("unknown",))], METRICS)
    out = capsys.readouterr().out
    assert "unsaid (quick) §?" in out
    assert "unsaid (quick) §?: trained before on unknown." in out
    tables.results([row("low", 0.3)], METRICS)
    assert "trained before" not in capsys.readouterr().out


def test_no_clean_submission_has_to_beat_a_row_that_may_know_the_test_images() -> None:
    seen = row("seen", 0.9, ("phantom",))
    assert refusal([row("new", 0.5)], [seen, row("low", 0.3)], METRICS) is None
    assert "0.900 of seen (quick) §" in str(refusal([row("other", 0.5, ("phantom",))], [seen], METRICS))


def test_marks_need_not_be_typed() -> None:
    assert _plain("seen (quick) §?") == _plain("seen (quick) §") == "seen (quick)"


def test_records_keep_it_and_those_without_it_are_as_they_were(tmp_path: Path) -> None:
    before, path = row("seen", 0.9, ("ChestX-ray14",)), tmp_path / "record.json"
    before = replace(before, dataset={**before.dataset, "releases": ["ChestX-ray14"]})
    records.write(before, path)
    loaded = records.load(path)
    assert (loaded.trained_on, loaded.overlap) == (("ChestX-ray14",), "test")
    records.write(row("clean", 0.9), path)
    assert not {"trained_on", "releases"} & set(json.loads(path.read_text()))
    assert records.load(path).overlap == "none"
    content = json.loads(path.read_text())
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**content, "trained_on": "ChestX-ray14"}))
    with pytest.raises(wsbench.WsbenchError, match="trained_on"):
        records.load(other)


class Trained(wsbench.Method):
    """Says what its weights have seen."""

    restored = False

    def restore(self, run: wsbench.RunContext) -> None:
        self.restored = True

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        shape = (len(images), len(self.classes))
        return wsbench.Prediction(np.full(shape, 0.5), np.ones((*shape, 4, 4)))

    def trained_on(self) -> list[str]:
        return ["Toy"] if self.restored else []


def test_a_run_asks_the_restored_method_and_records_the_releases_of_its_data(tmp_path: Path) -> None:
    loaded = testing.toy()
    loaded = replace(loaded, spec=replace(loaded.spec, releases=("TOY", "other")))
    spec = wsbench.MethodSpec("trained", "", wsbench.Settings, Trained)
    plan = make_plan(spec, None, {}, dataset=loaded.spec, seed=0, device="cpu", runs=tmp_path)
    record = execute(Job(plan, loaded, plugins.find().without_trackers()))
    again = records.load(tmp_path / "toy" / "trained" / record.folder.name / "record.json")
    assert again.trained_on == ("Toy",)
    assert again.dataset["releases"] == ["TOY", "other"]
    assert again.overlap == "test"


def test_built_in_datasets_name_their_releases() -> None:
    datasets = plugins.find().datasets
    assert datasets["nih"].releases == ("ChestX-ray14",)
    assert len(datasets["tb_combined"].releases) == 3
    assert set(datasets["shenzhen"].releases) < set(datasets["tb_combined"].releases)
