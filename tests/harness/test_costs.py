"""Efficiency in tables: numbers in three digits, a line for each machine, nothing where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conftest import METRICS
from records_examples import example, lines_of
from wsbench.contract.records import Record
from wsbench.reports import costs, leaderboard
from wsbench.reports.rows import Row


def measured(record: Record, **changed: Any) -> Record:
    """The record with an efficiency of round numbers."""
    values = {
        "device": "cpu",
        "hardware": "Abacus 2",
        "threads": 2,
        "parameters": 230882,
        "forward_macs": 167_000_000,
        "macs": 502_000_000,
        "flops": 1_004_000_000,
        "model_bytes": 3 * 2**19,
        "inference_bytes": 2**25,
        "latency_median_ms": 5.0,
        "latency_p95_ms": 6.25,
        "latency_repeats": 50,
        "images_per_second": 210.55,
        "images_at_once": 16,
        "trained_on": "cpu",
        "training_seconds": 90.0,
        "training_images": 300,
        "training_bytes": 2**29,
    }
    return replace(record, efficiency={**values, **changed})


def lines(*records: Record) -> list[list[str]]:
    """The lines of the table of costs, without its header and the number of the table."""
    return [list(line.values())[1:] for line in lines_of(records, "costs", METRICS)]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (7, "7"),
        (0.0123, "0.0123"),
        (19.05, "19.1"),
        (999.94, "1000"),
        (230882, "231 k"),
        (1_004_000_000, "1.00 G"),
        (11.5e9, "11.5 G"),
        (2e12, "2 T"),
    ],
)
def test_three_digits(number: float, text: str) -> None:
    assert costs.short_number(number) == text


def test_a_row_of_costs() -> None:
    ((name, where, *cells),) = lines(measured(example()))
    assert (name, where) == ("net (quick)", "cpu (Abacus 2, 2 threads)")
    assert cells == ["231 k", "167 M", "502 M", "1.00 G", "1.50", "5", "6.25", "211", "32", "512", "90"]


def test_seeds_are_a_line_of_medians_and_each_machine_has_its_own() -> None:
    found = [
        measured(example(seed=seed), latency_median_ms=latency)
        for seed, latency in enumerate((4.0, 5.0, 9.0))
    ]
    other = measured(example(seed=3), device="cuda:0", hardware="Engine", threads=1, latency_median_ms=1.0)
    assert [(row[1], row[7]) for row in lines(*found, other)] == [
        ("cpu (Abacus 2, 2 threads)", "5"),
        ("cuda:0 (Engine, 1 thread); trained on cpu", "1"),
    ]


def test_what_does_not_exist_is_a_dash() -> None:
    nothing = dict.fromkeys(("forward_macs", "macs", "flops", "model_bytes", "inference_bytes", "threads"))
    unknown = {"training_bytes": None, "parameters": 0}
    ((_, where, *cells),) = lines(measured(example(), **nothing, **unknown))
    assert where == "cpu (Abacus 2)"
    assert cells == ["0", "-", "-", "-", "-", "5", "6.25", "211", "-", "-", "90"]


def test_a_page_of_its_own_shows_the_same_texts() -> None:
    row = Row((measured(example()),), METRICS)
    header, (texts,) = costs.table([row])
    assert header[:3] == ["row", "measured on", "parameters"]
    assert texts == lines(measured(example()))[0]


def test_records_without_costs_have_no_table_of_them() -> None:
    assert lines(example()) == []
    assert "costs.csv" not in leaderboard.render("phantom", [example()], METRICS)
    found = [example(), measured(example("other"))]
    assert len(lines(*found)) == 1
    assert leaderboard.render("phantom", found, METRICS).count("(tables/phantom/costs.csv)") == 1


def test_costs_part_no_rows_from_each_other() -> None:
    page = leaderboard.render("phantom", [example("first"), measured(example("second"))], METRICS)
    assert page.count("## Protocol") == 1
