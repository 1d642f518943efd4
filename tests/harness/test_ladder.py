"""The Ladder rule: by hand, against the attack it was made for, and where it does not help."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import METRICS, refused
from records_examples import example
from wsbench.contract.plugins import find
from wsbench.reports import leaderboard
from wsbench.reports.ladder import climbs, step
from wsbench.reports.submission import refusal
from wsbench.runs.plan import load_dataset
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.significance import Estimate
from wsbench.utils.progress import Silent

NAN = float("nan")


def estimate(mean: float, draws: list[float]) -> Estimate:
    return Estimate(np.array([mean]), np.array(draws))


def test_the_step_is_the_spread_of_the_difference() -> None:
    """Differences -0.1, 0.1, 0, 0.2: mean 0.05, squares from it .0225 + .0025 + .0025 + .0225, over 3."""
    ours, theirs = np.array([0.1, 0.3, 0.2, 0.4]), np.full(4, 0.2)
    assert step(ours, theirs) == pytest.approx(math.sqrt(0.05 / 3))
    assert step(ours, ours) == 0.0
    paired = ours + np.array([0.0, 0.02, 0.0, 0.02])  # what both share takes no part
    assert step(paired, ours) == pytest.approx(math.sqrt(4 * 0.01**2 / 3))


def test_draws_without_a_value_are_left_out_and_one_tells_nothing() -> None:
    assert step(np.array([0.1, NAN, 0.3]), np.array([0.0, 0.0, 0.0])) == pytest.approx(math.sqrt(0.02))
    assert step(np.array([0.1, NAN]), np.array([0.0, 0.0])) == math.inf


def test_a_submission_climbs_by_more_than_the_step() -> None:
    best = estimate(0.5, [0.5, 0.5, 0.5])
    draws = [0.5, 0.625, 0.75]  # a standard error of 0.125
    assert not climbs(estimate(0.625, draws), best)
    assert climbs(estimate(0.626, draws), best)
    assert not climbs(best, best)
    assert not climbs(estimate(0.9, [0.9, NAN, NAN]), best)


def test_the_mean_over_seeds_is_compared() -> None:
    best = estimate(0.5, [0.49, 0.51])
    assert climbs(Estimate(np.array([0.4, 0.8]), np.array([0.59, 0.61])), best)
    assert not climbs(Estimate(np.array([0.2, 0.8]), np.array([0.49, 0.51])), best)


# A leaderboard of a classifier's accuracy on as many images as the phantom's test role has, and submissions
# that know nothing: each call is a fair coin.
IMAGES, SUBMISSIONS, REPETITIONS = 620, 200, 10
HIGHEST_OF_FIXED = 0.5 + math.sqrt(math.log(SUBMISSIONS) / (2 * IMAGES))
"""What the best of so many submissions reaches on average, at most, where none is chosen by another's score:
the maximal inequality of means of ``IMAGES`` coins, 0.565."""
SHARES = Resamples.draw(range(IMAGES), 200, seed=0).counts / IMAGES


class Board:
    """A leaderboard that shows its best score, and that of every submission where no rule is asked."""

    def __init__(self, truth: np.ndarray, *, rule: bool) -> None:
        self._truth, self._rule = truth, rule
        self.best: Estimate | None = None

    def _scored(self, calls: np.ndarray) -> Estimate:
        right = (calls == self._truth).astype(float)
        return Estimate(np.array([right.mean()]), SHARES @ right)

    def accepts(self, calls: np.ndarray) -> bool:
        """Whether the submission is the new best one, as the first always is."""
        submitted = self._scored(calls)
        if self.best is None:
            accepted = True
        elif self._rule:
            accepted = climbs(submitted, self.best)
        else:
            accepted = bool(submitted.values[0] > self.best.values[0])
        self.best = submitted if accepted else self.best
        return accepted

    def shows_above_half(self, calls: np.ndarray) -> bool:
        """Whether an adversary sees a score above one half: of what the rule refuses, no score is seen."""
        seen = self.accepts(calls) or not self._rule
        return seen and bool(self._scored(calls).values[0] > 0.5)


def boosting(board: Board, generator: np.random.Generator) -> None:
    """Blum and Hardt's attack: the last submission is the vote of those seen to be above one half."""
    coins = generator.integers(0, 2, (SUBMISSIONS - 1, IMAGES))
    seen = [calls for calls in coins if board.shows_above_half(calls)]
    if seen:
        board.accepts((np.mean(seen, axis=0) > 0.5).astype(int))


def small_steps(board: Board, generator: np.random.Generator) -> None:
    """Every submission is the last accepted one with a fiftieth of its calls thrown anew."""
    best = generator.integers(0, 2, IMAGES)
    board.accepts(best)
    for _ in range(SUBMISSIONS - 1):
        thrown = generator.random(IMAGES) < 0.02
        calls = np.where(thrown, generator.integers(0, 2, IMAGES), best)
        best = calls if board.accepts(calls) else best


def reached(attack: Callable[[Board, np.random.Generator], None], *, rule: bool) -> float:
    """The board's best score after the attack, as a mean over repetitions."""
    tops = []
    for seed in range(REPETITIONS):
        generator = np.random.default_rng(seed)
        board = Board(generator.integers(0, 2, IMAGES), rule=rule)
        attack(board, generator)
        assert board.best is not None
        tops.append(board.best.values[0])
    return float(np.mean(tops))


def test_noise_chosen_by_what_the_board_says_gains_no_more_than_noise_that_was_not() -> None:
    by_rule, freely = reached(boosting, rule=True), reached(boosting, rule=False)
    assert by_rule <= HIGHEST_OF_FIXED < freely - 0.04
    assert documented("the vote of those") == [f"{by_rule:.2f}", f"{freely:.2f}"]


def test_small_steps_are_slowed_and_not_stopped() -> None:
    """The smaller the change, the smaller its standard error."""
    by_rule, freely = reached(small_steps, rule=True), reached(small_steps, rule=False)
    assert HIGHEST_OF_FIXED < by_rule < freely - 0.03
    assert documented("a fiftieth") == [f"{by_rule:.2f}", f"{freely:.2f}"]


def documented(attack: str) -> list[str]:
    """What docs/records.md says that an attack reaches by the rule and without it."""
    text = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith("|") and attack in line]
    return [cell.strip() for cell in row.strip("|").split("|")[1:]]


def drawn(name: str, value: float, seed: int = 0, **values: object):
    """A record whose measure has a standard error of 0.02, on draws of its own."""
    noise = np.random.default_rng(len(name) + 10 * seed).normal(0, 0.02, 1000)
    return example(name, seed, cond_ap25=value, draws=(value + noise).tolist(), **values)


def test_a_row_is_compared_with_the_best_of_its_table() -> None:
    committed = [drawn("best", 0.50), drawn("better", 0.45), drawn("else", 0.9, fingerprint="beef")]
    assert refusal([drawn("mine!!", 0.60)], committed, METRICS) is None
    why = refusal([drawn("mine!!", 0.51)], committed, METRICS)
    assert why is not None and "\n" not in why
    assert "cond_ap25 0.510 of mine!! (quick) is not above the 0.500 of best (quick) by more than" in why
    assert float(why.split("difference, ")[1]) == pytest.approx(0.02 * math.sqrt(2), abs=0.002)
    assert refusal([drawn("mine!!", 0.01)], committed[2:], METRICS) is None  # the first of its table
    assert refusal(committed[:1], committed[:1], METRICS) is not None  # what it is to replace counts, too
    assert "has no cond_ap25 with draws" in (
        refusal([example("mine!!", cond_ap25=0.9)], committed, METRICS) or ""
    )


def test_seeds_of_a_row_enter_together_or_not_at_all() -> None:
    committed = [drawn("best", 0.50)]
    assert refusal([drawn("mine!!", 0.60), drawn("mine!!", 0.40, seed=1)], committed, METRICS) is not None
    assert refusal([drawn("mine!!", 0.70), drawn("mine!!", 0.45, seed=1)], committed, METRICS) is None
    missing = [replace(drawn("best", 0.9), planned_seeds=(0, 1))]  # no mean, so nothing to beat
    assert refusal([drawn("mine!!", 0.60)], missing, METRICS) is None


SMALL = ["-d", "phantom", "-D", "images=80", "-q"]


def submitted(folder: Path) -> list[str]:
    return sorted(path.name.split("-")[0] for path in folder.glob("leaderboards/records/phantom/*.json.xz"))


def test_a_run_that_does_not_climb_is_not_submitted_and_says_so(command, tmp_path: Path) -> None:
    rule = ["--no-references", "--submit", "--ladder"]
    code, out, _ = command("run", "-m", "two_lungs", *SMALL, *rule)
    assert code == 0 and "not submitted" not in out
    assert submitted(tmp_path) == ["two_lungs"]
    code, out, _ = command("run", "-m", "whole_image", "--seeds", "0,1", *SMALL, *rule)
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("not submitted: cond_ap25 ")]
    assert "of whole_image † is not above the" in line and "of two_lungs † by more than" in line
    assert submitted(tmp_path) == ["two_lungs"]
    # Floors enter with whatever row they stand beside.
    assert "not submitted: " in command("run", "-m", "centre_box", *SMALL, "--submit", "--ladder")[1]
    assert submitted(tmp_path) == ["prior_boxes", "random_map", "two_lungs", "whole_image"]


def test_predictions_that_climb_are_submitted(command, tmp_path: Path) -> None:
    assert command("run", "-m", "two_lungs", *SMALL, "--no-references", "--submit")[0] == 0
    loaded = load_dataset(find(), "phantom", {"images": 80}, Silent())
    boxes = [
        {
            "image_id": sample.name,
            "category_id": "tb",
            "score": 0.9,
            "bbox": [b.x0, b.y0, b.x1 - b.x0, b.y1 - b.y0],
        }
        for sample in loaded.samples_of("test")
        for b in sample.boxes
    ]
    (tmp_path / "truth.json").write_text(json.dumps(boxes))
    words = ["evaluate", "--predictions", "truth.json", *SMALL, "--no-references", "--submit", "--ladder"]
    assert "not submitted" not in command(*words)[1]
    (record,) = [
        r
        for r in leaderboard.read_records(tmp_path / "leaderboards", METRICS)["phantom"]
        if r.method["name"] == "truth"
    ]
    assert record.value("ap25") == 1.0
    assert "not submitted: cond_ap25 1.000 of truth (external) is not above the 1.000" in command(*words)[1]


def test_the_rule_without_a_submission_is_a_mistake(command) -> None:
    line = "--ladder needs --submit"
    assert refused(command("run", "-m", "two_lungs", *SMALL, "--ladder")) == line
    assert refused(command("evaluate", "somewhere", "--ladder")) == line
