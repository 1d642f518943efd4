"""How often the tables of a leaderboard err, by simulation: ``python benchmarks/ranking_simulation.py``.

It prints the tables of docs/statistics.md from the records of a leaderboards folder. The ranking procedure
and the intervals are the harness's own functions; protocol version 1's normal law stands beside them.

What is assumed of tables:

* Rows are the trained rows of the records, without those that are deterministic or have learnt nothing.
* The noise of test images is one of the records' own bootstrap draws, the same draw for every row, so that
  rows are correlated as they are on the page. Draws themselves stay as they are and move with the mean.
* Seeds are independent normal. Their true variances are the records' moderated ones, which spread less than
  the true ones do; in ``sample variances`` they are the records' sample variances, which spread more, and in
  ``one variance`` that of all rows is the median.
* ``all equal``: one true mean. ``7 groups``: rows of neighbouring records' means are equal. ``collapsing``:
  as all equal, and each seed is 0 with the chance that is named. ``records``: the records' means are true;
  values are cut to [0, 1], and the truth is then the mean of what is cut.
* ``shared trainings``: threes of rows see the same seeds with a correlation between their noises.

One network's intervals are simulated by `network_simulation`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import network_simulation
import numpy as np
from scipy.special import ndtr

from wsbench.contract import records
from wsbench.contract.plugins import find
from wsbench.contract.protocol import RANKED_BY
from wsbench.contract.records import Record
from wsbench.reports import leaderboard
from wsbench.reports.board import Board
from wsbench.reports.tabular.sections import table_key
from wsbench.scoring import intervals, significance
from wsbench.scoring.ranking import rank
from wsbench.scoring.significance import LEVEL, Estimate

SEEDS = (3, 5, 10)
COLLAPSES = (0.1, 0.2)
LARGE = 0.2
"""A difference that should be told."""

GROUPS = 7
TOGETHER = 3
"""Rows that share their trainings."""

CORRELATIONS = (0.0, 0.5, 0.9)


@dataclass(frozen=True)
class World:
    """K methods.

    Attributes:
        means, deviations: ``(K,)`` over seeds.
        draws: ``(B, K)`` joint noise of the test images, with mean 0.
        units: the number of patients of the test role.
        collapses: the chance that a seed is 0.
        correlation: of the noises of seeds of neighbouring rows; None where no training is shared.
        cut: whether values are cut to [0, 1].
    """

    means: np.ndarray
    deviations: np.ndarray
    draws: np.ndarray
    units: int
    collapses: float = 0.0
    correlation: float | None = None
    cut: bool = False

    def values(self, seeds: int, generator: np.random.Generator, shift: np.ndarray) -> np.ndarray:
        """``(K, seeds)`` values on test images that move every row by ``shift``."""
        noise = generator.normal(size=(len(self.means), seeds))
        if self.correlation:
            groups = np.arange(len(self.means)) // TOGETHER
            common = generator.normal(size=(groups[-1] + 1, seeds))[groups]
            noise = np.sqrt(self.correlation) * common + np.sqrt(1 - self.correlation) * noise
        result = (self.means + shift)[:, None] + self.deviations[:, None] * noise
        result[generator.random(result.shape) < self.collapses] = 0.0
        return np.clip(result, 0, 1) if self.cut else result

    def table(self, seeds: int, generator: np.random.Generator) -> list[Estimate]:
        """What a leaderboard would see of them."""
        shift = self.draws[generator.integers(len(self.draws))]
        rows = []
        for place, of_row in enumerate(self.values(seeds, generator, shift)):
            drawn = of_row.mean() + self.draws[:, place]
            keys = tuple(f"{place // TOGETHER} {seed}" for seed in range(seeds))
            rows.append(
                Estimate(
                    of_row,
                    np.clip(drawn, 0, 1) if self.cut else drawn,
                    trainings=() if self.correlation is None else keys,
                )
            )
        return rows

    def truth(self, generator: np.random.Generator) -> np.ndarray:
        """``(K,)`` true means of values that are cut."""
        rounds = [self.values(100, generator, shift).mean(axis=1) for shift in self.draws]
        return np.mean(rounds, axis=0)


def trained(board: Board, metric: str) -> list[Estimate]:
    """The trained rows that have learnt something."""
    estimates = [row.estimate(metric) for row in board.rows]
    return [
        row
        for row in estimates
        if row is not None
        and not row.deterministic
        and row.mean > significance.MIN_MEAN
        and row.seed_variance > significance.MIN_VARIANCE
    ]


def measure_of(folder: Path, dataset: str) -> tuple[Board, str]:
    """The largest table of a dataset and the measure whose draws its records hold."""
    metrics = find().metrics
    tables: dict[str, list[Record]] = {}
    for record in leaderboard.read_records(folder, metrics)[dataset]:
        tables.setdefault(table_key(record, metrics), []).append(record)
    board = Board.of(max(tables.values(), key=len), metrics)
    held = board.rows[0].first.protocols["uniform"]["draws"]
    return board, RANKED_BY if RANKED_BY in held else "ap25"


def version_1(rows: Sequence[Estimate], variances: np.ndarray) -> np.ndarray:
    """Two-sided p of all pairs under the normal law, as protocol version 1 had it."""
    means = np.array([row.mean for row in rows])
    of_means = np.array([row.seed_variance / len(row.values) for row in rows])
    first, second = np.array(list(combinations(range(len(rows)), 2))).T
    total = variances[first, second] + of_means[first] + of_means[second]
    return 2 * ndtr(-np.abs(means[first] - means[second]) / np.sqrt(total))


def today(rows: Sequence[Estimate], variances: np.ndarray) -> np.ndarray:
    """Two-sided p of all pairs by the harness. Variances over draws are those of the records, which
    `wsbench.scoring.significance.p_of` would compute again of every table."""
    prior = significance.prior_of(rows)
    moderated = [significance.moderate(row, prior) for row in rows]
    return np.array(
        [
            significance.p_of(rows[i], rows[j], prior)
            if significance.share_trainings(rows[i], rows[j])
            else significance.p_value(
                rows[i].mean - rows[j].mean, variances[i, j], moderated[i], moderated[j]
            )
            for i, j in combinations(range(len(rows)), 2)
        ]
    )


def claims(world: World, truth: np.ndarray, seeds: int, tables: int, generator: np.random.Generator) -> dict:
    """Shares of tables that hold a false claim, and of large differences that are claimed, by both rules;
    and the shares of equal pairs with p below `LEVEL`, in threes of shared trainings and apart."""
    first, second = np.array(list(combinations(range(len(truth)), 2))).T
    apart = truth[first] - truth[second]
    equal, large = np.abs(apart) < 1e-9, np.abs(apart) >= LARGE
    shared = first // TOGETHER == second // TOGETHER
    variances = np.var(world.draws[:, :, None] - world.draws[:, None, :], axis=0, ddof=1)
    counted: dict[str, list[float]] = {}
    for _ in range(tables):
        rows = world.table(seeds, generator)
        means = np.array([row.mean for row in rows])
        for name, rule in (("version 1", version_1), ("today", today)):
            p = rule(rows, variances)
            claimed = significance.holm(p) < LEVEL
            false = claimed & (equal | (np.sign(means[first] - means[second]) != np.sign(apart)))
            counted.setdefault(f"{name} false", []).append(false.any())
            if large.any():
                counted.setdefault(f"{name} power", []).append(claimed[large].mean())
            if equal.any():
                for what, pairs in (("shared", equal & shared), ("apart", equal & ~shared)):
                    if pairs.any():
                        counted.setdefault(f"{name} {what}", []).append((p[pairs] < LEVEL).mean())
    return {name: float(np.mean(of_tables)) for name, of_tables in counted.items()}


def coverage(
    world: World, truth: np.ndarray, seeds: int, tables: int, generator: np.random.Generator
) -> np.ndarray:
    """``(K, 3)`` how often a row's interval holds its true mean, its rank interval and its marginal rank
    interval hold its true rank."""
    ranks = 1 + (truth[None, :] > truth[:, None]).sum(axis=1)
    holds = np.zeros((tables, len(truth), 3))
    for table in range(tables):
        rows = world.table(seeds, generator)
        ranking = rank(rows)
        for place, row in enumerate(rows):
            moderated = significance.moderate(row, ranking.prior)
            low, high = intervals.of_row(
                row.mean,
                row.draws,
                moderated.variance / seeds,
                moderated.degrees,
                bounded=True,
                units=world.units,
            )
            holds[table, place, 0] = low <= truth[place] <= high
        holds[table, :, 1] = (ranking.best <= ranks) & (ranks <= ranking.worst)
        holds[table, :, 2] = (ranking.likely_best <= ranks) & (ranks <= ranking.likely_worst)
    return holds.mean(axis=0)


def worlds(rows: Sequence[Estimate], units: int) -> dict[str, World]:
    """By name."""
    rows = sorted(rows, key=lambda row: row.mean)
    means = np.array([row.mean for row in rows])
    draws = np.stack([row.draws for row in rows], axis=1)
    draws = draws[~np.isnan(draws).any(axis=1)]
    prior = significance.prior_of(rows)
    sampled = np.array([row.seed_variance**0.5 for row in rows])
    deviations = np.array([significance.moderate(row, prior).variance ** 0.5 for row in rows])
    grouped = np.concatenate(
        [np.full(len(part), part.mean()) for part in np.array_split(means, min(GROUPS, len(means)))]
    )
    records_ = World(means, deviations, draws - draws.mean(axis=0), units, cut=True)
    equal = replace(records_, means=np.full(len(means), 0.5), cut=False)
    return {
        "all equal": equal,
        "all equal, sample variances": replace(equal, deviations=sampled),
        "all equal, one variance": replace(equal, deviations=np.full(len(means), np.median(deviations))),
        f"{GROUPS} groups": replace(equal, means=grouped),
        **{
            f"collapsing, {chance:.0%}".replace("%", " %"): replace(equal, collapses=chance)
            for chance in COLLAPSES
        },
        "records": records_,
    }


def tables_of(rows: Sequence[Estimate], units: int, tables: int) -> None:
    """Print what is simulated of tables."""
    print("\n| truth | seeds | false claims, version 1 | today | power, version 1 | today |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: |")
    known = worlds(rows, units)
    for name, world in known.items():
        truth = world.truth(np.random.default_rng(1)) if world.cut else world.means
        for seeds in SEEDS:
            got = claims(world, truth, seeds, tables, np.random.default_rng(seeds))
            powers = [f"{got[key]:.2f}" if key in got else "-" for key in ("version 1 power", "today power")]
            shares = [f"{got['version 1 false']:.3f}", f"{got['today false']:.3f}"]
            print(f"| {name} | {seeds} | {' | '.join([*shares, *powers])} |", flush=True)
    print("\n| correlation | seeds | false claims, today | p < .05: rows that share trainings | apart |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for correlation in CORRELATIONS:
        world = replace(known["all equal"], correlation=correlation)
        for seeds in SEEDS:
            got = claims(world, world.means, seeds, max(tables // 4, 1), np.random.default_rng(seeds))
            shares = [f"{got[f'today {what}']:.3f}" for what in ("false", "shared", "apart")]
            print(f"| {correlation} | {seeds} | {' | '.join(shares)} |", flush=True)
    print("\n| seeds | row's interval | worst row | rank interval | rank alone | worst row |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    world = known["records"]
    truth = world.truth(np.random.default_rng(1))
    for seeds in SEEDS:
        got = coverage(world, truth, seeds, max(tables // 4, 1), np.random.default_rng(seeds))
        of_row, of_rank, alone = got.mean(axis=0)
        worst = got.min(axis=0)
        shares = [of_row, worst[0], of_rank, alone, worst[2]]
        print(f"| {seeds} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description="Simulated errors of a leaderboard's claims.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("leaderboards"))
    parser.add_argument("--dataset", default="phantom")
    parser.add_argument("--tables", type=int, default=600, help="simulated of each kind")
    parser.add_argument("--network", type=Path, help="record with predictions beside it")
    parser.add_argument("--tests", type=int, default=400, help="test sets of each size")
    parser.add_argument("--draws", type=int, default=500, help="bootstrap draws of each test set")
    arguments = parser.parse_args()
    board, metric = measure_of(arguments.folder, arguments.dataset)
    rows = trained(board, metric)
    prior = significance.prior_of(rows)
    print(
        f"{len(rows)} trained rows of {arguments.dataset}, {metric}; standard deviation over seeds "
        f"{prior.variance**0.5:.3f} with {prior.degrees:.2f} degrees of freedom"
    )
    if arguments.tables:
        tables_of(rows, board.rows[0].units, arguments.tables)
    path = arguments.network or network_simulation.typical(arguments.folder, arguments.dataset, board)
    if not arguments.tests:
        return
    if path is None:
        print("\nno record here carries predictions: one network's intervals are not simulated")
        return
    record, generator = records.load(path), np.random.default_rng(0)
    print(f"\nOne network, {record.method['name']} seed {record.seed}:\n")
    print("| measure | true | images | covered | percentile interval |\n| :--- | ---: | ---: | ---: | ---: |")
    table = network_simulation.network(path)
    network_simulation.networks(table, arguments.tests, arguments.draws, generator)


if __name__ == "__main__":
    main()
