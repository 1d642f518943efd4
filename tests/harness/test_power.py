"""Power: numbers by hand, reference numbers, limits, simulated tables, rows by name, and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from conftest import METRICS
from records_examples import example
from wsbench.contract import records
from wsbench.contract.records import Record
from wsbench.reports import leaderboard
from wsbench.reports.board import Board
from wsbench.reports.power import (
    Comparison,
    comparison_of,
    holm_level,
    power_of,
    seeds_needed,
    sentence,
    smallest_difference,
    typical,
)
from wsbench.scoring.significance import LEVEL, Estimate, Prior, moderate, p_value

PRIOR = Prior(2.78, 0.08**2)
STATED = Comparison((0.08**2, 0.08**2), 0.025**2, 620, PRIOR)
BOTH_TAILS = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)  # 2.80 standard deviations


@pytest.mark.parametrize(
    ("images", "expected"), [(620, (0.24, 0.17, 0.12, 0.09)), (5000, (0.24, 0.16, 0.11, 0.06))]
)
def test_reference_numbers(images: int, expected: tuple[float, ...]) -> None:
    """Those of an independent computation, for a standard deviation over seeds of 0.08. They imply one of
    0.025 over 620 test images: 0.09 / 2.80 squared, less 2 x 0.08 ** 2 / 30."""
    for seeds, difference in zip((3, 5, 10, 30), expected, strict=True):
        assert smallest_difference(STATED, seeds, images) == pytest.approx(difference, abs=0.0125)


def test_without_noise_of_seeds_it_is_the_normal_laws() -> None:
    certain = Comparison((0.0, 0.0), 0.03**2, 500, PRIOR)
    assert smallest_difference(certain, 1, 500) == pytest.approx(BOTH_TAILS * 0.03, rel=1e-4)
    assert smallest_difference(certain, 1, 2000) == pytest.approx(BOTH_TAILS * 0.015, rel=1e-4)
    assert power_of(certain, BOTH_TAILS * 0.03, 7, 500) == pytest.approx(0.8, abs=1e-4)


def test_with_many_seeds_it_is_the_normal_laws_too() -> None:
    many = smallest_difference(STATED, 1000, 620)
    assert many == pytest.approx(BOTH_TAILS * np.sqrt(0.025**2 + 2 * 0.08**2 / 1000), rel=0.01)


def test_a_single_pair_of_known_spread_is_students() -> None:
    """One row has no noise, the other one seed: p is Student's with the prior's degrees, and nothing of the
    sample enters the bound."""
    prior = Prior(5.0, 0.04)
    alone = Comparison((0.04, 0.0), 0.0, 100, prior)
    bound = stats.t.ppf(0.975, 5.0) * 0.2
    expected = bound + stats.norm.ppf(0.8) * 0.2
    assert smallest_difference(alone, 1, 100) == pytest.approx(expected, rel=2e-3)


def test_no_difference_is_told_with_half_the_level_and_a_difference_without_noise_always() -> None:
    known = Comparison((0.0, 0.0), 0.03**2, 500, PRIOR)
    assert power_of(known, 0.0, 3, 500) == pytest.approx(LEVEL / 2, rel=1e-3)
    none = Comparison((0.0, 0.0), 0.0, 500, PRIOR)
    assert power_of(none, 0.001, 3, 500) == 1.0
    assert smallest_difference(none, 3, 500) == 0.0
    assert seeds_needed(none, 0.001, 500) == 1


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_simulated_rows_are_told_apart_as_often_as_it_says(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    difference, told, rounds = smallest_difference(STATED, seeds, 620), 0, 1500
    for _ in range(rounds):
        first, second = (
            Estimate(generator.normal(mean, 0.08, seeds), np.zeros(2)) for mean in (difference, 0.0)
        )
        observed = first.mean - second.mean + generator.normal(0, 0.025)
        p = p_value(observed, 0.025**2, moderate(first, PRIOR), moderate(second, PRIOR))
        told += p < LEVEL and observed > 0
    assert told / rounds == pytest.approx(0.8, abs=0.035)  # over three standard errors


def test_how_many_seeds_are_needed_is_the_other_way_round() -> None:
    needed = seeds_needed(STATED, 0.1, 620)
    assert needed is not None
    assert smallest_difference(STATED, needed, 620) <= 0.1 < smallest_difference(STATED, needed - 1, 620)
    assert seeds_needed(STATED, 0.06, 620) is None  # below 2.80 x 0.025, whatever the seeds
    assert seeds_needed(STATED, 0.06, 5000) is not None


def test_holms_first_level() -> None:
    assert holm_level(2) == LEVEL
    assert holm_level(10) == LEVEL / 45
    assert smallest_difference(STATED, 5, 620, holm_level(10)) > smallest_difference(STATED, 5, 620)


def test_rows_that_share_trainings_have_the_variance_of_their_paired_differences() -> None:
    draws = np.random.default_rng(0).normal(0, 0.02, (2, 500))
    shared = {"trainings": ("a", "b", "c")}
    first = Estimate(np.array([0.3, 0.5, 0.7]), draws[0], **shared)
    second = Estimate(np.array([0.21, 0.40, 0.59]), draws[1], **shared)
    paired = comparison_of(first, second, PRIOR, 620)
    # Differences 0.09, 0.10, 0.11: variance 0.0001 with 2 degrees, beside twice the prior's with 2.78.
    moderated = (2 * 0.0001 + 2.78 * 2 * PRIOR.variance) / 4.78
    assert paired.seed_variances == pytest.approx((moderated,))
    assert paired.prior.variance == 2 * PRIOR.variance
    assert paired.image_variance == pytest.approx(np.var(draws[0] - draws[1], ddof=1))
    apart = comparison_of(replace(first, trainings=()), second, PRIOR, 620)
    assert len(apart.seed_variances) == 2
    assert smallest_difference(paired, 3, 620) < smallest_difference(apart, 3, 620)


def drawn(name: str, seed: int, value: float, **more: object) -> Record:
    generator = np.random.default_rng(seed + 10 * len(name))
    return example(name, seed, cond_ap25=value, draws=generator.normal(value, 0.02, 200).tolist(), **more)


def table(seeds: int = 3) -> list[Record]:
    """Two trained rows and one that never looks."""
    trained = [
        drawn(name, seed, 0.5 + 0.1 * (seed % 2)) for name in ("net", "other") for seed in range(seeds)
    ]
    return [*trained, drawn("blind", 0, 0.4, deterministic=True, reads_image=False)]


def test_the_page_says_what_it_can_tell() -> None:
    board = Board.of(table(), METRICS)
    comparison, seeds = typical(board)
    assert (seeds, comparison.images) == (3, 2)
    told = smallest_difference(comparison, 3, 2)
    assert (
        f"With 3 seeds a row and 2 test images, differences of `cond_ap25` below about {told:.2f} cannot"
        in (sentence(board))
    )
    assert sentence(board) in leaderboard.render("phantom", table(), METRICS)


def test_a_table_of_no_trained_rows_says_nothing() -> None:
    board = Board.of([drawn("blind", 0, 0.4, deterministic=True), drawn("net", 0, 0.5)], METRICS)
    assert typical(board) is None
    assert sentence(board) == ""


def committed(folder: Path) -> Path:
    for record in table():
        leaderboard.add(record, folder)
    return folder


def test_the_command_with_stated_values(command) -> None:
    code, out, _ = command("power", "--seed-sd", "0.08", "--test-sd", "0.025", "--images", "620,5000")
    assert code == 0
    assert out.startswith("Smallest difference that is detected with 80 % power in one comparison:")
    row = next(line for line in out.splitlines() if line.startswith("| 620"))
    assert float(row.split("|")[2]) == pytest.approx(smallest_difference(STATED, 3, 620), abs=6e-4)
    stated = ["--seed-sd", "0.08", "--test-sd", "0.025", "--images", "620", "--difference", "0.1"]
    code, out, _ = command("power", *stated)
    assert code == 0
    assert f"| 620 | {seeds_needed(STATED, 0.1, 620)} |" in out
    assert "no number: too few images" in command("power", *stated[:-1], "0.06")[1]
    assert "a table of 10 rows, after Holm's correction" in command("power", *stated, "--rows", "10")[1]


def test_the_command_with_rows(command, tmp_path: Path) -> None:
    folder = str(committed(tmp_path))
    code, out, _ = command("power", "net (quick)", "other (quick)", "--leaderboards", folder)
    assert code == 0
    assert out.startswith("cond_ap25: 0.533 and 0.533; moderated standard deviation of seeds 0.")
    assert "| 2 | " in out


def test_the_command_with_a_row_and_runs(command, tmp_path: Path) -> None:
    """Runs beside a committed row: the prior is that of the row's table."""
    folder, runs = str(committed(tmp_path / "boards")), tmp_path / "runs"
    for record in table():
        records.write(record, runs / record.method["name"] / f"seed{record.seed}" / records.FILE)
    by_name = command("power", "net (quick)", "other (quick)", "--leaderboards", folder)
    by_runs = command("power", "net (quick)", str(runs / "other" / "*"), "--leaderboards", folder)
    assert by_runs == by_name
    assert by_name[0] == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "name two rows, or give --seed-sd, --test-sd and --images"),
        (["one"], "name two rows"),
        (["--seed-sd", "0.1"], "--seed-sd, --test-sd and --images must be given together"),
        (["--seed-sd", "0.1", "--test-sd", "-1", "--images", "9"], "must not be negative"),
        (
            ["--seed-sd", "0.1", "--test-sd", "0", "--images", "0"],
            "--images 0: must be whole numbers above 0",
        ),
        (["--difference", "0"], "--difference 0: must be above 0"),
        (["--rows", "1"], "--rows 1: must be at least 2"),
    ],
)
def test_the_command_refuses(command, words: list[str], line: str) -> None:
    code, _, error = command("power", *words)
    assert code == 2
    assert line in error
