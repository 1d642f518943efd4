"""How often the differences of a sweep err, by simulation: ``python benchmarks/sweep_simulation.py``.

A sweep compares every row with a baseline, by `wsbench.scoring.compared.difference`, with the prior of the
table, and corrects p for all of them (Holm). Here all rows have the same true mean. Seeds are independent
normal, with one standard deviation for all rows or with those that the default prior draws. The noise of test
images has a standard deviation of 0.025, as on the phantom, and half of its variance is common to all rows.

It prints, for each number of rows and seeds, the share of sweeps that claim any difference (at most 5 %), and
the share of single 95 % intervals that hold 0.
"""

from __future__ import annotations

import argparse

import numpy as np

from wsbench.scoring.compared import difference
from wsbench.scoring.significance import DEFAULT_PRIOR, LEVEL, Estimate, holm, prior_of

ROWS = (3, 5, 9, 20)
SEEDS = (2, 3, 5)
DRAWS = 200
IMAGES = 0.025


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sweeps", type=int, default=2000, help="simulated sweeps of each line")
    sweeps = parser.parse_args().sweeps
    generator = np.random.default_rng(0)
    print("| seeds differ by | rows | seeds | sweeps with a false claim | intervals that hold 0 |")
    print("| :--- | ---: | ---: | ---: | ---: |")
    for spread in ("0.08 in each row", "the prior's law"):
        for rows in ROWS:
            for seeds in SEEDS:
                claims, held = errors(rows, seeds, spread, sweeps, generator)
                print(f"| {spread} | {rows} | {seeds} | {claims:.1%} | {held:.1%} |", flush=True)


def errors(
    rows: int, seeds: int, spread: str, sweeps: int, generator: np.random.Generator
) -> tuple[float, float]:
    """The share of sweeps with a false claim, and of intervals that hold the truth."""
    claims, held = 0, 0
    for _ in range(sweeps):
        base, *others = table(rows, seeds, spread, generator)
        prior = prior_of([base, *others])
        differences = [difference("value", row, base, prior) for row in others]
        claims += bool((holm([one.p for one in differences]) < LEVEL).any())
        held += sum(one.interval[0] <= 0 <= one.interval[1] for one in differences)
    return claims / sweeps, held / sweeps / (rows - 1)


def table(rows: int, seeds: int, spread: str, generator: np.random.Generator) -> list[Estimate]:
    """The rows of a sweep whose true means are equal."""
    deviations = np.full(rows, 0.08)
    if spread == "the prior's law":
        degrees = DEFAULT_PRIOR.degrees
        deviations = np.sqrt(DEFAULT_PRIOR.variance * degrees / generator.chisquare(degrees, rows))
    values = 0.5 + deviations[:, None] * generator.normal(size=(rows, seeds))
    own, common = generator.normal(0, IMAGES * np.sqrt(0.5), (2, DRAWS + 1, rows))
    noise = own + common[:, :1]  # the last draw is what the test images of this sweep do
    return [
        Estimate(of_row + noise[-1, row], of_row.mean() + noise[:-1, row])
        for row, of_row in enumerate(values)
    ]


if __name__ == "__main__":
    main()
