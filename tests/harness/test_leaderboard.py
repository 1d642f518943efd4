"""Tables from records: ranking, seeds, marks, keys that must not mix, and the check."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import METRICS
from records_examples import example, lines_of
from wsbench.cli import tables
from wsbench.contract import record_files, records
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.reports import leaderboard
from wsbench.reports.rows import Row


def cells(page: str) -> list[list[str]]:
    """The rows of all tables of a page, without headers."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] not in ("method", ":---")]


def test_rows_are_ranked_by_cond_ap25() -> None:
    page = leaderboard.render(
        "phantom", [example("worse", cond_ap25=0.2), example("better", cond_ap25=0.4)], METRICS
    )
    assert [row["method"] for row in first_rows(page)] == ["better (quick)", "worse (quick)"]


def header(page: str) -> list[str]:
    """The headings of the first table."""
    return next(line for line in page.splitlines() if line.startswith("| method")).strip("| ").split(" | ")


def first_rows(page: str) -> list[dict[str, str]]:
    """The rows of the first table, by heading."""
    table = page[page.index("| method") :].split("\n\n", maxsplit=1)[0]
    return [dict(zip(header(page), row, strict=True)) for row in cells(table)]


def without_boxes(name: str, auc: float) -> Record:
    record = example(name, cond_ap25=None, auc=auc)
    metrics = record.protocols["uniform"]["metrics"]
    metrics["boxes_per_image"] = {"value": 0.0}
    record.protocols["uniform"]["draws"] = {"auc": [auc - 0.01, auc, auc + 0.01]}
    return replace(record, dataset={**record.dataset, "boxes": dict.fromkeys(record.dataset["boxes"], 0)})


def test_without_truth_boxes_rows_are_ranked_by_auc_and_measures_of_boxes_are_left_out() -> None:
    page = leaderboard.render("phantom", [without_boxes("worse", 0.7), without_boxes("better", 0.9)], METRICS)
    assert header(page) == [
        "method", "settings", "seeds", "rank", "auc", "95 %", "sensitivity", "specificity",
    ]  # fmt: skip
    assert [row[:1] + row[2:5] for row in cells(page)[:2]] == [
        ["better (quick)", "0", "**1 to 2**", "0.900"],  # one seed each: they pay the prior's 0.072
        ["worse (quick)", "0", "**1 to 2**", "0.700"],
    ]


def test_the_terminal_says_that_there_are_no_boxes(capsys: pytest.CaptureFixture[str]) -> None:
    tables.results([without_boxes("net", 0.7)], METRICS)
    shown = capsys.readouterr().out
    assert "rank: by auc" in shown
    assert "no test image has a box, so metrics of boxes are left out" in shown
    assert "cond_ap25" not in shown and "boxes an image" not in shown
    tables.results([example("net")], METRICS)
    shown = capsys.readouterr().out
    assert "rank: by cond_ap25" in shown and "no test image has a box" not in shown


def test_seeds_are_a_row_with_mean_and_sample_deviation() -> None:
    page = leaderboard.render(
        "phantom", [example(seed=seed, cond_ap25=value) for seed, value in ((2, 0.3), (0, 0.5))], METRICS
    )
    (row,) = first_rows(page)
    assert (row["method"], row["seeds"]) == ("net (quick)", "0, 2")
    assert row["cond_ap25"] == "0.400 ± 0.141"


def test_a_missing_seed_leaves_the_mean_empty_and_is_named() -> None:
    page = leaderboard.render(
        "phantom", [replace(example(seed=seed), planned_seeds=(0, 1, 2, 42)) for seed in (0, 2)], METRICS
    )
    (row,) = first_rows(page)
    assert row.pop("seeds") == "0, 2; missing 1, 42"
    assert set(row.values()) == {"net (quick)", "", "-"}


def test_ranks_are_intervals_and_the_winners_are_bold() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (3, 1000))
    records_of = [
        example(name, cond_ap25=value, draws=(value + shift).tolist(), deterministic=True)
        for name, value, shift in zip("abc", (0.51, 0.50, 0.1), noise, strict=True)
    ]
    rows = first_rows(leaderboard.render("phantom", records_of, METRICS))
    assert [(row["method"][0], row["rank"]) for row in rows] == [
        ("a", "**1 to 2**"),
        ("b", "**1 to 2**"),
        ("c", "3"),
    ]
    low, high = map(float, rows[0]["95 %"].split(" to "))
    assert (low, high) == (pytest.approx(0.51 - 0.039, abs=0.005), pytest.approx(0.51 + 0.039, abs=0.005))


def test_rows_stand_in_the_order_of_means_whatever_their_ranks() -> None:
    """Under protocol version 1, .509 +- .214 stood before .529 +- .023."""
    noise = np.random.default_rng(0).normal(0, 0.02, 1000)
    spread, close = (0.75, 0.50, 0.277), (0.55, 0.52, 0.517)
    records_of = [
        example(name, seed, cond_ap25=value, draws=(value + noise).tolist())
        for name, values in (("spread", spread), ("close", close))
        for seed, value in enumerate(values)
    ]
    rows = first_rows(leaderboard.render("phantom", records_of, METRICS))
    assert [row["method"] for row in rows] == ["close (quick)", "spread (quick)"]
    assert {row["rank"] for row in rows} == {"**1 to 2**"}


def test_a_single_seed_is_less_sure_than_three() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 1000)

    def widths(seeds: int) -> float:
        values = (0.70, 0.71, 0.69)[:seeds]
        found = [
            example("net", seed, cond_ap25=value, draws=(value + noise).tolist())
            for seed, value in enumerate(values)
        ]
        low, high = map(
            float, first_rows(leaderboard.render("phantom", found, METRICS))[0]["95 %"].split(" to ")
        )
        return high - low

    assert widths(1) > 1.5 * widths(3)


def test_an_external_row_counts_in_nobody_elses_rank() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (3, 1000))

    def page(*names: str) -> dict[str, str]:
        values = {"first": 0.6, "second": 0.3, "outside": 0.9}
        found = [
            example(
                name,
                cond_ap25=values[name],
                draws=(values[name] + noise[row]).tolist(),
                deterministic=True,
                preset="external" if name == "outside" else "quick",
            )
            for row, name in enumerate(names)
        ]
        return {
            row["method"]: row["rank"] for row in first_rows(leaderboard.render("phantom", found, METRICS))
        }

    alone, beside = page("first", "second"), page("first", "second", "outside")
    assert beside.pop("outside (external)") == "**1**"
    assert beside == alone == {"first (quick)": "**1**", "second (quick)": "2"}


def test_rows_of_old_records_have_no_rank() -> None:
    page = leaderboard.render("phantom", [example("old"), example("older", cond_ap25=0.1)], METRICS)
    assert [row["rank"] for row in first_rows(page)] == ["-", "-"]


def test_rules_chosen_for_something_else_are_another_table(tmp_path: Path) -> None:
    other = example("other")
    other.key["calibrated_for"] = "msli"
    assert leaderboard.render("phantom", [example(), other], METRICS).count("| settings | seeds") == 2
    same = replace(example(), key=other.key)
    assert leaderboard.add(same, tmp_path) != leaderboard.add(example(), tmp_path)


def test_a_value_that_does_not_exist_is_a_dash_and_no_mean() -> None:
    page = leaderboard.render("phantom", [example(seed=0), example(seed=1, auc=None)], METRICS)
    (row,) = first_rows(page)
    assert row["auc"] == "-"


def test_other_settings_are_another_row_and_say_what_changed() -> None:
    changed = example(settings={"epochs": 9}, changed={"epochs": 9}, cond_ap25=0.1)
    page = leaderboard.render("phantom", [example(), changed], METRICS)
    assert [(row["method"], row["settings"]) for row in first_rows(page)] == [
        ("net (quick)", ""),
        ("net (quick)", "epochs=9"),
    ]
    assert [row["row"] for row in lines_of([example(), changed], "uniform", METRICS)] == [
        "net (quick)",
        "net (quick) epochs=9",
    ]


def test_marks_of_blind_and_supervised_rows() -> None:
    blind = example("blind", reads_image=False, preset="default", cond_ap25=0.3)
    fitted = example("boxed", box_supervision="fit", cond_ap25=0.2)
    paper = example("paper", box_supervision="paper", cond_ap25=0.1)
    labels = [
        row["method"] for row in first_rows(leaderboard.render("phantom", [blind, fitted, paper], METRICS))
    ]
    assert labels == ["blind †", "boxed (quick) ‡", "paper (quick)"]
    assert Row((paper,), METRICS).label("paper") == "paper (quick) ‡"


def test_records_of_different_keys_share_no_table() -> None:
    page = leaderboard.render("phantom", [example("one"), example("two", fingerprint="beef")], METRICS)
    assert page.count("| settings | seeds") == 2
    assert page.count("Data `") == 2


def test_metric_versions_part_tables_and_further_metrics_do_not() -> None:
    newer, extra = example("newer"), example("extra")
    newer.key["metrics"]["cond_ap25"] = 2
    extra.key["metrics"]["my_own"] = 7
    assert leaderboard.render("phantom", [example(), newer], METRICS).count("| settings | seeds") == 2
    assert leaderboard.render("phantom", [example(), extra], METRICS).count("| settings | seeds") == 1


def test_versions_of_the_protocol_share_no_table() -> None:
    newer = example("newer")
    newer.key["protocol"] = 2
    assert leaderboard.render("phantom", [example(), newer], METRICS).count("| settings | seeds") == 2


def test_a_subset_enters_no_leaderboard(tmp_path: Path) -> None:
    with pytest.raises(
        WsbenchError, match=r"subset here \(136/6600 of train images\).* enter no leaderboard"
    ):
        leaderboard.add(example(subset={"train": [136, 6600]}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_a_subset_that_somebody_put_there_is_named(tmp_path: Path) -> None:
    path = leaderboard.add(example(), tmp_path)
    content = json.loads(record_files.read_bytes(path))
    content["dataset"]["subset"] = {"train": [136, 6600]}
    record_files.write(path, json.dumps(content))
    with pytest.raises(WsbenchError, match=r"net\S+: phantom is a subset here \(136/6600 of train images\)"):
        leaderboard.read_records(tmp_path, METRICS)


def test_check_finds_every_way_of_being_stale(tmp_path: Path) -> None:
    leaderboard.add(example(), tmp_path)
    page = tmp_path / "phantom.md"
    table = tmp_path / "tables" / "phantom" / "uniform.csv"
    assert leaderboard.stale(tmp_path, METRICS) == [page, table]  # missing
    assert leaderboard.update(tmp_path, METRICS) == [page, table]
    assert leaderboard.stale(tmp_path, METRICS) == []
    page.write_text(page.read_text().replace("0.500", "0.900"))
    table.write_text(table.read_text() + "\n")
    assert leaderboard.stale(tmp_path, METRICS) == [page, table]  # edited
    leaderboard.update(tmp_path, METRICS)
    leaderboard.add(example(seed=1, cond_ap25=0.7), tmp_path)
    assert leaderboard.stale(tmp_path, METRICS) == [page, table]  # a new record
    leaderboard.update(tmp_path, METRICS)
    orphans = [tmp_path / "other.md", tmp_path / "tables" / "other" / "uniform.csv"]
    for path in orphans:
        path.parent.mkdir(exist_ok=True)
        path.write_text("# no records")
    assert leaderboard.stale(tmp_path, METRICS) == orphans  # nothing behind them
    leaderboard.update(tmp_path, METRICS)
    assert leaderboard.stale(tmp_path, METRICS) == orphans[:1]  # a page may be somebody's own


def test_rendering_does_not_depend_on_the_order_of_records() -> None:
    found = [example("a", cond_ap25=0.1), example("b", cond_ap25=0.2), example("a", seed=1, cond_ap25=0.3)]
    assert leaderboard.render("phantom", found, METRICS) == leaderboard.render(
        "phantom", found[::-1], METRICS
    )


def test_the_same_run_submitted_twice_is_one_record(tmp_path: Path) -> None:
    leaderboard.add(example(), tmp_path)
    path = leaderboard.add(example(cond_ap25=0.6), tmp_path)
    assert [file for file in tmp_path.rglob("*.json*")] == [path]
    assert records.load(path).value("cond_ap25") == 0.6


def test_a_record_under_the_wrong_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "records" / "nih").mkdir(parents=True)
    records.write(example(), tmp_path / "records" / "nih" / "x.json")
    with pytest.raises(WsbenchError, match="is a record of dataset phantom"):
        leaderboard.read_records(tmp_path, METRICS)


def test_text_in_cells_cannot_break_the_table() -> None:
    page = leaderboard.render("phantom", [example("a|b")], METRICS)
    assert "a\\|b" in page


def test_the_table_of_most_records_comes_first() -> None:
    few = [example("few", fingerprint="0000")]
    many = [example("many", fingerprint="ffff", seed=seed) for seed in (0, 1)]
    page = leaderboard.render("phantom", few + many, METRICS)
    assert page.index("Data `ffff`") < page.index("Data `0000`")


def test_one_record_under_two_names_is_not_two_seeds(tmp_path: Path) -> None:
    path = leaderboard.add(example(), tmp_path)
    path.with_name("again.json.xz").write_bytes(path.read_bytes())
    with pytest.raises(
        WsbenchError, match=r"net\S+: is seed 0 of the same row as \S+again\.json\.xz; remove one"
    ):
        leaderboard.read_records(tmp_path, METRICS)


def test_records_of_one_table_have_equally_many_draws(tmp_path: Path) -> None:
    leaderboard.add(example(draws=[0.5, 0.4, 0.6]), tmp_path)
    leaderboard.add(example("other", draws=[0.5, 0.4]), tmp_path)
    with pytest.raises(WsbenchError, match=r"other\S+: has 2 draws, \S+net\S+ of the same table 3"):
        leaderboard.read_records(tmp_path, METRICS)
