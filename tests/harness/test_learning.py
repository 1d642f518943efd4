"""The convergence gate: signs of learning, what tables do with them, and rows that a reference beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import wsbench
from conftest import METRICS
from records_examples import example
from wsbench.cli import tables
from wsbench.contract import records
from wsbench.contract.learning import Sign, as_values, averaged
from wsbench.contract.plugins import find
from wsbench.contract.records import Record
from wsbench.reports import leaderboard
from wsbench.reports.board import Board
from wsbench.reports.differences import pairs_of
from wsbench.reports.leaderboard import render
from wsbench.reports.references import below, lines
from wsbench.reports.submission import refusal
from wsbench.reports.web.site import build
from wsbench.torch.learning import gain_at_end

DRAWS = [value / 1000 for value in range(-20, 21)]


def row(name: str, value: float, signs: list[Sign] | None = None, seed: int = 0, **method: Any) -> Record:
    draws = [value + draw for draw in DRAWS]
    record = example(name, seed, cond_ap25=value, draws=draws, deterministic=True, **method)
    return replace(record, learning=as_values(signs or []))


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "holds"),
    [
        (0.7, 0.6, None, True),
        (0.6, 0.6, None, True),
        (0.59, 0.6, None, False),
        (0.03, None, 0.02, False),
        (0.5, 0.2, 0.8, True),
        (math.nan, 0.6, None, False),
        (math.inf, 0.6, None, False),
        (math.nan, None, None, True),
    ],
)
def test_a_sign_holds_within_its_limits(
    value: float, at_least: float | None, at_most: float | None, holds: bool
) -> None:
    assert Sign("auc", value, at_least, at_most).holds is holds


@pytest.mark.parametrize("limits", [(0.8, 0.2), (math.nan, None), (None, math.inf)])
def test_limits_that_nothing_can_meet_are_refused(limits: tuple[float | None, float | None]) -> None:
    with pytest.raises(wsbench.WsbenchError, match="in this order"):
        Sign("auc", 0.5, *limits)


def test_seeds_are_averaged_and_a_missing_value_spoils_the_mean() -> None:
    seeds = [as_values([Sign("auc", value, 0.6), Sign("loss", loss, None, 1.0)])
             for value, loss in ((0.5, 0.2), (0.7, math.nan))]  # fmt: skip
    assert seeds[1][1]["value"] is None
    auc, loss = averaged(seeds)
    assert auc == Sign("auc", pytest.approx(0.6), 0.6)
    assert auc.holds
    assert not loss.holds
    assert loss.words == "loss no number (at most 1)"


def test_a_row_that_has_not_converged_stands_last_and_moves_no_other_row() -> None:
    good = [row("low", 0.3), row("high", 0.6, [Sign("auc", 0.9, 0.6)])]
    stopped = row("stopped", 0.9, [Sign("auc_rise", 0.05, None, 0.02, "more epochs would have helped")])
    alone, board = Board.of(good, METRICS), Board.of([*good, stopped], METRICS)
    assert [of_row.first.method["name"] for of_row in board.rows] == ["high", "low", "stopped"]
    assert [of_row.converged for of_row in board.rows] == [True, None, False]
    assert board.rows[2].label("uniform") == "stopped (quick) ¤"
    assert 2 not in board.standings
    assert {place: board.standings[place] for place in (0, 1)} == alone.standings
    assert board.prior("cond_ap25") == alone.prior("cond_ap25")
    assert board.interval(2, "cond_ap25") is not None
    among_two = pairs_of(alone, "cond_ap25")[0, 1]
    assert pairs_of(board, "cond_ap25")[0, 1] == among_two
    assert (0, 2) in pairs_of(board, "cond_ap25")


def test_the_mean_over_seeds_decides() -> None:
    def seeds(*values: float) -> list[Record]:
        return [
            row("net", 0.5, [Sign("auc_rise", value, None, 0.02)], seed=seed)
            for seed, value in enumerate(values)
        ]

    assert Board.of(seeds(0.03, 0.0, 0.0), METRICS).rows[0].converged
    assert not Board.of(seeds(0.05, 0.02, 0.01), METRICS).rows[0].converged


def test_pages_and_the_terminal_say_why_a_row_has_no_rank(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = row("stopped", 0.9, [Sign("auc_rise", 0.05, None, 0.02, "more epochs would have helped")])
    page = render("phantom", [row("low", 0.3), stopped], METRICS)
    assert "¤ has not converged" in page
    assert "stopped (quick) ¤: auc_rise 0.05 (at most 0.02): more epochs would have helped." in page
    assert "| stopped (quick) ¤ |  | 0 | - |" in page
    assert "¤" not in render("phantom", [row("low", 0.3)], METRICS)
    tables.results([row("low", 0.3), stopped], METRICS)
    printed = " ".join(capsys.readouterr().out.split())
    assert "has not converged" in printed
    assert "more epochs would have helped" in printed


def test_a_record_keeps_its_signs(tmp_path: Path) -> None:
    record = row("net", 0.5, [Sign("auc", 0.7, 0.6), Sign("loss", math.nan)])
    records.write(record, tmp_path / "net.json")
    assert list(records.load(tmp_path / "net.json").learning) == list(record.learning)
    records.write(row("net", 0.5), tmp_path / "plain.json")
    assert "learning" not in (tmp_path / "plain.json").read_text()


def test_its_page_says_why_it_has_no_rank(tmp_path: Path) -> None:
    stopped = row("stopped", 0.9, [Sign("auc_rise", 0.05, None, 0.02, "<it still rises>")])
    for record in (row("low", 0.3), stopped):
        leaderboard.add(record, tmp_path)
    build.write(tmp_path, tmp_path / "site", find())
    pages = [path.read_text("utf-8") for path in (tmp_path / "site").rglob("*.html")]
    said = "It has not converged and has no rank: auc_rise 0.05 (at most 0.02): &lt;it still rises&gt;"
    assert sum(said in page for page in pages) == 1


def test_a_row_that_has_not_converged_keeps_no_submission_out() -> None:
    stopped = row("stopped", 0.9, [Sign("auc_rise", 0.05, None, 0.02)])
    assert refusal([row("new", 0.6)], [row("old", 0.3), stopped], METRICS) is None
    assert refusal([row("new", 0.6)], [row("old", 0.3), row("better", 0.9)], METRICS) is not None


def classifier(name: str, auc: float, noise: Sequence[float] = DRAWS, **method: Any) -> Record:
    record = row(name, 0.5, auc=auc, **method)
    uniform = dict(record.protocols["uniform"])
    uniform["draws"] = {**uniform["draws"], "auc": [auc + draw / 2 for draw in noise]}
    return replace(record, protocols={"uniform": uniform})


def test_rows_that_classify_worse_than_a_reference_are_named() -> None:
    thumbnail = classifier("thumbnail", 0.75, reference="a thumbnail of 16 x 16 grey levels")
    rows = [thumbnail, classifier("net", 0.95), classifier("weak", 0.6)]
    rows.append(classifier("equal", 0.7499, DRAWS[::-1]))
    rows.append(classifier("blind", 0.5, reads_image=False))
    board = Board.of(rows, METRICS)
    names = {index: of_row.first.method["name"] for index, of_row in enumerate(board.rows)}
    named = {names[index]: [names[other] for other, _ in others] for index, others in below(board).items()}
    assert named == {"thumbnail": ["weak"]}
    assert lines(board) == [
        "Worse classifiers than thumbnail (quick) (`auc` 0.750), a thumbnail of 16 x 16 grey levels: "
        "weak (quick) (0.600)."
    ]
    assert lines(board)[0] in render("phantom", rows, METRICS)
    assert not lines(Board.of(rows[1:], METRICS))


def test_the_gain_at_the_end_of_a_curve_by_hand() -> None:
    straight = [0.5 + 0.01 * epoch for epoch in range(12)]
    assert gain_at_end(np.array(straight)) == pytest.approx(0.03)
    flat_end = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9])
    assert gain_at_end(flat_end) == pytest.approx(0.0)
    assert gain_at_end(np.array([0.5, 0.7])) == pytest.approx(0.2)
    assert math.isnan(gain_at_end(np.array([0.5])))


def run_in(folder: Path, rows: str) -> Any:
    (folder / wsbench.torch.HISTORY).write_text(rows)
    return SimpleNamespace(folder=folder)


def test_signs_of_a_curve(tmp_path: Path) -> None:
    history = "epoch,select_auc,select_loss\n0,0.6,0.9\n1,0.7,0.6\n2,0.8,0.5\n3,0.75,0.4\n"
    auc, rise = wsbench.torch.curve_signs(run_in(tmp_path, history), "select_auc", at_least=0.85)
    assert (auc.name, auc.value, auc.holds) == ("select_auc", 0.8, False)
    assert (rise.name, rise.value, rise.at_most) == ("select_auc_rise", pytest.approx(0.025), 0.02)
    low, fall = wsbench.torch.curve_signs(run_in(tmp_path, history), "select_loss", mode="min", rise=None)
    assert (low.value, fall.name, fall.value) == (0.4, "select_loss_fall", pytest.approx(0.1))
    assert fall.holds
    assert wsbench.torch.curve_signs(run_in(tmp_path, history), "other") == []
    (_, single) = wsbench.torch.curve_signs(run_in(tmp_path, "epoch,select_auc\n0,0.9\n"), "select_auc")
    assert single.words == (
        "select_auc_rise no number (at most 0.02): it is not flat, or its epochs are too few to tell"
    )
    (tmp_path / wsbench.torch.HISTORY).unlink()
    assert wsbench.torch.curve_signs(SimpleNamespace(folder=tmp_path), "select_auc") == []  # type: ignore[arg-type]


def test_gradient_norms_by_hand() -> None:
    weight, bias = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor(3.0, requires_grad=True)
    parts = {
        "both": 3 * weight[0] + 4 * bias,  # gradient (3, 0, 4)
        "squares": (weight**2).sum(),  # gradient (2, 4)
        "constant": torch.tensor(1.0),
    }
    norms = wsbench.torch.gradient_norms(parts, [weight, bias])
    assert norms == {"both": pytest.approx(5.0), "squares": pytest.approx(math.sqrt(20)), "constant": 0.0}
    assert weight.grad is None
    sum(parts.values()).backward()  # the graph is kept
