"""How often two rows of three seeds are told apart by their AUC, where the truth is known and the table is
small, so that the default prior stands for the noise of seeds.

    python benchmarks/auc_prior_simulation.py
"""

from __future__ import annotations

from itertools import product

import numpy as np

from wsbench.scoring.significance import DEFAULT_PRIOR, Estimate, p_of

SPREADS = (0.003, 0.006, 0.012)
"""Standard deviations of the AUC over seeds. On our pages they are 0.002 to 0.022."""

DIFFERENCES = (0.0, 0.02, 0.05)
PAIRS, SEEDS, DRAWS, IMAGES = 400, 3, 200, 0.005
"""Pairs of rows for each line, seeds of a row, bootstrap draws, and the noise of test images."""


def row(generator: np.random.Generator, auc: float, spread: float) -> Estimate:
    """A row whose seeds and test images add noise to its true AUC."""
    values = auc + generator.normal(0, IMAGES) + generator.normal(0, spread, SEEDS)
    return Estimate(values, values.mean() + generator.normal(0, IMAGES, DRAWS))


def main() -> None:
    """Print the share of pairs with p below 0.05."""
    generator = np.random.default_rng(0)
    print("| spread over seeds | true difference | told apart |")
    print("| ---: | ---: | ---: |")
    for spread, difference in product(SPREADS, DIFFERENCES):
        pairs = [
            (row(generator, 0.97, spread), row(generator, 0.97 - difference, spread)) for _ in range(PAIRS)
        ]
        told = np.mean([p_of(first, second, DEFAULT_PRIOR) < 0.05 for first, second in pairs])
        print(f"| {spread} | {difference} | {told:.3f} |")


if __name__ == "__main__":
    main()
