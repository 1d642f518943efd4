"""The simulation behind docs/statistics.md: it sees errors that are there, and its command prints all
tables."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from conftest import benchmark_module
from wsbench.scoring.significance import Prior

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    return benchmark_module("ranking_simulation")


def equal_methods(simulation: ModuleType, rows: int = 20) -> object:
    """Methods with one mean, whose seeds differ by 0.08 and whose test images add 0.02."""
    noise = np.random.default_rng(0).normal(0, 0.02, (200, rows))
    return simulation.World(np.full(rows, 0.5), np.full(rows, 0.08), noise - noise.mean(axis=0), units=200)


def test_version_1_claims_what_is_not_there_and_version_2_does_not(simulation: ModuleType) -> None:
    """Twenty equal methods of three seeds: by the normal law half of all tables claim a difference."""
    world = equal_methods(simulation)
    errors = simulation.claims(world, world.means, 3, 60, np.random.default_rng(0))
    assert errors["version 1 false"] > 0.2
    assert errors["today false"] < 0.1


def test_the_command_prints_all_tables(
    simulation: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ROOT / "leaderboards"
    words = [str(folder), "--tables", "1", "--tests", "2", "--draws", "20"]
    monkeypatch.setattr(sys, "argv", ["ranking_simulation.py", *words])
    simulation.main()
    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if "|" in line]
    headings = [row for row in rows if row in ("truth", "correlation", "seeds", "measure")]
    assert headings == ["truth", "correlation", "seeds", "measure"]
    tables = len(simulation.SEEDS) * (7 + len(simulation.CORRELATIONS) + 1)
    of_one = simulation.network_simulation
    of_network = len(of_one.SIZES) * len(of_one.METRICS)
    assert len(rows) == tables + of_network + 2 * len(headings)


def test_a_sweep_seldom_claims_what_is_not_there_and_the_simulation_would_see_it() -> None:
    """Five equal rows, and the same with a test that takes three seeds for thirty."""
    sweeps = benchmark_module("sweep_simulation")
    claims, held = sweeps.errors(5, 3, "the prior's law", 100, np.random.default_rng(0))
    assert claims < 0.1
    assert held > 0.9
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sweeps, "prior_of", lambda rows: Prior(30.0, 0.02**2))
        assert sweeps.errors(5, 3, "the prior's law", 100, np.random.default_rng(0))[0] > 0.2
