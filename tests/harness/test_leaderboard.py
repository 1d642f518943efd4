"""Tables from records: ranking, seeds, marks, keys that must not mix, and the check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from records_examples import example
from wsbench import leaderboard, records
from wsbench.cli import tables
from wsbench.errors import WsbenchError
from wsbench.records import Record
from wsbench.rows import Row


def cells(page: str) -> list[list[str]]:
    """The rows of all tables of a page, without headers."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] not in ("method", ":---")]


def test_rows_are_ranked_by_ap25() -> None:
    page = leaderboard.render("phantom", [example("worse", ap25=0.2), example("better", ap25=0.4)])
    assert [row[0] for row in cells(page)] == ["better (quick)", "worse (quick)"]


def without_boxes(name: str, auc: float) -> Record:
    found = example(name, ap25=None, auc=auc)
    metrics = found.protocols["uniform"]["metrics"]
    metrics["boxes_per_image"] = {"value": 0.0}
    found.protocols["uniform"]["draws"] = {"auc": [auc - 0.01, auc, auc + 0.01]}
    return replace(found, dataset={**found.dataset, "boxes": dict.fromkeys(found.dataset["boxes"], 0)})


def test_without_truth_boxes_rows_are_ranked_by_auc_and_measures_of_boxes_are_left_out() -> None:
    page = leaderboard.render("phantom", [without_boxes("worse", 0.7), without_boxes("better", 0.9)])
    header = next(line for line in page.splitlines() if line.startswith("| method")).strip("| ").split(" | ")
    assert header == [
        "method",
        "seeds",
        "rank",
        "auc",
        "95 %",
        "less than the first",
        "sensitivity",
        "specificity",
    ]
    assert [row[:4] for row in cells(page)] == [
        ["better (quick)", "0", "1", "0.900"],
        ["worse (quick)", "0", "2", "0.700"],
    ]


def test_the_terminal_says_that_there_are_no_boxes(capsys: pytest.CaptureFixture[str]) -> None:
    tables.results([without_boxes("net", 0.7)])
    shown = capsys.readouterr().out
    assert "rank: by auc" in shown
    assert "no test image has a box: measures of boxes are left out" in shown
    assert "ap25" not in shown and "boxes an image" not in shown
    tables.results([example("net")])
    shown = capsys.readouterr().out
    assert "rank: by ap25" in shown and "no test image has a box" not in shown


def test_seeds_are_a_row_with_mean_and_sample_deviation() -> None:
    page = leaderboard.render(
        "phantom", [example(seed=seed, ap25=value) for seed, value in ((2, 0.3), (0, 0.5))]
    )
    (row,) = cells(page)
    assert row[:2] == ["net (quick)", "0, 2"]
    assert row[3] == "0.400 ± 0.141"


def test_a_missing_seed_leaves_the_mean_empty_and_is_named() -> None:
    page = leaderboard.render(
        "phantom", [replace(example(seed=seed), planned_seeds=(0, 1, 2, 42)) for seed in (0, 2)]
    )
    (row,) = cells(page)
    assert row[1] == "0, 2; missing 1, 42"
    assert set(row[2:]) == {"-"}


def test_ranks_mark_what_noise_cannot_tell_apart() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (3, 1000))
    found = [
        example(name, ap25=ap25, draws=(ap25 + shift).tolist())
        for name, ap25, shift in zip("abc", (0.51, 0.50, 0.1), noise, strict=True)
    ]
    rows = cells(leaderboard.render("phantom", found))
    assert [(row[0][0], row[2]) for row in rows] == [("a", "1="), ("b", "1="), ("c", "3")]
    assert rows[0][5] == "-"
    assert rows[2][5].startswith("0.410 (0.3")
    low, high = map(float, rows[0][4].split(" to "))
    assert (low, high) == (pytest.approx(0.51 - 0.039, abs=0.005), pytest.approx(0.51 + 0.039, abs=0.005))


def test_rows_of_old_records_have_no_rank() -> None:
    rows = cells(leaderboard.render("phantom", [example("old"), example("older", ap25=0.1)]))
    assert [row[2] for row in rows] == ["-", "-"]


def test_rules_chosen_for_something_else_are_another_table(tmp_path: Path) -> None:
    other = example("other")
    other.key["calibrated_for"] = "msli"
    assert leaderboard.render("phantom", [example(), other]).count("| method") == 2
    same = replace(example(), key=other.key)
    assert leaderboard.add(same, tmp_path) != leaderboard.add(example(), tmp_path)


def test_a_value_that_does_not_exist_is_a_dash_and_no_mean() -> None:
    page = leaderboard.render("phantom", [example(seed=0), example(seed=1, auc=None)])
    (row,) = cells(page)
    header = next(line for line in page.splitlines() if line.startswith("| method")).strip("| ").split(" | ")
    assert row[header.index("auc")] == "-"


def test_other_settings_are_another_row_and_say_what_changed() -> None:
    changed = example(settings={"epochs": 9}, changed={"epochs": 9}, ap25=0.1)
    assert [row[0] for row in cells(leaderboard.render("phantom", [example(), changed]))] == [
        "net (quick)",
        "net (quick) epochs=9",
    ]


def test_marks_of_blind_and_supervised_rows() -> None:
    blind = example("blind", reads_image=False, preset="default", ap25=0.3)
    fitted = example("boxed", box_supervision="fit", ap25=0.2)
    paper = example("paper", box_supervision="paper", ap25=0.1)
    labels = [row[0] for row in cells(leaderboard.render("phantom", [blind, fitted, paper]))]
    assert labels == ["blind †", "boxed (quick) ‡", "paper (quick)"]
    assert Row((paper,)).label("paper") == "paper (quick) ‡"


def test_records_of_different_keys_share_no_table() -> None:
    page = leaderboard.render("phantom", [example("one"), example("two", fingerprint="beef")])
    assert page.count("| method") == 2
    assert page.count("Data `") == 2


def test_metric_versions_part_tables_and_further_metrics_do_not() -> None:
    newer, extra = example("newer"), example("extra")
    newer.key["metrics"]["ap25"] = 2
    extra.key["metrics"]["my_own"] = 7
    assert leaderboard.render("phantom", [example(), newer]).count("| method") == 2
    assert leaderboard.render("phantom", [example(), extra]).count("| method") == 1


def test_a_subset_enters_no_leaderboard(tmp_path: Path) -> None:
    with pytest.raises(
        WsbenchError, match=r"subset here \(136/6600 of train images\).* enter no leaderboard"
    ):
        leaderboard.add(example(subset={"train": [136, 6600]}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_check_finds_every_way_of_being_stale(tmp_path: Path) -> None:
    leaderboard.add(example(), tmp_path)
    page = tmp_path / "phantom.md"
    assert leaderboard.stale(tmp_path) == [page]  # missing
    assert leaderboard.update(tmp_path) == [page]
    assert leaderboard.stale(tmp_path) == []
    page.write_text(page.read_text().replace("0.500", "0.900"))
    assert leaderboard.stale(tmp_path) == [page]  # edited
    leaderboard.update(tmp_path)
    leaderboard.add(example(seed=1, ap25=0.7), tmp_path)
    assert leaderboard.stale(tmp_path) == [page]  # a new record
    leaderboard.update(tmp_path)
    (tmp_path / "other.md").write_text("# no records")
    assert leaderboard.stale(tmp_path) == [tmp_path / "other.md"]  # nothing behind it


def test_rendering_does_not_depend_on_the_order_of_records() -> None:
    found = [example("a", ap25=0.1), example("b", ap25=0.2), example("a", seed=1, ap25=0.3)]
    assert leaderboard.render("phantom", found) == leaderboard.render("phantom", found[::-1])


def test_the_same_run_submitted_twice_is_one_record(tmp_path: Path) -> None:
    leaderboard.add(example(), tmp_path)
    path = leaderboard.add(example(ap25=0.6), tmp_path)
    assert [file for file in tmp_path.rglob("*.json")] == [path]
    assert records.load(path).value("ap25") == 0.6


def test_a_record_under_the_wrong_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "records" / "nih").mkdir(parents=True)
    records.write(example(), tmp_path / "records" / "nih" / "x.json")
    with pytest.raises(WsbenchError, match="is a record of dataset phantom"):
        leaderboard.read(tmp_path)


def test_text_in_cells_cannot_break_the_table() -> None:
    page = leaderboard.render("phantom", [example("a|b")])
    assert "a\\|b" in page


def test_the_table_of_most_records_comes_first() -> None:
    few = [example("few", fingerprint="0000")]
    many = [example("many", fingerprint="ffff", seed=seed) for seed in (0, 1)]
    page = leaderboard.render("phantom", few + many)
    assert page.index("Data `ffff`") < page.index("Data `0000`")
