"""The simulation of scores by collection: knowing the collection gains in the pooled AUC, and not within."""

from __future__ import annotations

import pytest

from conftest import METRICS, benchmark_module

AUC = {"auc": METRICS["auc"]}


def test_knowing_the_collection_gains_in_the_pooled_auc_and_not_within() -> None:
    simulation = benchmark_module("collection_simulation")
    result = simulation.simulated(simulation.METHODS["only the collection"], 1, AUC, samples=3, seed=0)
    assert result["pooled"] > 0.65
    assert result["within"] == 0.5
    assert result["across"] > 0.8


@pytest.mark.parametrize(
    "words", ["the collection, with noise", "the finding, and collections the wrong way"]
)
def test_the_auc_within_collections_is_that_of_the_finding(words: str) -> None:
    simulation = benchmark_module("collection_simulation")
    method = simulation.METHODS[words]
    result = simulation.simulated(method, 1, AUC, samples=60, seed=1)
    assert result["within"] == pytest.approx(method.auc, abs=0.02)
    assert abs(result["pooled"] - method.auc) > 0.08
    assert result["held"] >= 0.88
    assert 0.05 < result["width"] < 0.25
