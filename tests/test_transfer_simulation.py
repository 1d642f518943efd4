"""The simulation of the intervals of drops: they hold what is true about as often as they say."""

from __future__ import annotations

from conftest import METRICS, benchmark_module


def test_intervals_hold_the_true_drop() -> None:
    simulation = benchmark_module("transfer_simulation")
    own, there = simulation.World(0.95, 0.7), simulation.World(0.8, 0.4, 0.5)
    metrics = {name: METRICS[name] for name in simulation.SHOWN}
    result = simulation.covered(own, there, (75, 75, 1), metrics, samples=80, seed=0)
    for name, (held, _, width) in result.items():
        assert held >= 0.88, name
        assert 0.05 < width < 0.8, name
