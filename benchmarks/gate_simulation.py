"""How often the rule on a curve that still rises calls a row "not converged", where the truth is known.

The AUC on select after epoch e is ``0.9 - 0.4 exp(-e / tau)`` plus noise, independent between epochs and
seeds. A row of several seeds is flagged if the mean over its seeds of `wsbench.torch.learning.gain_at_end` is
above `wsbench.torch.learning.RISE`. What another quarter of the epochs would have gained is known exactly.

    python benchmarks/gate_simulation.py [--samples 2000]
"""

from __future__ import annotations

import argparse
import math
from itertools import product

import numpy as np

from wsbench.torch.learning import RISE, gain_at_end

EPOCHS, SEEDS = (6, 8, 12, 24, 100), (1, 3, 5)
NOISE = (0.005, 0.01, 0.02)
"""Standard deviations of an epoch's AUC. In finished trainings of CLARiTY they were 0.005 to 0.01."""

START = 0.4
"""How far the AUC lies below its limit before the first epoch."""

GAINS = (0.0, 0.005, 0.01, 0.02, 0.03)
"""What another quarter of the epochs would gain. A curve bends, so its last quarter has risen by more."""


def curve(epochs: int, gain: float) -> np.ndarray:
    """``(epochs,)`` AUCs without noise, whose next quarter of epochs gains so much."""
    if gain == 0:
        return np.full(epochs, 0.9)
    quarter = math.ceil(epochs / 4)
    times = np.geomspace(0.2, 10, 400) * epochs
    gains = START * (np.exp(-epochs / times) - np.exp(-(epochs + quarter) / times))
    time = times[np.argmax(gains >= gain)]
    return np.asarray(0.9 - START * np.exp(-np.arange(1, epochs + 1) / time))


def flagged(
    generator: np.random.Generator, curve_: np.ndarray, noise: float, seeds: int, samples: int
) -> float:
    """The share of rows that the rule calls "not converged"."""
    noisy = curve_ + generator.normal(scale=noise, size=(samples, seeds, len(curve_)))
    gains = np.apply_along_axis(gain_at_end, 2, noisy)
    return float((gains.mean(axis=1) > RISE).mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    samples = parser.parse_args().samples
    generator = np.random.default_rng(0)
    print(f"share of rows that are flagged; limit {RISE}, {samples} rows a cell")
    print("| epochs | noise | seeds | " + " | ".join(f"gain {gain}" for gain in GAINS) + " |")
    print("| ---: | ---: | ---: |" + " ---: |" * len(GAINS))
    for epochs, noise, seeds in product(EPOCHS, NOISE, SEEDS):
        cells = [flagged(generator, curve(epochs, gain), noise, seeds, samples) for gain in GAINS]
        print(f"| {epochs} | {noise} | {seeds} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
