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

What is assumed of one network: its population is the run's test images, each many times, with class scores
moved by a tenth of the standard deviation of their logits, and test sets are drawn from it image by image.
Thresholds and the boxes of calibrate stay as they are, so their noise is no part of this simulation.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.special import expit, logit, ndtr

from wsbench import (
    intervals,
    leaderboard,
    plugins,
    records,
    replay,
    replay_arrays,
    scoring,
    significance,
)
from wsbench.board import Board
from wsbench.evaluation import dataset_of
from wsbench.measuring import macro, rarer_units, values
from wsbench.progress import Silent
from wsbench.protocol import RANKED_BY
from wsbench.ranking import rank
from wsbench.records import Record
from wsbench.resampling import Resamples, interval
from wsbench.rows import UNBOUNDED
from wsbench.scored import BoxTable, Scored
from wsbench.significance import LEVEL, Estimate

SEEDS = (3, 5, 10)
SIZES = (75, 155, 370, 620)
METRICS = ("cond_ap25", "cond_gain", "ap25", "map_gain", "auc", "sensitivity")
COPIES = 20
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
        and row.mean > significance.LEAST_MEAN
        and row.seed_variance > significance.LEAST_VARIANCE
    ]


def measure_of(folder: Path, dataset: str) -> tuple[Board, str]:
    """The largest table of a dataset and the measure whose draws its records hold."""
    tables: dict[str, list[Record]] = {}
    for record in leaderboard.read(folder)[dataset]:
        tables.setdefault(leaderboard.table_key(record), []).append(record)
    board = Board.of(max(tables.values(), key=len))
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
    `wsbench.significance.p_of` would compute again of every table."""
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


def boxes_of(table: BoxTable, images: np.ndarray) -> BoxTable:
    """The boxes of some images, which may occur more than once."""
    order = np.argsort(table.image, kind="stable")
    first = np.searchsorted(table.image[order], images, side="left")
    count = np.searchsorted(table.image[order], images, side="right") - first
    rows = np.repeat(np.arange(len(images)), count)
    taken = order[np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(rows))]
    return BoxTable(rows, table.label[taken], table.xyxy[taken], table.score[taken])


def images_of(table: Scored, images: np.ndarray) -> Scored:
    """A test set of some images of a table. How many fixed boxes are best on the calibrate role is the same
    for all, and takes most of the time: it is passed on."""
    some = replace(
        table,
        names=tuple(f"image {number}" for number in range(len(images))),
        sizes=table.sizes[images],
        labels=table.labels[images],
        known=table.known[images],
        truth=boxes_of(table.truth, images),
        scores=table.scores[images],
        predicted=boxes_of(table.predicted, images),
    )
    counts = {key: value for key, value in table._shared.items() if isinstance(value, tuple)}
    some._shared.update(counts)
    return some


def population(table: Scored, generator: np.random.Generator) -> Scored:
    """Each image of a table many times, with class scores that differ a little."""
    many = images_of(table, np.tile(np.arange(len(table.names)), COPIES))
    logits = logit(np.clip(many.scores, 1e-6, 1 - 1e-6))
    moved = expit(logits + generator.normal(size=logits.shape) * 0.1 * logits.std(axis=0))
    boxes = many.predicted
    ratio = (moved / np.maximum(many.scores, 1e-6))[boxes.image, boxes.label]
    return replace(many, scores=moved, predicted=replace(boxes, score=boxes.score * ratio))


def network(path: Path) -> Scored:
    """The table of a run or a submission, from its record and the predictions beside it."""
    record = records.load(path)
    loaded = dataset_of(record, plugins.find([]), Silent(), None)
    beside = path.with_suffix(".npz")
    arrays = replay_arrays.load(beside if beside.exists() else path.parent / replay_arrays.FILE)
    said = record.protocols["uniform"]
    protocol = replay._protocol(arrays, "uniform", said, loaded, scoring.draws_of(loaded))
    return scoring.table(loaded, protocol)


def networks(table: Scored, tests: int, draws: int, generator: np.random.Generator) -> list[str]:
    """Rows of the table of one network: coverage of its intervals, by metric and size of the test set."""
    specs, everything = plugins.find([]).metrics, population(table, generator)
    once = Resamples.once(len(everything.names))
    truth = {name: macro(values(specs[name], everything, once))[0] for name in METRICS}
    lines = []
    for size in SIZES:
        holds: dict[str, list[tuple[bool, bool]]] = {name: [] for name in METRICS}
        for test in range(tests):
            some = images_of(everything, generator.integers(len(everything.names), size=size))
            resamples = Resamples.draw(range(size), draws, test)
            units = int(rarer_units(some, resamples).sum())
            for name in METRICS:
                value = macro(values(specs[name], some, Resamples.once(size)))[0]
                drawn = macro(values(specs[name], some, resamples))
                ours = intervals.of_draws(value, drawn, bounded=name not in UNBOUNDED, units=units)
                theirs = interval(drawn)
                if ours is not None and theirs is not None:
                    holds[name].append(tuple(low <= truth[name] <= high for low, high in (ours, theirs)))
        for name in METRICS:
            ours, theirs = np.mean(holds[name], axis=0)
            lines.append(f"| {name} | {truth[name]:.3f} | {size} | {ours:.3f} | {theirs:.3f} |")
            print(lines[-1], flush=True)
    return lines


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


def typical(folder: Path, dataset: str, board: Board) -> Path | None:
    """The record of middle rank among those that carry predictions."""
    ordered = [row.first for row in board.rows if row.first.method["reads_image"]]
    paths = {
        (record.method["name"], record.seed, str(record.method["settings"])): path
        for path in sorted((folder / "records" / dataset).glob("*.json"))
        if path.with_suffix(".npz").exists()
        for record in [records.load(path)]
    }
    keys = [(record.method["name"], record.seed, str(record.method["settings"])) for record in ordered]
    carried = [paths[key] for key in keys if key in paths]
    return carried[len(carried) // 2] if carried else None


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
    path = arguments.network or typical(arguments.folder, arguments.dataset, board)
    if not arguments.tests:
        return
    if path is None:
        print("\nno record here carries predictions: one network's intervals are not simulated")
        return
    print(f"\nOne network, {records.load(path).method['name']} seed {records.load(path).seed}:\n")
    print("| measure | true | images | covered | percentile interval |\n| :--- | ---: | ---: | ---: | ---: |")
    networks(network(path), arguments.tests, arguments.draws, np.random.default_rng(0))


if __name__ == "__main__":
    main()
