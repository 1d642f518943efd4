"""Pairs in a ranking: each is told apart where its own p says so, however the two rows are made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq

from wsbench.scoring.compared import Difference, verdict
from wsbench.scoring.ranking import Ranking, rank
from wsbench.scoring.significance import DEFAULT_PRIOR, LEVEL, Estimate, p_of

NOISE = np.random.default_rng(0).normal(0, 0.02, (3, 400))
SEEDS = np.array([-0.03, 0.01, 0.02])
OTHER_SEEDS = np.array([0.02, -0.03, 0.01])
HOLES = np.where(np.arange(400) % 7 == 0, np.nan, 0.0)
OTHER_HOLES = np.where(np.arange(400) % 5 == 0, np.nan, 0.0)
SHARED = ("x", "y", "z")


def row(mean: float, noise: np.ndarray, seeds: np.ndarray = SEEDS, **more: object) -> Estimate:
    return Estimate(mean + seeds, mean + noise, **more)


PAIRS: dict[str, Callable[[float], tuple[Estimate, Estimate]]] = {
    "seeds of their own": lambda gap: (row(0.5, NOISE[0]), row(0.5 + gap, NOISE[1], OTHER_SEEDS)),
    "the same trainings": lambda gap: (
        row(0.5, NOISE[0], trainings=SHARED),
        row(0.5 + gap, NOISE[1], OTHER_SEEDS, trainings=SHARED),
    ),
    "another training": lambda gap: (
        row(0.5, NOISE[0], trainings=SHARED),
        row(0.5 + gap, NOISE[1], OTHER_SEEDS, trainings=("x", "y", "w")),
    ),
    "one seed of one training": lambda gap: (
        row(0.5, NOISE[0], np.zeros(1), trainings=("x",)),
        row(0.5 + gap, NOISE[1], np.zeros(1), trainings=("x",)),
    ),
    "deterministic": lambda gap: (
        row(0.5, NOISE[0], np.zeros(1), deterministic=True),
        row(0.5 + gap, NOISE[1], np.zeros(1), deterministic=True),
    ),
    "one of them at the edge": lambda gap: (
        row(0.5, NOISE[0], np.zeros(1), deterministic=True),
        row(0.5 + gap, np.zeros(400), np.zeros(1), deterministic=True, edge_variance=0.001),
    ),
    "both at the edge": lambda gap: (
        row(0.5, np.zeros(400), np.zeros(1), deterministic=True, edge_variance=0.002),
        row(0.5 + gap, np.zeros(400), np.zeros(1), deterministic=True, edge_variance=0.001),
    ),
    "draws without a value": lambda gap: (
        row(0.5, NOISE[0] + HOLES, np.zeros(1), deterministic=True),
        row(0.5 + gap, NOISE[1] + OTHER_HOLES, np.zeros(1), deterministic=True),
    ),
    "draws in common": lambda gap: (
        row(0.5, NOISE[0] + NOISE[2] / 9, np.zeros(1), deterministic=True),
        row(0.5 + gap, NOISE[0] + NOISE[1] / 9, np.zeros(1), deterministic=True),
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_two_rows_are_told_apart_from_the_difference_on_at_which_p_says_so(kind: str) -> None:
    pair = PAIRS[kind]
    gap = brentq(lambda gap: p_of(*pair(gap), DEFAULT_PRIOR) - LEVEL, 1e-4, 0.5)
    for sign in (1, -1):
        less, more = (rank(pair(sign * gap * (1 + by))) for by in (-1e-3, 1e-3))
        assert (less.best.tolist(), less.worst.tolist()) == ([1, 1], [2, 2])
        ahead = [2, 1] if sign > 0 else [1, 2]
        assert (more.best.tolist(), more.worst.tolist()) == (ahead, ahead)
        # Alone in the winner set from the one-sided test on: at twice the level.
    gap = brentq(lambda gap: p_of(*pair(gap), DEFAULT_PRIOR) - 2 * LEVEL, 1e-4, 0.5)
    less, more = (rank(pair(gap * (1 + by))).winner.tolist() for by in (-1e-3, 1e-3))
    assert (less, more) == ([True, True], [False, True])


def test_the_winner_is_tested_against_every_other_row() -> None:
    """Of four rows three could beat the best one: each is asked at a third of the level."""

    def rows(gap: float) -> list[Estimate]:
        first, second = PAIRS["deterministic"](gap)
        return [first, second, row(0.1, NOISE[2], np.zeros(1), deterministic=True), row(0.05, NOISE[2])]

    gap = brentq(lambda gap: p_of(*rows(gap)[:2], DEFAULT_PRIOR) - 2 * LEVEL / 3, 1e-4, 0.5)
    less, more = (rank(rows(gap * (1 + by))).winner.tolist() for by in (-1e-3, 1e-3))
    assert (less, more) == ([True, True, False, False], [False, True, False, False])


def test_a_table_of_one_row() -> None:
    ranking = rank([row(0.5, NOISE[0])])
    assert _of(ranking) == ([1], [1], [1], [1])
    assert ranking.winner.tolist() == [True]


def _of(ranking: Ranking) -> tuple[list[int], ...]:
    return (
        ranking.best.tolist(),
        ranking.worst.tolist(),
        ranking.likely_best.tolist(),
        ranking.likely_worst.tolist(),
    )


@pytest.mark.parametrize(("draws", "worst"), [(24, 1), (26, 2)])
def test_a_rank_is_likely_where_more_than_a_fortieth_of_draws_gives_it(draws: int, worst: int) -> None:
    """In ``draws`` of 1000 the better row reaches 0.8, so far above its mean that, the bias taken out, the
    other one may be ahead. Without noise of seeds nothing else moves."""
    better = np.where(np.arange(1000) < draws, 0.8, 0.5)
    rows = [
        Estimate(np.array([mean]), values, deterministic=True)
        for mean, values in ((0.5, better), (0.4, np.full(1000, 0.4)), (0.1, np.full(1000, 0.1)))
    ]
    ranking = rank(rows)
    assert (ranking.likely_best.tolist(), ranking.likely_worst.tolist()) == (
        [1, 3 - worst, 3],
        [worst, 2, 3],
    )
    mirrored = [Estimate(-one.values, -one.draws, deterministic=True) for one in rows]
    lower = rank(mirrored, higher_is_better=False)
    assert lower.likely_best.tolist() == ranking.likely_best.tolist()
    assert lower.likely_worst.tolist() == ranking.likely_worst.tolist()


def test_equal_rows_share_the_better_rank() -> None:
    rows = [Estimate(np.array([0.5]), np.full(50, 0.5), deterministic=True) for _ in range(2)]
    assert _of(rank(rows)) == ([1, 1], [2, 2], [1, 1], [1, 1])


def test_a_draw_without_a_value_of_one_row_ranks_none() -> None:
    """The only draws in which the worse row is ahead have no value of a third one."""
    better = np.where(np.arange(100) < 10, 0.9, 0.5)
    third = np.where(np.arange(100) < 10, np.nan, 0.0)
    rows = [
        Estimate(np.array([mean]), values, deterministic=True)
        for mean, values in ((0.5, better), (0.4, np.full(100, 0.4)), (0.0, third))
    ]
    assert rank(rows).likely_worst.tolist() == [1, 2, 3]


@pytest.mark.parametrize(("seeds", "likely"), [(1, [2, 2]), (400, [1, 2])])
def test_the_noise_of_seeds_is_in_the_likely_ranks(seeds: int, likely: list[int]) -> None:
    """Draws that never change: one seed with a spread of 0.072 leaves open which of 0.50 and 0.45 is ahead,
    the mean of 400 seeds with that spread does not."""
    spread = np.tile([-0.072, 0.072], seeds // 2) if seeds > 1 else np.zeros(1)
    rows = [Estimate(mean + spread, np.full(1000, mean)) for mean in (0.50, 0.45)]
    assert rank(rows).likely_worst.tolist() == likely


def test_the_spread_of_one_seed_is_that_of_students_law() -> None:
    """A row of one seed beside fixed ones at the 95 % ends of 0.5 + 0.072 t(2.78): 0.5 -+ 0.2397. Those
    beyond are out of its reach, those within are not."""
    fixed = [0.5 + side * 0.2397 * by for side in (1, -1) for by in (1.25, 0.8)]
    rows = [Estimate(np.array([mean]), np.full(20_000, mean), deterministic=True) for mean in fixed]
    ranking = rank([Estimate(np.array([0.5]), np.full(20_000, 0.5)), *rows])
    assert (ranking.likely_best[0], ranking.likely_worst[0]) == (2, 4)


def test_a_p_of_the_level_itself_shows_no_difference() -> None:
    """As in ranks, where pairs below the level are told apart."""
    main = Difference("auc", 0.7, 0.6, (0.0, 0.2), LEVEL, paired=False)
    assert verdict(main, ("net", "other"), None).startswith("No difference is shown: net has 0.100 auc more")
